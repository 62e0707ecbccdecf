# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which footage, and what is known of the camera that took it."""

import bpy

from ..blender import compat, footage
from ..blender.drawing import draw_sentence
from ..core.errors import CaptureError
from .section import ClosedSection, Section, draw_switched


class Footage(Section):
    bl_label = "Footage"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        scene, width = settings.id_data, context.region.width
        if not compat.strips(scene):
            text = "Add a video in the Video Sequencer"
            if compat.sequencer_without_scene(context):
                text = "Choose or make a scene in the Video Sequencer's header, then add a video"
            draw_sentence(layout, text, "INFO", width)
            return
        column = layout.column()
        column.prop_search(settings, "strip", scene.sequence_editor, "strips_all", icon="SEQUENCE")
        if not settings.strip:
            try:
                text, icon = f"Captures {footage.find_strip(context, '').name}", "FILE_MOVIE"
            except CaptureError as error:
                text, icon = str(error), "INFO"
            draw_sentence(column, text, icon, width)
        draw_switched(
            column, settings, "Frames", "use_range", "frame_start", "frame_end",
            otherwise="Whole strip",
        )  # fmt: skip


class Camera(ClosedSection):
    bl_label = "Camera"
    parent = Footage

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column = layout.column()
        column.prop(settings, "camera_source", text="Source")
        if settings.camera_source == "FOOTAGE":
            draw_switched(
                column, settings, "View Angle", "use_field_of_view", "field_of_view",
                otherwise="Automatic",
            )  # fmt: skip
            draw_switched(column, settings, "Pitch", "use_tilt", "pitch", otherwise="Automatic")
            if settings.use_tilt:
                column.prop(settings, "roll")
        elif settings.camera_source == "SCENE":
            column.prop(context.scene, "camera", text="Object")
            column.operator("capf.height_from_camera", icon="DRIVER_DISTANCE")
        else:
            column.prop(settings, "clip")
        column = layout.column()
        if settings.camera_source != "SCENE":
            column.prop(settings, "capture_camera", text="Object")
        column = layout.column(align=True)
        if settings.camera_source != "SCENE":
            column.operator("capf.match_camera", icon="VIEW_CAMERA")
        column.operator("capf.show_footage", icon="IMAGE_BACKGROUND")


SECTIONS = (Footage, Camera)
