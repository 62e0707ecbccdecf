# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture 3D Pose: from the chosen strip to a take on disk."""

from dataclasses import replace
from pathlib import Path

import bpy

from ..blender import compat, footage, people, queue, session, takes
from ..bridge import environment
from ..bridge.messages import CaptureRequest
from ..core.errors import CaptureError
from ..preferences import preferences
from ..properties import CAPF_PG_scene, chosen_focal_px


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
        model=settings.model,
        device=settings.device,
        focal_px=chosen_focal_px(settings, _longer_side_px(strip)),
    )
    # The same footage and settings find their folder again, so an interrupted capture goes on.
    folder = takes.new_takes_folder(home) / f"{clip.source.stem}-{request.fingerprint()[:8]}"
    return replace(request.at(str(folder)), person=_person(settings, folder)), strip.name


def _person(settings: CAPF_PG_scene, folder: Path) -> int | None:
    """Numbers of people are those of one clip: who was picked in another one says nothing here."""
    picked_in = settings.people_folder
    if picked_in and settings.people and Path(bpy.path.abspath(picked_in)) != folder:
        return None
    return people.chosen_person(settings)


class CAPF_OT_capture_pose(bpy.types.Operator):
    bl_idname = "capf.capture_pose"
    bl_label = "Capture 3D Pose"
    bl_description = (
        "Find the people in the strip's footage and lift every frame to 3D; while another strip is "
        "captured, this one waits for it"
    )
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not queue.is_open():
            cls.poll_message_set("A set-up or a download is running")
            return False
        settings = compat.sequencer_scene(context).capf
        try:
            footage.find_strip(context, settings.strip)
        except CaptureError as error:
            cls.poll_message_set(str(error).removesuffix("."))
            return False
        home = environment.home_folder(preferences(context).home)
        if environment.missing_checkpoints(home, settings.model):
            cls.poll_message_set("The chosen model lacks weights: download or import them first")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        home = environment.home_folder(preferences(context).home)
        try:
            request, strip_name = build_request(context, home)
            environment.require_ready(home)
            if Path(request.job_folder) in queue.ordered():
                self.report({"INFO"}, f"{strip_name} is being captured, or waits for it, already")
                return {"CANCELLED"}
            scene = queue.scene_finder(compat.sequencer_scene(context))
            started = queue.add(queue.Order(request, home, strip_name, scene))
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if not started:
            self.report({"INFO"}, f"{strip_name} is captured next, as number {len(queue.waiting)}")
        return {"FINISHED"}


class CAPF_OT_unqueue(bpy.types.Operator):
    bl_idname = "capf.unqueue"
    bl_label = "Remove from Queue"
    bl_description = "Do not capture this one"

    index: bpy.props.IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if not 0 <= self.index < len(queue.waiting):
            return {"CANCELLED"}  # it has just begun
        queue.remove(self.index)
        return {"FINISHED"}


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


CLASSES = (CAPF_OT_capture_pose, CAPF_OT_unqueue, CAPF_OT_cancel)
