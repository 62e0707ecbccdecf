# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pose as the F-curves that say it, in the rotation mode that each bone has."""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Quaternion

from ..core.key_reduction import reduce_keys
from ..core.pose_error import LocalPose, PoseError
from ..core.rig import Rig, RigPose
from ..core.rotations import continuous, dot, matrix_from_quaternion, unit
from .keys import Keys, curved_keys, straight_keys

PROPERTIES = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}


@dataclass(frozen=True, eq=False)
class Channel:
    group: str
    keys: Keys


Channels = dict[tuple[str, int], Channel]
"""By data path and index."""


@dataclass(frozen=True, eq=False)
class BoneValues:
    """What has to be keyed on one pose bone; N frames."""

    bone: str
    mode: str  # PoseBone.rotation_mode
    rotation: np.ndarray | None  # (N, 3 or 4) as the mode has it
    location: np.ndarray | None  # (N, 3)

    def paths(self) -> list[tuple[str, np.ndarray]]:
        """Data paths and their (N, C) values."""
        prefix = f'pose.bones["{bpy.utils.escape_identifier(self.bone)}"].'
        rotation = PROPERTIES.get(self.mode, "rotation_euler")
        named = (("location", self.location), (rotation, self.rotation))
        return [(prefix + name, values) for name, values in named if values is not None]


def bone_values(ob: bpy.types.Object, pose: RigPose) -> list[BoneValues]:
    """The values of `pose` on `ob`, an armature whose pose exists. Rotation modes are kept: keys of
    another one would have no effect."""
    result = []
    for name, channels in pose.channels.items():
        mode = ob.pose.bones[name].rotation_mode
        rotation = channels.rotation
        if rotation is not None:
            rotation = in_mode(mode, continuous(rotation))
        result.append(BoneValues(name, mode, rotation, channels.location))
    return result


def in_mode(mode: str, rotations: np.ndarray) -> np.ndarray:
    """(N, 3 or 4) values that say `rotations` (N, 4), wxyz, in a rotation mode, each as near as can
    be to the one before."""
    if mode == "QUATERNION":
        return rotations
    if mode == "AXIS_ANGLE":
        return _axis_angles(rotations)
    quaternions = [Quaternion(rotation) for rotation in rotations]
    eulers = [quaternions[0].to_euler(mode)]
    for quaternion in quaternions[1:]:
        eulers.append(quaternion.to_euler(mode, eulers[-1]))
    return np.array([tuple(euler) for euler in eulers])


def _axis_angles(rotations: np.ndarray) -> np.ndarray:
    """(N, 4) angle and axis of continuous `rotations` (N, 4). The axis does not jump to its
    opposite where the angle passes through 0: the angle then becomes negative."""
    vectors = rotations[:, 1:]
    length = np.linalg.norm(vectors, axis=1)
    clear = length > 1e-6
    if not clear.any():
        return np.tile([0.0, 0.0, 1.0, 0.0], (len(rotations), 1))
    # an unclear axis is that of the nearest clear frame before it
    nearest = np.maximum.accumulate(np.where(clear, np.arange(len(clear)), np.argmax(clear)))
    axes = (vectors / np.maximum(length, 1e-12)[:, None])[nearest]
    turned = np.where(dot(axes[1:], axes[:-1]) < 0, -1.0, 1.0)
    sign = np.cumprod(np.concatenate([[1.0], turned]))
    angle = 2 * np.arctan2(np.where(clear, length, 0.0), rotations[:, 0])
    return np.concatenate([(sign * angle)[:, None], sign[:, None] * axes], axis=1)


def matrices(mode: str, values: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotations that `values` (..., 3 or 4) mean to Blender."""
    if mode == "QUATERNION":
        return matrix_from_quaternion(unit(values))
    if mode == "AXIS_ANGLE":
        half = 0.5 * values[..., :1]
        turned = np.concatenate([np.cos(half), np.sin(half) * unit(values[..., 1:])], axis=-1)
        return matrix_from_quaternion(turned)
    result = np.eye(3)
    for axis in mode:  # the first one turns first
        number = "XYZ".index(axis)
        half = np.zeros((*values.shape[:-1], 4))
        half[..., 0] = np.cos(0.5 * values[..., number])
        half[..., 1 + number] = np.sin(0.5 * values[..., number])
        result = matrix_from_quaternion(half) @ result
    return result


def straight(values: list[BoneValues], frames: np.ndarray) -> Channels:
    """Linear keys on all of `frames` (N,)."""
    return {
        (path, index): Channel(one.bone, straight_keys(frames, column))
        for one in values
        for path, columns in one.paths()
        for index, column in enumerate(columns.T)
    }


def reduced(
    values: list[BoneValues],
    frames: np.ndarray,
    rig: Rig,
    allowed_m: np.ndarray,
    edges: np.ndarray,
) -> Channels:
    """Bezier keys on as few of `frames` (N,) as keep the joints within `allowed_m` (B, N) of where
    keys on all frames would have them. `edges` (B, N) bool: frames on which a bone is keyed in any
    case, and may have a corner."""
    curves = [np.concatenate([columns for _, columns in one.paths()], axis=1) for one in values]
    error = PoseError(rig, [one.bone for one in values], _posed(values, curves))

    def errors(approximations: list[np.ndarray]) -> np.ndarray:
        return error.blame(_posed(values, approximations), allowed_m)

    result: Channels = {}
    for one, track in zip(values, reduce_keys(frames, curves, errors, edges), strict=True):
        names = [(path, i) for path, columns in one.paths() for i in range(columns.shape[1])]
        for name, *column in zip(
            names, track.values.T, track.slopes_in.T, track.slopes_out.T, strict=True
        ):
            result[name] = Channel(one.bone, curved_keys(frames[track.keys], *column))
    return result


def _posed(values: list[BoneValues], curves: list[np.ndarray]) -> list[LocalPose]:
    """The bones' poses where `curves` (N, C) each are their values."""
    split = [0 if one.location is None else 3 for one in values]
    turns: dict[int, np.ndarray] = {}
    for mode in {one.mode for one in values}:  # many bones at once are several times as fast
        rows = [i for i, one in enumerate(values) if one.mode == mode and one.rotation is not None]
        if rows:
            stacked = matrices(mode, np.stack([curves[row][:, split[row] :] for row in rows]))
            turns |= dict(zip(rows, stacked, strict=True))
    return [
        LocalPose(turns.get(row), columns[:, : split[row]] if split[row] else None)
        for row, columns in enumerate(curves)
    ]
