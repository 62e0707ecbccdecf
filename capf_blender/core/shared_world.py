# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several people of one clip in one world: the first one's camera is the others' known camera."""

from dataclasses import replace

import numpy as np

from .camera import CameraPath
from .motion import Motion
from .settings import SolveSettings
from .skeleton import JOINT
from .solve import solve
from .take import Take
from .world import foot_heights

FLOOR_PERCENTILE = 5.0  # of the heights of the lowest sole, as when the floor is found
HEIGHTS_M = (0.7, 2.2)  # people whose height is estimated are between these


def world_of(motion: Motion) -> CameraPath:
    """The camera in the world of `motion`, for `solve` of somebody else in the same clip."""
    matrix = motion.world_from_camera
    if matrix.ndim == 2:
        return CameraPath(motion.camera, np.zeros(1), matrix[None])
    return CameraPath(motion.camera, motion.time_s, matrix)


def height_on_floor(take: Take, settings: SolveSettings, cameras: CameraPath) -> float | None:
    """Body height in metres at which the person stands on the floor of `cameras`; None when that
    cannot be told, or is no person's height.

    One camera cannot tell a tall person from one who is near. With the floor it can: enlarging a
    person by s about the camera, at height C, takes soles from height h to C + s (h - C), which is
    0 for s = C / (C - h).
    """
    motion = solve(take, replace(settings, contact_mode="NEVER"), cameras=cameras)
    rest = motion.rest.joints
    soles = rest[[JOINT["l_heel"], JOINT["l_toe"], JOINT["l_ankle"]], 2]
    known = motion.present & np.isfinite(motion.joints).all(axis=(1, 2))
    camera = np.broadcast_to(motion.world_from_camera, (len(known), 4, 4))[known, 2, 3]
    below = camera - foot_heights(motion.joints[known], soles)
    if not (below > 0).all():
        return None
    scale = float(np.percentile(camera / below, FLOOR_PERCENTILE))
    height = scale * float(rest[JOINT["head_top"], 2])
    return height if HEIGHTS_M[0] <= height <= HEIGHTS_M[1] else None
