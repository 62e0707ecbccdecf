# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check Rig: which bones would be keyed, before any key; the user's corrections, also as files."""

from pathlib import Path

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..blender import compat, rig_check, role_map, targets
from ..core.errors import CaptureError


def _has_armature(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    if compat.sequencer_scene(context).capf.armature is None:
        operator.poll_message_set("Choose an armature first")
        return False
    return True


class CAPF_OT_check_rig(bpy.types.Operator):
    bl_idname = "capf.check_rig"
    bl_label = "Check Rig"
    bl_description = "Show which bones of the armature would be keyed, without keying any"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _has_armature(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = compat.sequencer_scene(context).capf
        if error := rig_check.look(context, settings):
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        sure = settings.rig_state == "SURE"
        self.report({"INFO"} if sure else {"WARNING"}, settings.rig_report)
        return {"FINISHED"}


class CAPF_OT_reset_role_map(bpy.types.Operator):
    bl_idname = "capf.reset_role_map"
    bl_label = "Forget Corrections"
    bl_description = "Go back to the bones that Check Rig finds by itself"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _has_armature(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        role_map.store(compat.sequencer_scene(context).capf.armature, {})
        return bpy.ops.capf.check_rig()


class CAPF_OT_save_role_map(ExportHelper, bpy.types.Operator):
    bl_idname = "capf.save_role_map"
    bl_label = "Save Bone Map"
    bl_description = "Write which bones play which parts to a file, for other rigs of this kind"
    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _has_armature(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        ob = compat.sequencer_scene(context).capf.armature
        try:
            targets.check(context, ob)
            role_map.save(ob, Path(self.filepath))
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"The bone map of {ob.name} is in {self.filepath}")
        return {"FINISHED"}


class CAPF_OT_load_role_map(ImportHelper, bpy.types.Operator):
    bl_idname = "capf.load_role_map"
    bl_label = "Load Bone Map"
    bl_description = "Take which bones play which parts from a file"
    bl_options = {"REGISTER", "UNDO"}
    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _has_armature(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        ob = compat.sequencer_scene(context).capf.armature
        try:
            missing = role_map.load(ob, Path(self.filepath))
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if missing:
            self.report({"WARNING"}, f"{ob.name} has no bones {', '.join(missing)}")
        return bpy.ops.capf.check_rig()


CLASSES = (
    CAPF_OT_check_rig,
    CAPF_OT_reset_role_map,
    CAPF_OT_save_role_map,
    CAPF_OT_load_role_map,
)
