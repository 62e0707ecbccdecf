# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights that set-up does not bring: downloaded by name, or imported from a file of the user's."""

from pathlib import Path

import bpy

from ..blender import session
from ..bridge import environment
from ..bridge.job import Job, download_job, import_job
from ..core.errors import CaptureError
from ..core.model_cards import CHECKPOINTS
from ..preferences import preferences


def _start(operator: bpy.types.Operator, make_job) -> set[str]:
    try:
        job: Job = make_job()
    except CaptureError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    session.start("weights", job, _sentence)
    return {"FINISHED"}


def _sentence(event: dict) -> str:
    use = "allowed" if CHECKPOINTS[event["checkpoint"]].commercial_use else "not allowed"
    return f"The weights of {event['label']} are ready; commercial use is {use}."


def _nothing_runs(operator: type[bpy.types.Operator]) -> bool:
    if session.is_running():
        operator.poll_message_set("A capture or set-up is running")
        return False
    return True


class CAPF_OT_download_weights(bpy.types.Operator):
    bl_idname = "capf.download_weights"
    bl_label = "Download Weights"
    bl_description = "Download published weights of the chosen model into the worker's folder"

    checkpoint: bpy.props.StringProperty(
        name="Checkpoint", description="Name of the weights in the registry", options={"HIDDEN"}
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not bpy.app.online_access:
            cls.poll_message_set("Allow Online Access in Preferences > System")
            return False
        return _nothing_runs(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        home = environment.home_folder(preferences(context).home)
        return _start(self, lambda: download_job(home, self.checkpoint))


class CAPF_OT_import_checkpoint(bpy.types.Operator):
    bl_idname = "capf.import_checkpoint"
    bl_label = "Import Checkpoint"
    bl_description = "Check and take over a file of published weights that you fetched yourself"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(default="*.bin;*.pth;*.pt", options={"HIDDEN"})

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return _nothing_runs(cls)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        home = environment.home_folder(preferences(context).home)
        file = Path(bpy.path.abspath(self.filepath))
        return _start(self, lambda: import_job(home, file))


CLASSES = (CAPF_OT_download_weights, CAPF_OT_import_checkpoint)
