# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A moving camera of known path, and a movie clip in which Blender itself has solved it."""

from pathlib import Path

import bpy
import numpy as np
from synthetic_motion import look_at

from capf_blender.core.camera import Intrinsics, project

FRAMES = 60
FOCAL = 1100.0
PATH = np.array(
    [
        look_at((4 * np.sin(a), -5 * np.cos(a), 1.6), 0.1, 0.05 * np.sin(5 * a), a)
        for a in np.radians(np.linspace(-20, 20, FRAMES))
    ]
)
SHIFT = (20.0, 10.0)  # pixels: the principal point is right of and below the middle


def solved_clip(video: Path) -> bpy.types.MovieClip:
    """A clip whose camera Blender itself has solved, from the tracks of 40 points."""
    clip = bpy.data.movieclips.load(str(video))
    tracking = clip.tracking
    tracking.camera.focal_length_pixels = FOCAL
    # from the lower left corner
    tracking.camera.principal_point_pixels = (640 + SHIFT[0], 360 - SHIFT[1])
    seen = Intrinsics(FOCAL, 1280, 720, SHIFT)
    points = np.random.default_rng(0).uniform([-2, -1, 0], [2, 3, 2.5], (40, 3))
    tracks = [tracking.tracks.new(name=f"T{i}", frame=1) for i in range(len(points))]
    for frame, matrix in enumerate(PATH, start=1):
        pixels = project((points - matrix[:3, 3]) @ matrix[:3, :3], seen)
        for track, (x, y) in zip(tracks, pixels, strict=True):
            if 0 < x < 1280 and 0 < y < 720:
                track.markers.insert_frame(frame, co=(x / 1280, 1 - y / 720))
    tracking.objects[0].keyframe_a, tracking.objects[0].keyframe_b = 1, FRAMES
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "CLIP_EDITOR"
    area.spaces.active.clip = clip
    area.spaces.active.mode = "TRACKING"
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        assert bpy.ops.clip.solve_camera() == {"FINISHED"}
    return clip
