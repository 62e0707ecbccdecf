# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From solved joints to the rotations of bones, by the turn of each segment since the rest pose."""

from dataclasses import dataclass

import numpy as np

from .anatomy import anatomical_frames
from .armature import BONE_SEGMENTS, PARENTS, RestPose
from .rotations import continuous, quaternion_from_matrix
from .skeleton import JOINT


@dataclass(frozen=True, eq=False)
class BonePose:
    """Channels of a humanoid's pose bones; F frames, B bones in the order of `BONE_NAMES`.
    Frames without the person are NaN."""

    rotations: np.ndarray  # (F, B, 4) wxyz, local to each bone's rest
    hips_location: np.ndarray  # (F, 3) metres, in the axes of the hips' rest


def retarget(joints: np.ndarray, time_s: np.ndarray, rest: RestPose) -> BonePose:
    """The pose in which the bones of `rest` follow `joints` (F, J, 3), metres in world axes.

    With the same anatomical frame taken from the moving joints (F) and from the rest's (A), a bone
    at rest R0 turns to F A^T R0: exact for any rest direction and roll.
    """
    segments = list(BONE_SEGMENTS)
    frames = anatomical_frames(joints, time_s)[:, segments]
    rest_frames = anatomical_frames(rest.joints[None], np.zeros(1))[0, segments]
    posed = frames @ np.swapaxes(rest_frames, -1, -2) @ rest.matrices  # (F, B, 3, 3)
    local = np.empty_like(posed)
    for bone, parent in enumerate(PARENTS):
        own = rest.matrices[bone]
        if parent < 0:
            local[:, bone] = own.T @ posed[:, bone]
        else:
            from_parent = own.T @ rest.matrices[parent]
            local[:, bone] = from_parent @ np.swapaxes(posed[:, parent], -1, -2) @ posed[:, bone]
    rotations = continuous(quaternion_from_matrix(local))
    moved = joints[:, JOINT["pelvis"]] - rest.heads[0]
    return BonePose(rotations, moved @ rest.matrices[0])
