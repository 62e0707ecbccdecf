# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply Everyone: each person of the take on an armature of its own, in one world."""

import bpy

from ..blender import choices, compat, people
from ..core.errors import CaptureError


class CAPF_OT_apply_everyone(bpy.types.Operator):
    bl_idname = "capf.apply_everyone"
    bl_label = "Apply Everyone"
    bl_description = (
        "Key each ticked person on an armature of their own, new ones where there are none yet, so "
        "that all stand in one world as in the footage"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not any(row.use for row in compat.sequencer_scene(context).capf.people):
            cls.poll_message_set("Nobody is ticked in the list of people: capture footage first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = compat.sequencer_scene(context).capf
        before = settings.active_person
        done: list[str] = []
        failed: list[str] = []
        for index in people.in_order(settings):
            settings.active_person = index
            name = settings.people[index].name
            try:
                result = choices.apply_chosen(context, choices.chosen_shot(context))
            except CaptureError as error:
                failed.append(f"{name}: {error}")
            else:
                done.append(f"{name} on {result.armature.name} ({result.frames} frames)")
        settings.active_person = before
        if not done:
            self.report({"ERROR"}, " ".join(failed))
            return {"CANCELLED"}
        self.report({"WARNING"} if failed else {"INFO"}, " ".join([f"{', '.join(done)}.", *failed]))
        return {"FINISHED"}


CLASSES = (CAPF_OT_apply_everyone,)
