# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyframes in bulk."""

from collections.abc import Sequence

import bpy
import numpy as np

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

    `frames` (N,) scene frames, increasing, may be fractional; `rotations` (N, B, 4) wxyz, local;
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
        channels = [("rotation_quaternion", rotations[:, index])]
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


def _set_keys(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> int:
    count = len(frames)
    curve.keyframe_points.add(count)
    points = np.stack([frames, values], axis=1).astype(np.float32).ravel()
    curve.keyframe_points.foreach_set("co", points)
    curve.keyframe_points.foreach_set("interpolation", np.full(count, LINEAR, dtype=np.int32))
    curve.update()
    return count
