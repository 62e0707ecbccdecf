# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one frame that is worth looking at to the next."""

import bpy

from ..blender import compat, shown
from ..core.errors import CaptureError

_REASONS = 3  # more would not fit into the status bar


def _is_baked(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    if not shown.is_baked(compat.sequencer_scene(context).capf):
        operator.poll_message_set("Apply a take to the armature first")
        return False
    return True


def _jump(operator: bpy.types.Operator, context: bpy.types.Context, forwards: bool) -> set[str]:
    settings = compat.sequencer_scene(context).capf
    try:
        doubts = shown.of(context).doubts(settings.confidence_threshold)
    except CaptureError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    if not doubts:
        operator.report({"INFO"}, "No frame is doubtful")
        return {"CANCELLED"}
    now = context.scene.frame_current
    if forwards:
        ahead = [doubt for doubt in doubts if doubt[0] > now]
        first, last, doubt = (ahead or doubts)[0]
    else:
        ahead = [doubt for doubt in doubts if doubt[0] < now]
        first, last, doubt = (ahead or doubts)[-1]
    context.scene.frame_current = first
    frames = f"Frame {first}" if first == last else f"Frames {first} to {last}"
    more = len(doubt.reasons) - _REASONS
    reasons = ", ".join(doubt.reasons[:_REASONS]) + (f" and {more} more" if more > 0 else "")
    turned = "" if ahead else ", from the other end again"
    operator.report({"INFO"}, f"{frames}{turned}: {reasons}")
    return {"FINISHED"}


class CAPF_OT_next_doubtful(bpy.types.Operator):
    bl_idname = "capf.next_doubtful"
    bl_label = "Next Doubtful Frame"
    bl_description = (
        "Go to the next frames in which a part of the body was badly seen, is far from the footage "
        "or is unknown, and say which"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _is_baked(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _jump(self, context, forwards=True)


class CAPF_OT_previous_doubtful(bpy.types.Operator):
    bl_idname = "capf.previous_doubtful"
    bl_label = "Previous Doubtful Frame"
    bl_description = (
        "Go back to the frames before these in which a part of the body was badly seen, is far "
        "from the footage or is unknown, and say which"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _is_baked(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _jump(self, context, forwards=False)


CLASSES = (CAPF_OT_next_doubtful, CAPF_OT_previous_doubtful)
