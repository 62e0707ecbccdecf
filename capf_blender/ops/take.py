# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes that lie on the disk: loaded, continued, discarded."""

from pathlib import Path

import bpy

from ..blender import compat, footage, queue, takes
from ..bridge import environment
from ..core.errors import CaptureError
from ..core.take import TAKE_FILE, load_request, load_take
from ..preferences import preferences


class CAPF_OT_load_take(bpy.types.Operator):
    bl_idname = "capf.load_take"
    bl_label = "Load Take"
    bl_description = "Choose the folder of an earlier capture; nothing is captured again"
    bl_options = {"REGISTER", "UNDO"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self.directory:  # the button of a capture that was found
            return self.execute(context)
        home = environment.home_folder(preferences(context).home)
        self.directory = str(takes.new_takes_folder(home)) + "/"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        folder = Path(bpy.path.abspath(self.directory))
        try:
            take = load_take(_take_folder(folder))
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        scene = compat.sequencer_scene(context)
        source = load_request(folder).get("request", {}).get("source", "")
        strip = footage.strip_showing(scene, source, "")
        scene.capf.take_strip = strip.name if strip is not None else ""
        scene.capf.take_folder = str(_take_folder(folder))
        shown = f"shown by {strip.name}" if strip is not None else "shown by no strip of this scene"
        self.report(
            {"INFO"},
            f"A take of {len(take.time_s)} frames with {len(take.people_ids)} people, {shown}",
        )
        return {"FINISHED"}


def _take_folder(folder: Path) -> Path:
    """The folder itself, or its only one that holds a take: people open one level too high."""
    if not (folder / TAKE_FILE).is_file():
        below = [file.parent for file in folder.glob(f"*/{TAKE_FILE}")]
        if len(below) == 1:
            return below[0]
        if below:
            raise CaptureError(
                "no_take",
                f"{folder} holds {len(below)} takes.",
                "Open one of its folders and accept there.",
            )
    return folder


class _OfFolder:
    """What the operators on one interrupted capture share."""

    folder: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def _found(self, context: bpy.types.Context) -> takes.Found:
        home = environment.home_folder(preferences(context).home)
        takes.look_again()
        for capture in takes.found(home):
            if str(capture.folder) == self.folder:
                return capture
        raise CaptureError("no_take", f"There is no capture in {self.folder} any more.")


class CAPF_OT_continue_capture(_OfFolder, bpy.types.Operator):
    bl_idname = "capf.continue_capture"
    bl_label = "Continue"
    bl_description = "Go on with this capture where it was interrupted, with its own settings"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not queue.is_open():
            cls.poll_message_set("A set-up or a download is running")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        home, scene = (
            environment.home_folder(preferences(context).home),
            compat.sequencer_scene(context),
        )
        try:
            request = self._found(context).request
            environment.require_ready(home)
            strip = footage.strip_showing(scene, request.source, "")
            name = strip.name if strip is not None else ""
            queue.add(queue.Order(request, home, name, queue.scene_finder(scene)))
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class CAPF_OT_discard_capture(_OfFolder, bpy.types.Operator):
    bl_idname = "capf.discard_capture"
    bl_label = "Discard"
    bl_description = "Delete the frames that were captured before the interruption"
    bl_options = {"INTERNAL"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            takes.discard(self._found(context).folder)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (CAPF_OT_load_take, CAPF_OT_continue_capture, CAPF_OT_discard_capture)
