# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture 3D Pose: from the chosen strip to a take on disk."""

import os
from collections.abc import Callable
from pathlib import Path

import bpy

from ..blender import compat, footage, session
from ..bridge import environment
from ..bridge.job import capture_job
from ..bridge.messages import CaptureRequest
from ..core.errors import CaptureError
from ..preferences import preferences
from ..properties import chosen_focal_px


def _takes_folder(home: Path) -> Path:
    """Beside the saved .blend where one may write, else in the worker's folder."""
    beside = Path(bpy.path.abspath("//"))
    if bpy.data.is_saved and os.access(beside, os.W_OK):
        return beside / "capf_takes"
    return home / "takes"


def _longer_side_px(strip: bpy.types.Strip) -> int:
    elements = getattr(strip, "elements", None)
    if elements:
        return max(elements[0].orig_width, elements[0].orig_height)
    return max(strip.clip.size)


def build_request(context: bpy.types.Context, home: Path) -> tuple[CaptureRequest, str]:
    """The request for what the panel shows, and the name of its strip. Raises CaptureError."""
    scene = compat.sequencer_scene(context)
    settings = scene.capf
    strip = footage.find_strip(context, settings.strip)
    clip = footage.read_strip(strip, scene)
    first, last = (settings.frame_start, settings.frame_end) if settings.use_range else (None, None)
    start_s, end_s = clip.source_range_s(clip.scene_frames(first, last))
    request = CaptureRequest(
        source=str(clip.source),
        job_folder="",
        images=clip.images,
        image_fps=clip.source_fps,
        start_s=start_s,
        end_s=end_s,
        person=settings.person if settings.choose_person else None,
        model=settings.model,
        device=settings.device,
        focal_px=chosen_focal_px(settings, _longer_side_px(strip)),
    )
    # The same footage and settings find their folder again, so an interrupted capture goes on.
    folder = _takes_folder(home) / f"{clip.source.stem}-{request.fingerprint()[:8]}"
    return request.at(str(folder)), strip.name


class CAPF_OT_capture_pose(bpy.types.Operator):
    bl_idname = "capf.capture_pose"
    bl_label = "Capture 3D Pose"
    bl_description = "Find the person in the strip's footage and lift every frame to 3D"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.is_running():
            cls.poll_message_set("A capture or set-up is running")
            return False
        home = environment.home_folder(preferences(context).home)
        if environment.missing_checkpoints(home, compat.sequencer_scene(context).capf.model):
            cls.poll_message_set("The chosen model lacks weights: download or import them first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        home = environment.home_folder(preferences(context).home)
        try:
            request, strip_name = build_request(context, home)
            environment.require_ready(home)
            job = capture_job(home, request)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        scene_again = _finder(compat.sequencer_scene(context))

        def on_result(event: dict) -> str:
            sentence = _sentence(event["summary"])
            scene = scene_again()
            if scene is None:  # another file is open now, or the scene was deleted
                return f"{sentence} Its scene is gone; the take is in {request.job_folder}."
            scene.capf.take_folder = request.job_folder
            scene.capf.take_strip = strip_name
            _add_undo_step()
            return sentence

        session.start("capture", job, on_result)
        return {"FINISHED"}


def _finder(scene: bpy.types.Scene) -> Callable[[], bpy.types.Scene | None]:
    """Finds `scene` again later, renamed or in the same file opened anew; None when it is gone.

    A name alone does not do: nearly every file has a "Scene".
    """
    uid, name, file = scene.session_uid, scene.name, bpy.data.filepath

    def find() -> bpy.types.Scene | None:
        for candidate in bpy.data.scenes:
            if candidate.session_uid == uid:
                return candidate
        return bpy.data.scenes.get(name) if file and file == bpy.data.filepath else None

    return find


def _add_undo_step() -> None:
    """Else undoing what the user does next would take the finished take out of the panel again."""
    windows = bpy.context.window_manager.windows
    if any(window.modal_operators for window in windows):
        return  # amid a drag the step would hold half of it
    for window in windows[:1]:
        with bpy.context.temp_override(window=window):
            bpy.ops.ed.undo_push(message="Capture 3D Pose")


def _sentence(summary: dict) -> str:
    others = ", ".join(
        f"person {person['id']} ({person['coverage']:.0%})"
        for person in summary["people"]
        if person["id"] != summary["person"]
    )
    return (
        f"Person {summary['person']} captured in {summary['frames_with_person']} of "
        f"{summary['frames']} frames at {summary['fps']:.1f} fps."
        + (f" Also seen: {others}." if others else "")
    )


class CAPF_OT_cancel(bpy.types.Operator):
    bl_idname = "capf.cancel"
    bl_label = "Cancel"
    bl_description = "Stop; what is done so far is kept, and the same capture continues there"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if not session.is_running():
            cls.poll_message_set("Nothing is running")
            return False
        return True

    def execute(self, _context: bpy.types.Context) -> set[str]:
        session.cancel()
        return {"FINISHED"}


CLASSES = (CAPF_OT_capture_pose, CAPF_OT_cancel)
