# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well each part of the body was seen, as keys of custom properties of the armature object: a
band under the animation in the Graph Editor."""

import numpy as np

from ..core.doubts import PARTS, part_confidence, thinned
from ..core.take import Take
from ..core.timing import TimeMap
from .keys import Keys, straight_keys


def property_name(part: str) -> str:
    return f"{part} Confidence"


def confidence_keys(take: Take, frames: np.ndarray, time_map: TimeMap) -> dict[str, Keys]:
    """Keys by property name, 0 to 1, from the first to the last of `frames`, as few as show it; 0
    where the person is unknown."""
    grid = np.arange(np.floor(frames[0]), np.ceil(frames[-1]) + 1)
    times_s = time_map.times_s(grid)
    sure = np.nan_to_num(part_confidence(take))
    found = {}
    for part, values in zip(PARTS, sure.T, strict=True):
        on_frames = np.interp(times_s, take.time_s, values)
        kept = thinned(on_frames)
        found[property_name(part)] = straight_keys(grid[kept], on_frames[kept])
    return found
