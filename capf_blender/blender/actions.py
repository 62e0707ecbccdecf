# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyframes in bulk."""

from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Quaternion

LINEAR = 1  # value of the enum item in Keyframe.interpolation


def write_pose_action(
    ob: bpy.types.Object,
    name: str,
    frames: np.ndarray,
    bone_names: Sequence[str],
    rotations: np.ndarray,
    root_location: np.ndarray,
) -> tuple[bpy.types.Action, int]:
    """A new action of `ob`, an armature whose pose exists, and its number of keys.

    `frames` (N,) scene frames, increasing, may be fractional; `rotations` (N, B, 4) wxyz, local,
    keyed in the rotation mode that each bone has, as others would have no effect;
    `root_location` (N, 3), local to the first bone. An action that was there before stays in the
    file.
    """
    action = bpy.data.actions.new(name)
    slot = action.slots.new(id_type="OBJECT", name=ob.name)
    strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
    bag = strip.channelbag(slot, ensure=True)
    keys = 0
    for index, bone in enumerate(bone_names):
        group = bag.groups.new(bone)
        path = f'pose.bones["{bpy.utils.escape_identifier(bone)}"].'
        channels = [rotation_channel(ob.pose.bones[bone].rotation_mode, rotations[:, index])]
        if index == 0:
            channels.insert(0, ("location", root_location))
        for prop, values in channels:
            for component in range(values.shape[1]):
                curve = bag.fcurves.new(path + prop, index=component)
                curve.group = group
                keys += _set_keys(curve, frames, values[:, component])
    animation = ob.animation_data or ob.animation_data_create()
    if animation.action is not None:
        animation.action.use_fake_user = True  # else it would be gone after saving
    animation.action = action
    animation.action_slot = slot
    return action, keys


def rotation_channel(mode: str, rotations: np.ndarray) -> tuple[str, np.ndarray]:
    """Property and values (N, 3 or 4) that say `rotations` (N, 4), wxyz, in a rotation mode."""
    if mode == "QUATERNION":
        return "rotation_quaternion", rotations
    quaternions = [Quaternion(rotation) for rotation in rotations]
    if mode == "AXIS_ANGLE":
        pairs = [quaternion.to_axis_angle() for quaternion in quaternions]
        return "rotation_axis_angle", np.array([(angle, *axis) for axis, angle in pairs])
    eulers = [quaternions[0].to_euler(mode)]
    for quaternion in quaternions[1:]:  # each as near as can be to the one before
        eulers.append(quaternion.to_euler(mode, eulers[-1]))
    return "rotation_euler", np.array([tuple(euler) for euler in eulers])


def _set_keys(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> int:
    count = len(frames)
    curve.keyframe_points.add(count)
    points = np.stack([frames, values], axis=1).astype(np.float32).ravel()
    curve.keyframe_points.foreach_set("co", points)
    curve.keyframe_points.foreach_set("interpolation", np.full(count, LINEAR, dtype=np.int32))
    curve.update()
    return count
