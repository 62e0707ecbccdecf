# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capture's camera: its focal length, and where the person is in front of it.

Camera axes: x right, y down, z forward; pixels from the top left corner; metres.
"""

from dataclasses import dataclass

import numpy as np

from .filters import frame_interval
from .rotations import matrix_from_quaternion, quaternion_from_matrix, slerp

DEFAULT_FOCAL = 1.0  # focal length over the frame's longer side: 53 degrees, a phone's main lens
LEAST_DEPTH_M = 0.3  # nobody is captured nearer to the lens than this
HUBER_PX = 3.0  # residuals of a good detector stay under this; more is an outlier's
IRLS_ROUNDS = 3
RAY_ROUNDS = 2
LONGEST_CAMERA_GAP_S = 0.5  # a camera solve may miss that much between two frames


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera with square pixels, in pixels of the upright frame."""

    focal_px: float
    width: int
    height: int
    shift_px: tuple[float, float] = (0.0, 0.0)  # of the principal point from the frame's middle

    @property
    def centre(self) -> np.ndarray:
        """(2,) the principal point."""
        return np.array([0.5 * self.width, 0.5 * self.height]) + self.shift_px


@dataclass(frozen=True, eq=False)
class CameraPath:
    """A camera whose place is known from elsewhere: at rest (N = 1, for all times) or moving."""

    intrinsics: Intrinsics
    time_s: np.ndarray  # (N,) seconds since the video's first frame, increasing
    world_from_camera: np.ndarray  # (N, 4, 4) camera axes x right, y down, z forward; no scale
    level: bool = True  # its world has z up and the floor at z = 0; else it is any world
    metric: bool = True  # its unit is the metre; else one that is found from the person's height

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """(F, 4, 4) matrices at `times_s` (F,); NaN where the camera is not known."""
        if len(self.time_s) == 1:
            return np.repeat(self.world_from_camera, len(times_s), axis=0)
        return interpolated(self.time_s, self.world_from_camera, times_s)


