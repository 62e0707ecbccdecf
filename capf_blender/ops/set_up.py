# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set Up and Check of the worker's environment."""

import bpy

from ..blender import session
from ..bridge import environment
from ..bridge.job import set_up_job
from ..core.errors import CaptureError
from ..preferences import preferences


class CAPF_OT_set_up(bpy.types.Operator):
    bl_idname = "capf.set_up"
    bl_label = "Set Up"
    bl_description = "Download and install what the capture worker needs, outside of Blender"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.is_running():
            cls.poll_message_set("A capture or set-up is running")
            return False
        if not bpy.app.online_access and not preferences(context).offline_folder:
            cls.poll_message_set("Allow Online Access in Preferences > System, or set a folder")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        wanted = preferences(context)
        home = environment.home_folder(wanted.home)
        try:
            job = set_up_job(home, python=wanted.python, offline_folder=wanted.offline_folder)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.start("set_up", job, _sentence)
        return {"FINISHED"}


def _sentence(event: dict) -> str:
    return " ".join(["The worker is ready.", *event.get("left_out", ())])


class CAPF_OT_check(bpy.types.Operator):
    bl_idname = "capf.check"
    bl_label = "Check"
    bl_description = "Say whether the capture worker is ready, and if not, why"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            environment.require_ready(environment.home_folder(preferences(context).home))
        except CaptureError as error:
            self.report({"WARNING"}, str(error))
        else:
            self.report({"INFO"}, "The worker is ready")
        return {"FINISHED"}


CLASSES = (CAPF_OT_set_up, CAPF_OT_check)
