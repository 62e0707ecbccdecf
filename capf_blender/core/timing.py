# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scene frames and source time."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TimeMap:
    """The straight line between scene frames and the source's own time.

    `frame` is the scene frame at which the source's `time_s` (seconds since its first frame) is
    shown; each scene frame advances the source by `seconds_per_frame`.
    """

    frame: float
    time_s: float
    seconds_per_frame: float

    def times_s(self, frames: np.ndarray) -> np.ndarray:
        """Source times in seconds of scene `frames`, same shape."""
        return self.time_s + (np.asarray(frames, float) - self.frame) * self.seconds_per_frame

    def frames(self, times_s: np.ndarray) -> np.ndarray:
        """Scene frames, fractional, at which the source's `times_s` are shown, same shape."""
        return self.frame + (np.asarray(times_s, float) - self.time_s) / self.seconds_per_frame


def strip_time_map(
    content_start: float,
    trimmed_frames: int,
    strip_fps: float,
    scene_fps: float,
    plays_in_real_time: bool,
) -> TimeMap:
    """The time map of a video strip that starts at scene frame `content_start`, with its first
    `trimmed_frames` source frames cut away for good.

    Strips that users add play in real time whatever the scene's rate; strips added by scripts show
    one source frame a scene frame.
    """
    return TimeMap(
        frame=content_start,
        time_s=trimmed_frames / strip_fps,
        seconds_per_frame=1.0 / (scene_fps if plays_in_real_time else strip_fps),
    )