def interpolated(time_s: np.ndarray, matrices: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(F, 4, 4): rigid `matrices` (N, 4, 4) at increasing `time_s` (N,), taken at `times_s` (F,).

    Rotations by slerp, places on straight lines. NaN in gaps of more than `LONGEST_CAMERA_GAP_S`,
    in what is NaN itself, and beyond the ends by more than half a frame.
    """
    known = np.isfinite(matrices).all(axis=(1, 2))
    time_s, matrices = time_s[known], matrices[known]
    result = np.full((len(times_s), 4, 4), np.nan)
    if len(time_s) < 2:
        return result
    slack = 0.5 * frame_interval(time_s) + 1e-6
    inside = (times_s >= time_s[0] - slack) & (times_s <= time_s[-1] + slack)
    at = np.clip(times_s[inside], time_s[0], time_s[-1])
    before = np.clip(np.searchsorted(time_s, at, side="right") - 1, 0, len(time_s) - 2)
    gap = time_s[before + 1] - time_s[before]
    share = (at - time_s[before]) / gap
    turns = quaternion_from_matrix(matrices[:, :3, :3])
    found = np.tile(np.eye(4), (len(at), 1, 1))
    found[:, :3, :3] = matrix_from_quaternion(slerp(turns[before], turns[before + 1], share))
    places = matrices[:, :3, 3]
    found[:, :3, 3] = places[before] + share[:, None] * (places[before + 1] - places[before])
    on_a_frame = (share < 1e-6) | (share > 1 - 1e-6)
    found[(gap > LONGEST_CAMERA_GAP_S) & ~on_a_frame] = np.nan
    result[inside] = found
    return result


def transformed(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """`points` (F, J, 3) moved by a rigid `matrix`: (4, 4), or (F, 4, 4) of one each frame."""
    turn, shift = matrix[..., :3, :3], matrix[..., None, :3, 3]
    return points @ np.swapaxes(turn, -1, -2) + shift


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of rigid matrices (..., 4, 4)."""
    result = np.zeros_like(matrix)
    back = np.swapaxes(matrix[..., :3, :3], -1, -2)
    result[..., :3, :3] = back
    result[..., :3, 3] = -(back @ matrix[..., :3, 3:])[..., 0]
    result[..., 3, 3] = 1.0
    return result


def intrinsics(
    image_size: np.ndarray, wanted_px: float | None = None, take_px: float = float("nan")
) -> Intrinsics:
    """The camera with the `wanted_px` focal length, else the take's, else the default one."""
    width, height = (int(side) for side in image_size)
    focal = next(
        (f for f in (wanted_px, take_px) if f is not None and np.isfinite(f) and f > 0),
        DEFAULT_FOCAL * max(width, height),
    )
    return Intrinsics(float(focal), width, height)


def project(points: np.ndarray, camera: Intrinsics) -> np.ndarray:
    """(..., 2) pixels of `points` (..., 3), metres in camera axes; NaN at or behind the lens."""
    depth = np.where(points[..., 2:] > 1e-6, points[..., 2:], np.nan)
    return camera.focal_px * points[..., :2] / depth + camera.centre


def locate_root(
    joints: np.ndarray, joints_2d: np.ndarray, weights: np.ndarray, camera: Intrinsics
) -> np.ndarray:
    """(F, 3) position of the root, metres in camera axes; NaN where nothing determines it.

    `joints` (F, J, 3) metres relative to the root in camera axes, `joints_2d` (F, J, 2) pixels,
    `weights` (F, J) from 0. For joint (X, Y, Z) seen at (u, v) and root T, the projection
    f (X + Tx) = (u - cx) (Z + Tz) and its like in v are linear in T: two equations a joint for
    three unknowns, solved by weighted least squares, then again with Huber weights on pixels.
    """
    ray = (joints_2d - camera.centre) / camera.focal_px  # (F, J, 2)
    known = np.isfinite(joints).all(-1) & np.isfinite(ray).all(-1) & (weights > 0)
    ray = np.where(known[..., None], ray, 0.0)
    xyz = np.where(known[..., None], joints, 0.0)
    # rows (1, 0, -ray_x) and (0, 1, -ray_y); right sides ray * Z - (X, Y)
    right = ray * xyz[..., 2:] - xyz[..., :2]
    base = np.where(known, weights, 0.0)
    weight = base
    root = np.full((len(joints), 3), np.nan)
    for _ in range(1 + IRLS_ROUNDS):
        root = _weighted_root(ray, right, weight)
        depth = np.maximum(xyz[..., 2] + root[:, None, 2], LEAST_DEPTH_M)
        residual = root[:, None, :2] - ray * root[:, None, 2:] - right  # metres at that depth
        pixels = camera.focal_px * np.linalg.norm(residual, axis=-1) / depth
        scale = np.maximum(HUBER_PX, 1.4826 * _row_median(np.where(known, pixels, np.nan)))
        huber = np.minimum(1.0, 1.345 * scale[:, None] / np.maximum(pixels, 1e-9))
        weight = base * huber / depth**2  # equations in pixels rather than in metres
    usable = (known.sum(axis=1) >= 3) & (root[:, 2] > 0)
    return np.where(usable[:, None], root, np.nan)


def onto_rays(
    joints: np.ndarray, joints_2d: np.ndarray, weights: np.ndarray, camera: Intrinsics
) -> np.ndarray:
    """`joints` (F, J, 3), metres relative to the root, moved across the image towards where they
    are seen, `joints_2d` (F, J, 2), at the depths that they have; by `weights` (F, J) from 0 to 1.

    Lifters that see a crop only guess a view without perspective: feet seen from above then point
    downwards. Detectors place joints in the image several times better than lifters do in space.
    On a clip with a multi-camera reference bone directions came 11 % nearer.
    """
    ray = (joints_2d - camera.centre) / camera.focal_px
    moved = joints
    for _ in range(RAY_ROUNDS):
        root = locate_root(moved, joints_2d, weights, camera)[:, None]
        wanted = ray * (moved[..., 2:] + root[..., 2:]) - root[..., :2]
        change = weights[..., None] * (wanted - moved[..., :2])
        moved = moved.copy()
        moved[..., :2] += np.where(np.isfinite(change), change, 0.0)
        moved = moved - moved[:, :1]
    return moved


def _row_median(values: np.ndarray) -> np.ndarray:
    """(F,) medians of (F, J) without NaN; 0 for rows without a number."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    middle = np.maximum(count - 1, 0) // 2
    return np.where(count > 0, np.take_along_axis(ordered, middle[:, None], 1)[:, 0], 0.0)


def _weighted_root(ray: np.ndarray, right: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F, 3) least-squares solutions from (F, J, 2) rays and right sides, (F, J) weights."""
    w = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    mean_ray = np.einsum("fj,fjk->fk", w, ray)
    mean_right = np.einsum("fj,fjk->fk", w, right)
    # eliminate Tx and Ty: Tz is a plain regression of the right sides on the centred rays
    centred = ray - mean_ray[:, None]
    spread = np.einsum("fj,fjk,fjk->f", w, centred, centred)
    moment = np.einsum("fj,fjk,fjk->f", w, centred, right)
    z = np.where(spread > 1e-12, -moment / np.maximum(spread, 1e-12), np.nan)
    return np.concatenate([mean_right + mean_ray * z[:, None], z[:, None]], axis=1)
