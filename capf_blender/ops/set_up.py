# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set Up, Check, Move and Delete of the worker's environment."""

from collections.abc import Callable
from pathlib import Path

import bpy

from ..blender import session
from ..bridge import environment
from ..bridge.job import Job
from ..bridge.setup_check import report_of
from ..bridge.setup_jobs import check_job, delete_job, move_job, set_up_job
from ..core.errors import CaptureError
from ..preferences import PACKAGE, preferences, reports


def _nothing_runs(operator: type[bpy.types.Operator]) -> bool:
    if session.is_running():
        operator.poll_message_set("A capture or set-up is running")
        return False
    return True


def _is_set_up(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    if environment.read_stamp(environment.home_folder(preferences(context).home)) is None:
        operator.poll_message_set("There is no capture worker in this folder")
        return False
    return True


def _start(
    operator: bpy.types.Operator,
    kind: str,
    make_job: Callable[[], Job],
    on_result: Callable[[dict], str],
) -> set[str]:
    try:
        job = make_job()
    except CaptureError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    session.start(kind, job, on_result)
    return {"FINISHED"}


class CAPF_OT_set_up(bpy.types.Operator):
    bl_idname = "capf.set_up"
    bl_label = "Set Up"
    bl_description = (
        "Download and install what the capture worker needs, outside of Blender; what is there "
        "already is kept"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not bpy.app.online_access and not preferences(context).offline_folder:
            cls.poll_message_set("Allow Online Access in Preferences > System, or set a folder")
            return False
        return _nothing_runs(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        wanted = preferences(context)
        home = environment.home_folder(wanted.home)
        python, offline_folder = wanted.python, wanted.offline_folder
        reports.pop(home, None)  # what is wrong may be so no more
        return _start(
            self, "set_up", lambda: set_up_job(home, python, offline_folder), _after_set_up
        )


def _after_set_up(event: dict) -> str:
    return " ".join(["The worker is ready.", *event.get("left_out", ())])


class CAPF_OT_check(bpy.types.Operator):
    bl_idname = "capf.check"
    bl_label = "Check"
    bl_description = (
        "Look at folder, disk, Python, packages, models and devices, start the worker once, and "
        "say what is wrong and what to do"
    )

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return _nothing_runs(cls)

    def execute(self, context: bpy.types.Context) -> set[str]:
        wanted = preferences(context)
        home = environment.home_folder(wanted.home)
        python = wanted.python
        return _start(self, "check", lambda: check_job(home, python), _after_check)


def _after_check(event: dict) -> str:
    report = reports[Path(event["home"])] = report_of(event)
    return f"{report.problems} problems found." if report.problems else "All is well."


class CAPF_OT_move_worker(bpy.types.Operator):
    bl_idname = "capf.move_worker"
    bl_label = "Move Worker"
    bl_description = (
        "Move the worker's packages and models to another folder or disk; takes stay where they are"
    )

    folder: bpy.props.StringProperty(
        name="New Folder",
        description="An empty or new folder, where the worker shall live",
        subtype="DIR_PATH",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _nothing_runs(cls) and _is_set_up(cls, context)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(
            self, width=450, title="Move the Worker", confirm_text="Move"
        )

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        column.label(text=f"From {environment.home_folder(preferences(context).home)}")
        column.prop(self, "folder")
        column.label(text="Takes stay where they are, as .blend files look for them there")

    def execute(self, context: bpy.types.Context) -> set[str]:
        if not self.folder.strip():
            self.report({"ERROR"}, "No new folder was given. Choose one and try again.")
            return {"CANCELLED"}
        home = environment.home_folder(preferences(context).home)
        target = Path(bpy.path.abspath(self.folder)).absolute()
        return _start(self, "set_up", lambda: move_job(home, target), _after_move)


def _after_move(event: dict) -> str:
    wanted = bpy.context.preferences
    wanted.addons[PACKAGE].preferences.home = event["home"]
    wanted.is_dirty = True  # else it is forgotten when Blender ends
    return f"The worker has moved to {event['home']}."


class CAPF_OT_delete_worker(bpy.types.Operator):
    bl_idname = "capf.delete_worker"
    bl_label = "Delete Worker"
    bl_description = (
        "Delete the worker's packages and models, which Set Up made; your takes and other files "
        "are never touched"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _nothing_runs(cls) and _is_set_up(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        home = environment.home_folder(preferences(context).home)
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Delete the Worker?",
            message=f"Packages and models in {home} go, imported weights too. Takes stay.",
            confirm_text="Delete",
            icon="WARNING",
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        home = environment.home_folder(preferences(context).home)
        return _start(self, "set_up", lambda: delete_job(home), _after_delete)


def _after_delete(event: dict) -> str:
    reports.pop(Path(event["home"]), None)
    kept = f" Your takes are still in {event['kept']}." if event["kept"] else ""
    return f"The worker in {event['home']} is deleted.{kept}"


CLASSES = (CAPF_OT_set_up, CAPF_OT_check, CAPF_OT_move_worker, CAPF_OT_delete_worker)
