# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyframes of one F-curve in bulk: written, read, and put among others."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import bpy
import numpy as np

# values of Blender's enums in arrays
CONSTANT, LINEAR, BEZIER = 0, 1, 2  # Keyframe.interpolation
FREE, ALIGNED, AUTO_CLAMPED = 0, 3, 4  # Keyframe.handle_left_type
CORNER = 1e-6  # slopes a frame that differ by more make a corner


@dataclass(frozen=True, eq=False)
class Keys:
    """The keys of one curve; K keys."""

    points: np.ndarray  # (K, 2) frame, increasing, and value
    left: np.ndarray  # (K, 2) handles
    right: np.ndarray  # (K, 2)
    handles: np.ndarray  # (K, 2) int: types of the left and the right one
    interpolation: np.ndarray  # (K,) int

    @property
    def negated(self) -> "Keys":
        flip = np.array([1.0, -1.0])
        return replace(
            self, points=flip * self.points, left=flip * self.left, right=flip * self.right
        )


def straight_keys(frames: np.ndarray, values: np.ndarray, interpolation: int = LINEAR) -> Keys:
    """Keys at `frames` (K,) with `values` (K,), whose handles Blender places."""
    points = np.stack([frames, values], axis=1)
    return Keys(
        points, points, points,
        np.full((len(frames), 2), AUTO_CLAMPED), np.full(len(frames), interpolation),
    )  # fmt: skip


def curved_keys(
    frames: np.ndarray, values: np.ndarray, slopes_in: np.ndarray, slopes_out: np.ndarray
) -> Keys:
    """Bezier keys that make the cubic Hermite curve of `values` and slopes a frame, (K,) each."""
    points = np.stack([frames, values], axis=1)
    if len(frames) == 1:
        return straight_keys(frames, values)
    thirds = np.diff(frames) / 3.0
    before, after = np.append(thirds[:1], thirds), np.append(thirds, thirds[-1:])
    left = np.stack([frames - before, values - before * slopes_in], axis=1)
    right = np.stack([frames + after, values + after * slopes_out], axis=1)
    corner = np.abs(slopes_in - slopes_out) > CORNER
    handles = np.where(corner[:, None], FREE, ALIGNED) * np.ones((1, 2), int)
    return Keys(points, left, right, handles, np.full(len(frames), BEZIER))


def set_keys(curve: bpy.types.FCurve, keys: Keys) -> None:
    """Makes `keys` the only ones of `curve`."""
    found, count = curve.keyframe_points, len(keys.points)
    if len(found) != count:
        found.clear()
        found.add(count)
    found.foreach_set("co", keys.points.astype(np.float32).ravel())
    found.foreach_set("interpolation", keys.interpolation.astype(np.int32))
    found.foreach_set("handle_left_type", keys.handles[:, 0].astype(np.int32))
    found.foreach_set("handle_right_type", keys.handles[:, 1].astype(np.int32))
    if (keys.handles != AUTO_CLAMPED).any():  # else Blender places them all
        found.foreach_set("handle_left", keys.left.astype(np.float32).ravel())
        found.foreach_set("handle_right", keys.right.astype(np.float32).ravel())
    curve.update()


def read_keys(curve: bpy.types.FCurve) -> Keys:
    handles = [_codes(curve, f"handle_{side}_type") for side in ("left", "right")]
    return Keys(
        _pairs(curve, "co"), _pairs(curve, "handle_left"), _pairs(curve, "handle_right"),
        np.stack(handles, axis=1), _codes(curve, "interpolation"),
    )  # fmt: skip


def put_among(old: Keys, new: Keys) -> Keys:
    """`old` keys with `new` ones in place of all from the first to the last of these."""
    first, last = new.points[0, 0], new.points[-1, 0]
    before, after = old.points[:, 0] < first - 1e-3, old.points[:, 0] > last + 1e-3

    def joined(name: str) -> np.ndarray:
        was = getattr(old, name)
        return np.concatenate([was[before], getattr(new, name), was[after]])

    return Keys(*(joined(name) for name in Keys.__dataclass_fields__))


def fingerprint(curves: Iterable[bpy.types.FCurve]) -> str:
    """Differs when a key of `curves` was moved, added, removed or bent."""
    code = 0
    for curve in curves:
        interpolation = _codes(curve, "interpolation")
        code = zlib.crc32(_pairs(curve, "co").tobytes(), zlib.crc32(interpolation.tobytes(), code))
        if (interpolation == BEZIER).any():
            for handle in ("handle_left", "handle_right"):
                code = zlib.crc32(_pairs(curve, handle).tobytes(), code)
    return f"{code:08x}"


def _pairs(curve: bpy.types.FCurve, name: str) -> np.ndarray:
    """(K, 2) float32."""
    values = np.empty(2 * len(curve.keyframe_points), np.float32)
    curve.keyframe_points.foreach_get(name, values)
    return values.reshape(-1, 2)


def _codes(curve: bpy.types.FCurve, name: str) -> np.ndarray:
    """(K,) int32."""
    values = np.empty(len(curve.keyframe_points), np.int32)
    curve.keyframe_points.foreach_get(name, values)
    return values
