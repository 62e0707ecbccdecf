# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture 3D Pose: from the chosen strip to a take on disk."""

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
    """Beside the saved .blend, else in the worker's folder."""
    if bpy.data.is_saved:
        return Path(bpy.path.abspath("//")) / "capf_takes"
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
    def poll(cls, _context: bpy.types.Context) -> bool:
        if session.is_running():
            cls.poll_message_set("A capture or set-up is running")
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
        scene_name = compat.sequencer_scene(context).name

        def on_result(event: dict) -> str:
            scene = bpy.data.scenes.get(scene_name)
            if scene is not None:  # else another file is open now; the take stays on disk
                scene.capf.take_folder = request.job_folder
                scene.capf.take_strip = strip_name
            return _sentence(event["summary"])

        session.start("capture", job, on_result)
        return {"FINISHED"}


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
