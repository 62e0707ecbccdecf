# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton's heels, toes, knuckles, nose and ears, which the lifter's 17 joints lack.

They are BlazePose's: each keeps its offset from the joint that carries it, turned with the limb
that ends there from BlazePose's direction to the lifter's (the smallest rotation that does it),
and scaled by the ratio of the two bodies' sizes.
"""

import numpy as np

from capf_blender.core.skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS

LIFTED = 17
_LIMB_START = {"ankle": "knee", "wrist": "elbow"}  # where the limb begins that ends there
_SIZE_RATIOS = (0.5, 2.0)


def _limb(point: int) -> tuple[int, int, int]:
    """Start and end of the limb that turns an extremity, and the joint that carries it."""
    carrier = JOINT_PARENTS[point]
    name = JOINT_NAMES[carrier]
    if name == "neck":
        return carrier, JOINT["head_top"], carrier
    return JOINT[name[:2] + _LIMB_START[name[2:]]], carrier, carrier


_LIMBS = np.array([_limb(point) for point in range(LIFTED, len(JOINT_NAMES))])
_BONES = np.array([(joint, JOINT_PARENTS[joint]) for joint in range(1, LIFTED)])


def with_extremities(lifted: np.ndarray, body: np.ndarray) -> np.ndarray:
    """(N, 28, 3) metres: (N, 17, 3) lifted joints and the extremities of `body` (N, 28, 3), the
    same people's, both relative to the pelvis in the same axes."""
    start, end, carrier = _LIMBS.T
    offset = body[:, LIFTED:] - body[:, carrier]  # (N, 11, 3)
    turned = _turned(offset, body[:, end] - body[:, start], lifted[:, end] - lifted[:, start])
    sizes = [
        np.median(np.linalg.norm(joints[:, _BONES[:, 0]] - joints[:, _BONES[:, 1]], axis=2), axis=1)
        for joints in (lifted, body)
    ]
    ratio = np.clip(sizes[0] / np.maximum(sizes[1], 1e-6), *_SIZE_RATIOS)
    points = lifted[:, carrier] + ratio[:, None, None] * turned
    return np.concatenate((lifted, points), axis=1)


def _turned(vectors: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """`vectors` under the smallest rotation from direction `before` to `after`, all (..., 3);
    unchanged where there is no such direction or every axis would do."""
    a, b = (
        each / np.maximum(np.linalg.norm(each, axis=-1, keepdims=True), 1e-9)
        for each in (before, after)
    )
    axis = np.cross(a, b)
    cosine = (a * b).sum(axis=-1, keepdims=True)
    # Rodrigues' formula, with sin^2 / (1 - cos) = 1 + cos
    once = np.cross(axis, vectors)
    turned = vectors + once + np.cross(axis, once) / np.maximum(1 + cosine, 1e-6)
    length = (a * a).sum(axis=-1, keepdims=True) * (b * b).sum(axis=-1, keepdims=True)
    return np.where((cosine > -0.999) & (length > 0.5), turned, vectors)
