# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When feet stand: planted and lifted by hand, or detected again."""

import bpy

from ..blender import bake_record, choices, compat, contact_keys, live
from ..core.contacts import FEET
from ..core.errors import CaptureError


def _is_baked(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    armature = compat.sequencer_scene(context).capf.armature
    if armature is None or bake_record.in_use(armature) is None:
        operator.poll_message_set("Apply a take to the armature first")
        return False
    return True


class _FootAndRange:
    foot: bpy.props.EnumProperty(
        name="Foot",
        items=[
            ("l", "Left", "The person's left foot"),
            ("r", "Right", "The person's right foot"),
            ("BOTH", "Both", "Both feet"),
        ],
        default="BOTH",
    )
    frame_start: bpy.props.IntProperty(
        name="Start", description="First frame; the preview or scene range's when not given"
    )
    frame_end: bpy.props.IntProperty(
        name="End", description="Last frame; the preview or scene range's when not given"
    )


def _range(operator: bpy.types.Operator, context: bpy.types.Context) -> tuple[int, int]:
    """First and last frame: the operator's own, else those of the preview or scene range."""
    scene, prefix = context.scene, "frame_preview" if context.scene.use_preview_range else "frame"
    for end in ("start", "end"):
        if not operator.properties.is_property_set(f"frame_{end}"):
            setattr(operator, f"frame_{end}", getattr(scene, f"{prefix}_{end}"))
    return operator.frame_start, operator.frame_end


def _mark(operator: bpy.types.Operator, context: bpy.types.Context, stands: bool) -> set[str]:
    scene = compat.sequencer_scene(context)
    settings, found = scene.capf, bake_record.in_use(scene.capf.armature)
    first, last = _range(operator, context)
    if found is None or last < first:
        operator.report({"ERROR"}, "The range ends before it begins. Give another end frame.")
        return {"CANCELLED"}
    feet = FEET if operator.foot == "BOTH" else (operator.foot,)
    contact_keys.mark(settings.armature, found[0], feet, first, last, stands)
    settings.use_edited_contacts = True
    live.follow(scene)
    who = {"l": "The left foot", "r": "The right foot"}.get(operator.foot, "Each foot")
    text = f"{who} {'stands' if stands else 'moves'} from frame {first} to {last}"
    waits = not settings.live or live.status
    operator.report({"INFO"}, text + ("; press Apply to Armature to solve again" if waits else ""))
    return {"FINISHED"}


class CAPF_OT_plant_foot(_FootAndRange, bpy.types.Operator):
    bl_idname = "capf.plant_foot"
    bl_label = "Plant Foot"
    bl_description = "Hold a foot in place on the preview range's frames, else on the scene's"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _is_baked(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _mark(self, context, stands=True)


class CAPF_OT_lift_foot(_FootAndRange, bpy.types.Operator):
    bl_idname = "capf.lift_foot"
    bl_label = "Lift Foot"
    bl_description = "Let a foot move freely on the preview range's frames, else on the scene's"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _is_baked(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _mark(self, context, stands=False)


class CAPF_OT_detect_contacts(bpy.types.Operator):
    bl_idname = "capf.detect_contacts"
    bl_label = "Detect Contacts Again"
    bl_description = "Drop the edited contacts of the feet, and solve with those that are detected"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _is_baked(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            shot = choices.chosen_shot(context)
            result = choices.apply_chosen(context, shot, keep_edited_contacts=False)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        count = len(result.motion.contacts)
        self.report({"INFO"}, f"{count} contacts were detected, {result.frames} frames keyed")
        return {"FINISHED"}


CLASSES = (CAPF_OT_plant_foot, CAPF_OT_lift_foot, CAPF_OT_detect_contacts)
