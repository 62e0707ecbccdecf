# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints relative to the pelvis without outliers, gaps and jitter, and with constant bones."""

import numpy as np

from .filters import fill_gaps, hampel, lowpass
from .rotations import unit
from .settings import SolveSettings
from .skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS, MIRROR

HEAD_JOINTS = ("neck", "head_top", "nose", "l_ear", "r_ear")
OUTLIER_TURN = 0.25  # radians: bones turned by less are left to the low pass


def without_outliers(joints: np.ndarray, time_s: np.ndarray, longest_gap_s: float) -> np.ndarray:
    """`joints` (F, J, 3) relative to the root without single-frame outliers and short gaps.

    Sought in the vectors from parent to joint: a foot that flips once stands out there, not in the
    swing of the whole leg.
    """
    bones = _bones(joints)
    typical = np.median(np.linalg.norm(bones[np.isfinite(bones).all(axis=(1, 2))], axis=-1), axis=0)
    bones = hampel(bones, time_s, least=OUTLIER_TURN * typical[:, None])
    return _chained(fill_gaps(bones, time_s, longest_gap_s))


def smooth(joints: np.ndarray, time_s: np.ndarray, settings: SolveSettings) -> np.ndarray:
    """`joints` (F, J, 3) relative to the root without jitter. Again bone by bone, so that a head
    that is smoothed more than the trunk does not lag behind it."""
    return _chained(lowpass(_bones(joints), time_s, _cutoffs(settings)[:, None]))


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
    """Bone lengths (J,) and the heel-to-toe length in the unit of `joints` (F, J, 3): medians over
    the frames and both sides, weighted by `confidence` (F, J). 0 for the pelvis."""
    lengths = np.zeros(len(JOINT_NAMES))
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            lengths[joint] = _length(joints, confidence, joint, parent)
    foot = _length(joints, confidence, JOINT["l_toe"], JOINT["l_heel"])
    return lengths, foot


def _length(joints: np.ndarray, confidence: np.ndarray, joint: int, other: int) -> float:
    pairs = {(joint, other), (MIRROR[joint], MIRROR[other])}
    values = [np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in pairs]
    weights = [np.minimum(confidence[:, a], confidence[:, b]) for a, b in pairs]
    return weighted_median(np.concatenate(values), np.concatenate(weights))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value at which half of the weight lies on either side."""
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, 0.5 * share[-1])])


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
