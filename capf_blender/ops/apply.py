# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply to Armature: from a take on disk to keyframes."""

import bpy

from ..blender import choices, compat, selection, targets
from ..core.errors import CaptureError


class CAPF_OT_apply_take(bpy.types.Operator):
    bl_idname = "capf.apply_take"
    bl_label = "Apply to Armature"
    bl_description = "Solve the captured take and key the armature on the frames that show it"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not compat.sequencer_scene(context).capf.take_folder:
            cls.poll_message_set("Capture footage first, or choose a take's folder")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        before = compat.sequencer_scene(context).capf.armature
        try:
            shot = choices.chosen_shot(context)
            result = choices.apply_chosen(context, shot)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if result.armature != before:
            selection.select_new(context, result.armature)
        sentences = [f"Keyed {result.frames} frames of {result.armature.name}"]
        if compat.sequencer_scene(context).capf.advice:
            sentences[0] += ", with notes under Check"
        if result.kept:
            sentences.append(f"{result.kept} was edited by hand and is kept as it is")
        if shot.strip is None:
            sentences.append("No strip shows the take, so it starts at the scene's first frame")
        self.report({"WARNING"} if result.kept else {"INFO"}, ". ".join(sentences))
        return {"FINISHED"}


class CAPF_OT_use_generated_rig(bpy.types.Operator):
    bl_idname = "capf.use_generated_rig"
    bl_label = "Use Generated Rig"
    bl_description = "Choose the rig that Rigify generated from this metarig"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        armature = compat.sequencer_scene(context).capf.armature
        if not targets.is_metarig(armature):
            cls.poll_message_set("The chosen armature is no metarig")
            return False
        if targets.generated_rig(armature) is None:
            cls.poll_message_set("Nothing has been generated from this metarig yet")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = compat.sequencer_scene(context).capf
        settings.armature = targets.generated_rig(settings.armature)
        self.report({"INFO"}, "The generated rig will be animated")
        return {"FINISHED"}


CLASSES = (CAPF_OT_apply_take, CAPF_OT_use_generated_rig)
