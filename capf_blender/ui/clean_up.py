# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the captured motion is cleaned: a preset, and the values behind it."""

import bpy

from .section import ClosedSection


class CleanUp(ClosedSection):
    bl_label = "Clean-Up"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        layout.prop(settings, "preset", text="Preset")


class Smoothing(ClosedSection):
    bl_label = "Smoothing"
    parent = CleanUp

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column = layout.column(align=True)
        column.prop(settings, "body_hz")
        column.prop(settings, "extremities_hz")
        column.prop(settings, "head_hz")
        column.prop(settings, "depth_hz")
        layout.prop(settings, "dead_zone_m")


class Repair(ClosedSection):
    bl_label = "Repair"
    parent = CleanUp

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column = layout.column()
        column.prop(settings, "repair_sides")
        column.prop(settings, "natural_hinges")
        column.prop(settings, "outlier_sigmas")
        column.prop(settings, "longest_gap_s")
        column.prop(settings, "image_pull", text="Follow Image")


SECTIONS = (CleanUp, Smoothing, Repair)
