# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to look at after a bake, and single frames put right by hand."""

import bpy

from ..blender import compat, shown
from ..blender.drawing import draw_sentence
from ..core.errors import CaptureError
from .section import ClosedSection

_ROWS = 3  # of the list, at least


class Check(ClosedSection):
    bl_label = "Check"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        for line in settings.advice.splitlines():
            draw_sentence(layout, line, "ERROR", context.region.width)
        column = layout.column()
        column.prop(settings, "confidence_threshold", text="Doubt Below")
        _draw_summary(column, settings, context)
        row = layout.row(align=True)
        row.operator("capf.previous_doubtful", text="Previous", icon="PREV_KEYFRAME")
        row.operator("capf.next_doubtful", text="Next", icon="NEXT_KEYFRAME")
        layout.prop(settings, "show_joints")


def _draw_summary(
    layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup, context: bpy.types.Context
) -> None:
    if not shown.is_baked(settings):
        return
    try:
        lines = shown.of(context).summary(settings.confidence_threshold)
    except CaptureError as error:
        draw_sentence(layout, str(error), "INFO", context.region.width)
        return
    for line in lines:
        draw_sentence(layout, line, "DOT", context.region.width)
    if not lines:
        draw_sentence(layout, "All parts are sure enough", "CHECKMARK", context.region.width)


class CAPF_UL_corrections(bpy.types.UIList):
    """Joint and scene frame."""

    def draw_item(self, context, layout, _data, item, _icon, _active, _name) -> None:
        layout.label(text=item.name, icon="EMPTY_DATA")
        frame = shown.frame_of(compat.sequencer_scene(context).capf, item)
        layout.label(text=f"Frame {frame}" if frame is not None else "Other take")


class FixFrame(ClosedSection):
    bl_label = "Fix a Frame"
    parent = Check

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column = layout.column(align=True)
        column.prop(settings, "correction_joint")
        column.operator("capf.correct_joint", icon="EMPTY_DATA")
        column.operator("capf.apply_corrections", icon="CHECKMARK")
        if not settings.corrections:
            return
        row = layout.row()
        row.template_list(
            "CAPF_UL_corrections", "", settings, "corrections", settings, "active_correction",
            rows=max(_ROWS, min(len(settings.corrections), 2 * _ROWS)),
        )  # fmt: skip
        row.operator("capf.remove_correction", text="", icon="REMOVE")


SECTIONS = (Check, FixFrame)
CLASSES = (CAPF_UL_corrections,)
