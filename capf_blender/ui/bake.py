# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a take to keys."""

import bpy

from ..blender import live
from ..blender.drawing import draw_sentence
from .section import ClosedSection, Section, draw_main_button, draw_switched


class Bake(Section):
    bl_label = "Bake"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        layout.prop(settings, "take_folder")
        draw_main_button(layout, "capf.apply_take", "POSE_HLT")
        if settings.live and live.status:
            draw_sentence(layout, live.status, "INFO", context.region.width)
        column = layout.column()
        column.prop(settings, "destination")
        if settings.destination == "NLA":
            column.prop(settings, "blend_frames")
        column.prop(settings, "live")


class BakedFrames(ClosedSection):
    bl_label = "Frames"
    parent = Bake

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column = layout.column()
        draw_switched(
            column, settings, "Range", "use_key_range", "key_start", "key_end",
            otherwise="Whole take",
        )  # fmt: skip
        column.prop(settings, "key_step")


class BakedParts(ClosedSection):
    bl_label = "Body Parts"
    parent = Bake

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        layout.column(align=True).prop(settings, "parts")
        column = layout.column()
        column.row().prop(settings, "limbs", expand=True)
        column.prop(settings, "key_switches")


class FewerKeys(ClosedSection):
    bl_label = "Fewer Keys"
    parent = Bake

    def draw_header(self, context: bpy.types.Context) -> None:
        self.layout.prop(self.settings(context), "use_reduction", text="")

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        layout.active = settings.use_reduction
        layout.prop(settings, "key_tolerance")


SECTIONS = (Bake, BakedFrames, BakedParts, FewerKeys)
