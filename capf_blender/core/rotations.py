# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations, vectorised over any leading axes. Quaternions are w, x, y, z and of unit length.

Matrices act on column vectors; the columns of a bone's matrix are its X, Y and Z axis.
"""

import numpy as np

TINY = 1e-9


def unit(vectors: np.ndarray) -> np.ndarray:
    """`vectors` (..., N) scaled to length one; those without a length become zero, NaN stays."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length <= TINY, 0.0, vectors / np.maximum(length, TINY))


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...,) inner products over the last axis."""
    return np.einsum("...i,...i->...", a, b)


def perpendicular(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The part of `vectors` (..., 3) at right angles to the unit `axis` (..., 3)."""
    return vectors - dot(vectors, axis)[..., None] * axis


def any_perpendicular(axis: np.ndarray) -> np.ndarray:
    """Some unit vector at right angles to each unit `axis` (..., 3)."""
    smallest = np.eye(3)[np.argmin(np.abs(axis), axis=-1)]
    return unit(np.cross(axis, smallest))


def frame_yz(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotation matrices whose Y axis is along `y` and whose Z axis is as near to `z` as
    that allows; any Z where `z` is along `y`."""
    y = unit(y)
    z = perpendicular(unit(z), y)
    short = np.linalg.norm(z, axis=-1, keepdims=True) < 1e-6
    z = unit(np.where(short, any_perpendicular(y), z))
    return np.stack([np.cross(y, z), y, z], axis=-1)


def frame_yx(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """As `frame_yz`, with the X axis as near to `x` as Y allows."""
    return frame_yz(y, np.cross(unit(x), unit(y)))


def shortest_arc(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotations that turn the unit vector `start` (..., 3) into `end` the shortest way.

    Half a turn about any axis where they are opposite.
    """
    start, end = np.broadcast_arrays(start, end)
    axis = np.cross(start, end)
    cosine = dot(start, end)
    opposite = cosine < -1 + 1e-9
    quaternion = np.concatenate([(1 + cosine)[..., None], axis], axis=-1)
    half_turn = np.concatenate([np.zeros_like(cosine)[..., None], any_perpendicular(start)], -1)
    return matrix_from_quaternion(unit(np.where(opposite[..., None], half_turn, quaternion)))


def matrix_from_quaternion(quaternions: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotation matrices of `quaternions` (..., 4)."""
    w, x, y, z = np.moveaxis(quaternions, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quaternion_from_matrix(matrices: np.ndarray) -> np.ndarray:
    """(..., 4) quaternions of rotation `matrices` (..., 3, 3), with w >= 0.

    Each component in turn is taken from the diagonal and the others divided by it; the best
    conditioned of the four results counts (Shepperd, 1978).
    """
    m = matrices
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    yz, zy = m[..., 2, 1], m[..., 1, 2]
    zx, xz = m[..., 0, 2], m[..., 2, 0]
    xy, yx = m[..., 1, 0], m[..., 0, 1]
    candidates = np.stack(
        [
            np.stack([1 + xx + yy + zz, yz - zy, zx - xz, xy - yx], -1),
            np.stack([yz - zy, 1 + xx - yy - zz, xy + yx, zx + xz], -1),
            np.stack([zx - xz, xy + yx, 1 - xx + yy - zz, yz + zy], -1),
            np.stack([xy - yx, zx + xz, yz + zy, 1 - xx - yy + zz], -1),
        ],
        axis=-2,
    )
    best = np.argmax(np.diagonal(candidates, axis1=-2, axis2=-1), axis=-1)
    quaternion = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    quaternion = unit(quaternion)
    return np.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def about(axis: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """(..., 3, 3) turns by `angle` (...) radians about the unit `axis` (..., 3)."""
    half = 0.5 * np.asarray(angle)[..., None]
    imaginary = np.sin(half) * axis
    real = np.broadcast_to(np.cos(half), (*imaginary.shape[:-1], 1))
    return matrix_from_quaternion(np.concatenate([real, imaginary], axis=-1))


def fraction(rotations: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """(..., 3, 3) turns about the same axes as `rotations`, by a `share` (...) of the angles."""
    quaternion = quaternion_from_matrix(rotations)
    imaginary = quaternion[..., 1:]
    angle = 2 * np.arctan2(np.linalg.norm(imaginary, axis=-1), quaternion[..., 0])
    return about(unit(imaginary), share * angle)


def twist_angle(rotations: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(...) radians, -pi to pi, by which `rotations` (..., 3, 3) turn about the unit `axis` (3,),
    the rest of them being a swing of the axis (swing-twist decomposition)."""
    quaternion = quaternion_from_matrix(rotations)
    angle = 2 * np.arctan2(quaternion[..., 1:] @ axis, quaternion[..., 0])
    return (angle + np.pi) % (2 * np.pi) - np.pi


def continuous(quaternions: np.ndarray) -> np.ndarray:
    """`quaternions` (T, ..., 4) with signs chosen so that no frame is far from the one before it.

    Frames that are NaN are passed over.
    """
    known = np.isfinite(quaternions).all(axis=tuple(range(1, quaternions.ndim)))
    result = quaternions.copy()
    q = quaternions[known]
    if len(q) > 1:
        flips = np.where(dot(q[1:], q[:-1]) < 0, -1.0, 1.0)
        result[known] = (
            q * np.concatenate([np.ones_like(flips[:1]), np.cumprod(flips, 0)])[..., None]
        )
    return result


def slerp(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(..., 4) quaternions `share` (...,) of the shorter way from `start` to `end` (..., 4).

    Shoemake, 1985; NaN stays.
    """
    cosine = dot(start, end)
    end = np.where(cosine[..., None] < 0, -end, end)
    angle = np.arccos(np.clip(np.abs(cosine), 0.0, 1.0))
    sine = np.sin(angle)
    near = sine < 1e-6  # a straight line is the same there, and has no division by zero
    safe = np.where(near, 1.0, sine)
    first = np.where(near, 1 - share, np.sin((1 - share) * angle) / safe)
    second = np.where(near, share, np.sin(share * angle) / safe)
    return unit(first[..., None] * start + second[..., None] * end)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...,) radians between vectors `a` and `b` (..., 3)."""
    a, b = unit(a), unit(b)
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), dot(a, b))
