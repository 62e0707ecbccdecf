# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a raw take to motion in a level world: clean, smooth, constant bones, root, camera, feet."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .armature import rest_joints
from .camera import (
    CameraPath,
    Intrinsics,
    intrinsics,
    inverse,
    locate_root,
    onto_rays,
    project,
    transformed,
)
from .cleaning import (
    image_without_outliers,
    measure,
    rigid_pelvis,
    smooth,
    with_lengths,
    without_outliers,
)
from .contacts import Contact
from .corrections import Correction, corrected, seen_as_corrected
from .errors import CaptureError
from .filters import fill_gaps, lowpass
from .grounding import ground
from .hinges import natural
from .motion import Motion
from .settings import SolveSettings
from .sides import repaired
from .skeleton import JOINT, JOINT_NAMES
from .take import Take
from .world import place

LEAST_CONFIDENCE = 0.05  # keeps frames solvable in which nothing is seen well
# Points on the skin and the crown jitter more than joint centres and add little to the root.
SURFACE = ("heel", "toe", "index", "pinky", "nose", "ear", "head_top")
SURFACE_WEIGHT = 0.3


def solve(
    take: Take,
    settings: SolveSettings | None = None,
    cameras: CameraPath | None = None,
    contacts: Sequence[Contact] | None = None,
    corrections: Sequence[Correction] = (),
) -> Motion:
    """The motion in `take`, in the world of `cameras` where the camera is known.

    The feet stand during `contacts`, exactly; None finds when, as `settings.contact_mode` says.
    `corrections` are laid over what was solved without them.
    Raises CaptureError `no_pose` when it holds no usable pose, `no_camera` when `cameras` knows
    none of the take's frames.
    """
    settings = settings or SolveSettings()
    _check(take)
    if settings.repair_sides:
        take = repaired(take)
    if cameras is None:
        camera = intrinsics(take.image_size, settings.focal_px, take.focal_px)
    else:
        camera = cameras.intrinsics
    time_s = take.time_s
    confidence = np.maximum(np.nan_to_num(take.joints_confidence), LEAST_CONFIDENCE)
    seen = image_without_outliers(take.joints_2d, time_s, settings)
    relative = without_outliers(take.joints, time_s, settings)
    if settings.image_pull > 0:
        relative = onto_rays(relative, seen, settings.image_pull * confidence, camera)
    turns = _turns(cameras, time_s)
    relative = relative @ np.swapaxes(turns, -1, -2)  # a camera's own turns are not the person's
    relative = smooth(rigid_pelvis(relative), time_s, settings, turns[..., 2]) @ turns
    known = np.isfinite(relative).all(axis=(1, 2))
    lengths, foot = measure(relative[known], confidence[known])
    rest = rest_joints(lengths, foot)
    if settings.height_m is not None:
        scale = settings.height_m / rest[JOINT["head_top"], 2]
        lengths, foot, rest = scale * lengths, scale * foot, scale * rest
    relative = with_lengths(relative, lengths)
    if settings.natural_hinges:
        relative = natural(relative)

    root = locate_root(relative, seen, confidence * _root_weights(), camera)
    root = fill_gaps(root, time_s, settings.longest_gap_s)
    root[~known] = np.nan
    # across the image as it is seen, in depth slower: noise there would shake the person sideways
    depth = lowpass(root[:, 2:], time_s, settings.depth_hz)
    ray = (root / root[:, 2:])[:, None] @ np.swapaxes(turns, -1, -2)
    joints = relative + lowpass(ray, time_s, settings.body_hz) @ turns * depth[:, None]
    present = np.asarray(np.isfinite(joints).all(axis=(1, 2)))
    if not present.any():
        raise CaptureError(
            "no_pose", "The person's place in front of the camera could not be found in any frame.",
            "Check the focal length, and that the person is not cut off by the frame's edges.",
        )  # fmt: skip
    joints[~present] = np.nan
    soles = rest[[JOINT["l_heel"], JOINT["l_toe"], JOINT["l_ankle"]], 2]
    matrix = place(joints, time_s, soles, settings, cameras)
    motion = Motion(
        time_s=time_s,
        present=present,
        joints=transformed(joints, matrix),
        bone_lengths=lengths,
        foot_length=foot,
        camera=camera,
        world_from_camera=matrix,
        reprojection_px=np.full(len(time_s), np.nan),
    )
    known_floor = cameras is not None and cameras.level
    motion = ground(motion, take, settings, contacts, known_floor)
    motion = corrected(motion, corrections)
    take = seen_as_corrected(take, corrections)
    seen_joints = transformed(motion.joints, inverse(motion.world_from_camera))
    return replace(motion, reprojection_px=_reprojection(seen_joints, take, confidence, camera))


def _check(take: Take) -> None:
    """Raises CaptureError where there is nothing to solve."""
    if tuple(take.joint_names) != JOINT_NAMES:
        raise CaptureError(
            "bad_take", "The take's skeleton is not the one that this add-on solves.",
            "Capture the footage again.",
        )  # fmt: skip
    if not take.present.any():
        raise CaptureError(
            "no_pose", "The take holds no frame in which the person's pose is known.",
            "Capture a part of the footage in which the whole person is seen.",
        )  # fmt: skip


def _turns(cameras: CameraPath | None, time_s: np.ndarray) -> np.ndarray:
    """(3, 3) or (F, 3, 3) rotations from the camera's axes to those of a world that is at rest."""
    if cameras is None or len(cameras.time_s) == 1:
        return np.eye(3)
    turns = cameras.at(time_s)[:, :3, :3]
    if not np.isfinite(turns).any():
        raise CaptureError(
            "no_camera", "The camera's solve covers none of the take's frames.",
            "Solve the camera over the footage that was captured, or choose another camera.",
        )  # fmt: skip
    return turns


def _root_weights() -> np.ndarray:
    """(J,) how much each joint says about where the person is."""
    return np.array([SURFACE_WEIGHT if name.endswith(SURFACE) else 1.0 for name in JOINT_NAMES])


def _reprojection(
    joints: np.ndarray, take: Take, confidence: np.ndarray, camera: Intrinsics
) -> np.ndarray:
    """(F,) mean pixels between `joints` (F, J, 3) in camera axes and where the detector saw them;
    NaN where it saw nothing."""
    distance = np.linalg.norm(project(joints, camera) - take.joints_2d, axis=-1)
    weights = np.where(np.isfinite(distance), confidence, 0.0)
    total = weights.sum(axis=1)
    mean = (weights * np.nan_to_num(distance)).sum(axis=1) / np.maximum(total, 1e-9)
    return np.where(total > 0, mean, np.nan)
