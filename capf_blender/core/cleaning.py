# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints relative to the pelvis without outliers, gaps and jitter, and with constant bones."""

import numpy as np

from .filters import dead_zone, fill_gaps, hampel, lowpass
from .rotations import dot, unit
from .settings import SolveSettings
from .skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS, MIRROR

HEAD_JOINTS = ("neck", "head_top", "nose", "l_ear", "r_ear")
LEAST_ACROSS = 0.1  # weight of a bone that points at the camera, where others point nowhere else
OUTLIER_PX = 3.0
OUTLIER_TURN = 0.25  # radians: bones turned by less are left to the low pass


def without_outliers(joints: np.ndarray, time_s: np.ndarray, settings: SolveSettings) -> np.ndarray:
    """`joints` (F, J, 3) relative to the root without single-frame outliers and short gaps.

    Sought in the vectors from parent to joint: a foot that flips once stands out there, not in the
    swing of the whole leg.
    """
    bones = _bones(joints)
    if settings.outlier_sigmas > 0:
        known = np.isfinite(bones).all(axis=(1, 2))
        typical = np.median(np.linalg.norm(bones[known], axis=-1), axis=0)
        least = OUTLIER_TURN * typical[:, None]
        bones = hampel(bones, time_s, sigmas=settings.outlier_sigmas, least=least)
    return _chained(fill_gaps(bones, time_s, settings.longest_gap_s))


def image_without_outliers(
    joints_2d: np.ndarray, time_s: np.ndarray, settings: SolveSettings
) -> np.ndarray:
    """`joints_2d` (F, J, 2) pixels without single-frame outliers and short gaps."""
    if settings.outlier_sigmas > 0:
        joints_2d = hampel(joints_2d, time_s, sigmas=settings.outlier_sigmas, least=OUTLIER_PX)
    return fill_gaps(joints_2d, time_s, settings.longest_gap_s)


def smooth(
    joints: np.ndarray, time_s: np.ndarray, settings: SolveSettings, depth: np.ndarray
) -> np.ndarray:
    """`joints` (F, J, 3) relative to the root without jitter, and without shimmer along `depth`,
    unit (3,) or (F, 3).

    Again bone by bone, so that a head that is smoothed more than the trunk does not lag behind it.
    """
    bones = lowpass(_bones(joints), time_s, _cutoffs(settings)[:, None])
    if settings.dead_zone_m > 0 and settings.depth_hz > 0:
        axis = np.broadcast_to(depth, (len(bones), 3))[:, None]
        fast = dot(bones - lowpass(bones, time_s, settings.depth_hz), axis)
        calm = dead_zone(fast, time_s, settings.depth_hz, settings.dead_zone_m)
        bones += (calm - fast)[..., None] * axis
    return _chained(bones)


def rigid_pelvis(joints: np.ndarray) -> np.ndarray:
    """`joints` (F, J, 3) relative to the middle of the hips, which becomes the pelvis: one bone
    carries all three."""
    middle = 0.5 * (joints[:, JOINT["l_hip"]] + joints[:, JOINT["r_hip"]])
    relative = joints - middle[:, None]
    relative[:, JOINT["pelvis"]] = np.where(np.isfinite(middle), 0.0, np.nan)
    return relative


def _bones(joints: np.ndarray) -> np.ndarray:
    """(F, J, 3) vectors from each joint's parent to it; the root as it is."""
    is_child = np.array(JOINT_PARENTS)[:, None] >= 0
    return joints - np.where(is_child, joints[:, list(JOINT_PARENTS)], 0.0)


def _chained(bones: np.ndarray) -> np.ndarray:
    """The joints (F, J, 3) that `_bones` belong to."""
    joints = bones.copy()
    for joint, parent in _from_the_root():
        joints[:, joint] += joints[:, parent]
    return joints


def _cutoffs(settings: SolveSettings) -> np.ndarray:
    """(J,) Hz."""
    cutoffs = np.full(len(JOINT_NAMES), settings.body_hz)
    for name, joint in JOINT.items():
        if name.endswith(("wrist", "index", "pinky", "ankle", "heel", "toe")):
            cutoffs[joint] = settings.extremities_hz
        elif name in HEAD_JOINTS:
            cutoffs[joint] = settings.head_hz
    return cutoffs


def measure(joints: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, float]:
    """Bone lengths (J,) and the heel-to-toe length in the unit of `joints` (F, J, 3), camera axes.
    0 for the pelvis.

    Medians over the frames and both sides, weighted by `confidence` (F, J) and by how much of the
    bone is across the image: what points at the camera is as long as the network guesses.
    """
    pairs = [(joint, max(parent, 0)) for joint, parent in enumerate(JOINT_PARENTS)]
    pairs.append((JOINT["l_toe"], JOINT["l_heel"]))
    ends = np.array([pairs, [(MIRROR[a], MIRROR[b]) for a, b in pairs]])  # (2, B, 2)
    bones = joints[:, ends[..., 0]] - joints[:, ends[..., 1]]  # (F, 2, B, 3)
    squared = dot(bones, bones)
    across = (bones[..., :2] ** 2).sum(-1) / np.maximum(squared, 1e-12)
    weights = np.minimum(confidence[:, ends[..., 0]], confidence[:, ends[..., 1]]) ** 2
    weights *= LEAST_ACROSS + across**2
    count = 2 * len(joints)
    lengths = weighted_median(np.sqrt(squared).reshape(count, -1), weights.reshape(count, -1))
    return lengths[:-1], float(lengths[-1])


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(...) the values of (N, ...) at which half of the weight (N, ...) lies on either side."""
    order = np.argsort(values, axis=0)
    share = np.cumsum(np.take_along_axis(weights, order, 0), axis=0)
    middle = (share < 0.5 * share[-1]).sum(axis=0)[None]
    return np.take_along_axis(values, np.take_along_axis(order, middle, 0), 0)[0]


def with_lengths(joints: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`joints` (F, J, 3) with the same direction of every bone and the given `lengths` (J,); the
    pelvis stays."""
    result = joints.copy()
    for joint, parent in _from_the_root():
        direction = unit(joints[:, joint] - joints[:, parent])
        result[:, joint] = result[:, parent] + lengths[joint] * direction
    return result


def _from_the_root() -> list[tuple[int, int]]:
    """Each joint but the root with its parent, parents first."""
    children = {-1: [JOINT["pelvis"]]}
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            children.setdefault(parent, []).append(joint)
    ordered: list[tuple[int, int]] = []
    waiting = [JOINT["pelvis"]]
    while waiting:
        parent = waiting.pop(0)
        ordered += [(child, parent) for child in children.get(parent, [])]
        waiting += children.get(parent, [])
    return ordered
