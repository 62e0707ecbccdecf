# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fix a frame: a handle at a joint, what it was moved to becomes part of the solve, and back."""

import bpy
import numpy as np

from ..blender import apply, choices, compat, correction_layer, shown
from ..core.corrections import CORRECTABLE, correction_at, frame_at
from ..core.errors import CaptureError
from ..core.skeleton import JOINT

MISSED_M = 0.01  # further from its handle than this a joint is out of the limb's reach


def _is_baked(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    if not shown.is_baked(compat.sequencer_scene(context).capf):
        operator.poll_message_set("Apply a take to the armature first")
        return False
    if context.mode != "OBJECT":
        operator.poll_message_set("Only in Object Mode")
        return False
    return True


class CAPF_OT_correct_joint(bpy.types.Operator):
    bl_idname = "capf.correct_joint"
    bl_label = "Correct Joint"
    bl_description = (
        "Put a handle at the chosen joint on this frame: move it to where the joint belongs, best "
        "through the capture's camera, and press Apply Corrections"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _is_baked(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = compat.sequencer_scene(context).capf
        try:
            now = shown.of(context)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        index = now.index_at(context.scene.frame_current)
        if index is None or not now.motion.present[index]:
            self.report(
                {"ERROR"}, "The person is not known on this frame. Go to a frame that has keys."
            )
            return {"CANCELLED"}
        joint = settings.correction_joint
        place, time_s = now.motion.joints[index, JOINT[joint]], float(now.take.time_s[index])
        handle = correction_layer.place_handle(context, now.key, joint, time_s, place)
        self.report({"INFO"}, f"Move {handle.name} to its place, then press Apply Corrections")
        return {"FINISHED"}


class CAPF_OT_apply_corrections(bpy.types.Operator):
    bl_idname = "capf.apply_corrections"
    bl_label = "Apply Corrections"
    bl_description = (
        "Bring the joints to their handles: the limb follows, and the frames around blend into it"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not _is_baked(cls, context):
            return False
        if not any(correction_layer.HANDLE in ob for ob in context.scene.objects):
            cls.poll_message_set("Press Correct Joint and move its handle first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = compat.sequencer_scene(context).capf
        try:
            now = shown.of(context)
            found = correction_layer.handles(context.scene, now.key)
            if not found:
                raise CaptureError(
                    "other_take", "The handles in the scene belong to another take.",
                    "Choose that take, or delete them.",
                )  # fmt: skip
            shot = choices.chosen_shot(context)
            wanted = []
            for handle in found:
                joint, time_s = correction_layer.moment_of(handle)
                place = np.array(handle.matrix_world.translation)
                correction = correction_at(now.motion, time_s, joint, place)
                correction_layer.add(settings, now.key, correction)
                wanted.append((joint, time_s, place))
            result = choices.apply_chosen(context, shot)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for handle in found:
            bpy.data.objects.remove(handle)
        self._report(result, wanted)
        return {"FINISHED"}

    def _report(
        self, result: apply.ApplyResult, wanted: list[tuple[str, float, np.ndarray]]
    ) -> None:
        motion, missed = result.motion, []
        for joint, time_s, place in wanted:
            frame = frame_at(motion.time_s, time_s)
            off = float(np.linalg.norm(motion.joints[frame, JOINT[joint]] - place))
            if off > MISSED_M:
                missed.append(f"{CORRECTABLE[joint]} came as near as it reaches, {off:.2f} m short")
        done = ", ".join(sorted({CORRECTABLE[joint] for joint, _, _ in wanted}))
        sentences = [f"Corrected {done}", *missed]
        if result.kept:
            sentences.append(f"{result.kept} was edited by hand and is kept as it is")
        self.report({"WARNING"} if missed or result.kept else {"INFO"}, ". ".join(sentences))


class CAPF_OT_remove_correction(bpy.types.Operator):
    bl_idname = "capf.remove_correction"
    bl_label = "Remove Correction"
    bl_description = "Take the chosen correction back: the joint is where it was solved"
    bl_options = {"REGISTER", "UNDO"}

    index: bpy.props.IntProperty(
        name="Number", description="Which one; the chosen one when not given", default=-1
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not _is_baked(cls, context):
            return False
        if not compat.sequencer_scene(context).capf.corrections:
            cls.poll_message_set("Nothing has been corrected")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = compat.sequencer_scene(context).capf
        index = settings.active_correction if self.index < 0 else self.index
        if index >= len(settings.corrections):
            self.report({"ERROR"}, "There is no such correction. Choose one in the list.")
            return {"CANCELLED"}
        label = settings.corrections[index].name
        settings.corrections.remove(index)
        settings.active_correction = max(0, min(index, len(settings.corrections) - 1))
        try:
            choices.apply_chosen(context, choices.chosen_shot(context))
        except CaptureError as error:
            self.report(
                {"WARNING"}, f"{label} is no longer corrected, but keyed as before: {error}"
            )
            return {"FINISHED"}
        self.report({"INFO"}, f"{label} is where it was solved again")
        return {"FINISHED"}


CLASSES = (CAPF_OT_correct_joint, CAPF_OT_apply_corrections, CAPF_OT_remove_correction)
