# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's solved motion, and the same at other times."""

from dataclasses import dataclass, replace

import numpy as np

from .armature import RestPose, rest_pose
from .camera import Intrinsics, interpolated
from .cleaning import with_lengths
from .contacts import Contact
from .filters import frame_interval, pchip, segments


@dataclass(frozen=True, eq=False)
class Motion:
    """One person's motion. World: z up, metres, soles on z = 0, first facing -Y above the origin.

    Frames in which the person is unknown (never seen there, or a gap longer than can be filled) are
    NaN and not `present`.
    """

    time_s: np.ndarray  # (F,) seconds since the video's first frame, increasing
    present: np.ndarray  # (F,) bool
    joints: np.ndarray  # (F, J, 3) metres, world axes, constant distances between joint and parent
    bone_lengths: np.ndarray  # (J,) metres from each joint to its parent, 0 for the pelvis
    foot_length: float  # metres from heel to toe
    camera: Intrinsics
    world_from_camera: np.ndarray
    """(4, 4), camera axes x right, y down, z forward; (F, 4, 4) of a camera that moves"""
    reprojection_px: np.ndarray  # (F,) mean distance from the take's 2D joints, by confidence
    contacts: tuple[Contact, ...] = ()  # when the feet stand, in order of time

    @property
    def rest(self) -> RestPose:
        """The default humanoid with this body's lengths."""
        return rest_pose(self.bone_lengths, self.foot_length)


def sample(motion: Motion, times_s: np.ndarray) -> Motion:
    """`motion` at other times (N,), increasing seconds: monotone cubic positions with the bones'
    lengths restored.

    A time is present between two present frames that follow each other, and up to half a frame
    before the first and after the last of such a run. A still image is present at all times.
    """
    times_s = np.asarray(times_s, dtype=float)
    count, frames = len(times_s), len(motion.time_s)
    joints = np.full((count, *motion.joints.shape[1:]), np.nan)
    reprojection = np.full(count, np.nan)
    slack = 0.5 * frame_interval(motion.time_s) + 1e-6 if frames > 1 else np.inf
    for run in segments(motion.present):
        known = motion.time_s[run]
        inside = (times_s >= known[0] - slack) & (times_s <= known[-1] + slack)
        if inside.any():
            joints[inside] = pchip(known, motion.joints[run], times_s[inside])
            middles = 0.5 * (known[1:] + known[:-1])
            nearest = np.searchsorted(middles, times_s[inside])
            reprojection[inside] = motion.reprojection_px[run][nearest]
    return replace(
        motion,
        time_s=times_s,
        present=np.isfinite(joints).all(axis=(1, 2)),
        joints=with_lengths(joints, motion.bone_lengths),
        reprojection_px=reprojection,
        world_from_camera=motion.world_from_camera
        if motion.world_from_camera.ndim == 2
        else interpolated(motion.time_s, motion.world_from_camera, times_s),
    )
