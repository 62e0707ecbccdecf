# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply to Armature: from a take on disk to keyframes."""

from pathlib import Path

import bpy
import numpy as np

from ..blender import compat, footage
from ..blender.apply import apply_take
from ..core.errors import CaptureError
from ..core.settings import SolveSettings
from ..core.take import Take, load_request, load_take
from ..core.timing import TimeMap
from ..properties import chosen_focal_px


def key_frames(
    context: bpy.types.Context, take: Take, strip: bpy.types.Strip | None
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) scene frames to key and (N,) their source times in seconds.

    They follow `strip` as it lies now; without one the take starts at the scene's first frame.
    """
    scene = compat.sequencer_scene(context)
    if strip is not None:
        clip = footage.read_strip(strip, scene)
        time_map, first, last = clip.time_map, clip.first_frame, clip.last_frame
    else:
        start = context.scene.frame_start
        time_map = TimeMap(start, float(take.time_s[0]), 1.0 / footage.scene_fps(scene))
        first, last = start, int(np.floor(time_map.frames(take.time_s[-1])))
    frames = np.arange(first, last + 1)
    times = time_map.times_s(frames)
    # the scene frame nearest to the first or last source frame may lie half a frame outside
    slack = 0.5 * time_map.seconds_per_frame
    inside = (times >= take.time_s[0] - slack) & (times <= take.time_s[-1] + slack)
    return frames[inside], np.clip(times[inside], take.time_s[0], take.time_s[-1])


class CAPF_OT_apply_take(bpy.types.Operator):
    bl_idname = "capf.apply_take"
    bl_label = "Apply to Armature"
    bl_description = "Solve the captured take and key an armature on every frame of the strip"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not compat.sequencer_scene(context).capf.take_folder:
            cls.poll_message_set("Capture footage first, or choose a take's folder")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        scene = compat.sequencer_scene(context)
        settings = scene.capf
        folder = Path(bpy.path.abspath(settings.take_folder))
        source = load_request(folder).get("request", {}).get("source", "")
        strip = footage.strip_showing(scene, source, settings.take_strip)
        try:
            take = load_take(folder)
            frames, times_s = key_frames(context, take, strip)
            solve_settings = SolveSettings(
                height_m=settings.height,
                focal_px=chosen_focal_px(settings, max(take.image_size)),
            )
            result = apply_take(context, take, solve_settings, frames, times_s, settings.armature)
        except CaptureError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        settings.armature = result.armature
        self.report(
            {"INFO"},
            f"Keyed {result.frames} frames of {result.armature.name}, "
            f"{result.reprojection_px:.1f} px from the footage on average"
            + ("" if strip else "; no strip shows it, so it starts at the scene's first frame"),
        )
        return {"FINISHED"}


CLASSES = (CAPF_OT_apply_take,)
