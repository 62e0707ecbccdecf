# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default humanoid as an armature object."""

import bpy
import numpy as np
from mathutils import Vector

from ..core.armature import BONE_NAMES, PARENTS, RestPose
from ..core.errors import CaptureError
from ..core.skeleton import JOINT_NAMES
from .selection import kept

REST_JOINTS = "capf_rest_joints"
"""Custom property of our armatures: the joints (J, 3) in metres that they were built from, flat."""

SAME_M = 1e-4  # rest poses closer than this are one


def create(context: bpy.types.Context, rest: RestPose, name: str) -> bpy.types.Object:
    """A new armature object at the world's origin, in the scene's own collection.

    Not in the active collection: that one may be hidden, and bones cannot be made there.
    """
    data = bpy.data.armatures.new(name)
    data.display_type = "OCTAHEDRAL"
    ob = bpy.data.objects.new(name, data)
    ob.show_in_front = True
    context.scene.collection.objects.link(ob)
    fit(context, ob, rest)
    for name in BONE_NAMES:
        ob.pose.bones[name].rotation_mode = "QUATERNION"
    return ob


def is_ours(ob: bpy.types.Object | None) -> bool:
    """Whether `ob` is an armature made by `create` that still has all its bones and their order."""
    if ob is None or ob.type != "ARMATURE" or REST_JOINTS not in ob.data:
        return False
    bones = ob.data.bones
    return len(ob.data[REST_JOINTS]) == 3 * len(JOINT_NAMES) and all(
        name in bones
        and getattr(bones[name].parent, "name", None)
        == (BONE_NAMES[parent] if parent >= 0 else None)
        for name, parent in zip(BONE_NAMES, PARENTS, strict=True)
    )


def fits(ob: bpy.types.Object, rest: RestPose) -> bool:
    """Whether our armature `ob` has the lengths of `rest`."""
    joints = np.array(ob.data[REST_JOINTS]).reshape(-1, 3)
    return bool(np.abs(joints - rest.joints).max() < SAME_M)


def fit(context: bpy.types.Context, ob: bpy.types.Object, rest: RestPose) -> None:
    """Gives our armature `ob` the bones of `rest`. Mode, selection and active object are kept."""
    if ob.library is not None or ob.data.library is not None:
        raise linked(ob)
    view_layer = context.view_layer
    with kept(context):
        hidden = ob.hide_get(view_layer=view_layer), ob.hide_viewport
        ob.hide_viewport = False
        ob.hide_set(False, view_layer=view_layer)
        view_layer.objects.active = ob
        bpy.ops.object.mode_set(mode="EDIT")
        _set_bones(ob.data, rest)
        bpy.ops.object.mode_set(mode="OBJECT")
        ob.hide_set(hidden[0], view_layer=view_layer)
        ob.hide_viewport = hidden[1]
    ob.data[REST_JOINTS] = rest.joints.ravel().tolist()
    view_layer.update()  # object.pose is None until then


def linked(ob: bpy.types.Object) -> CaptureError:
    return CaptureError(
        "linked_armature",
        f"The armature {ob.name} is linked from another file.",
        "Clear the armature field to get a new one.",
    )


def _set_bones(data: bpy.types.Armature, rest: RestPose) -> None:
    """Edit mode only."""
    bones = data.edit_bones
    for index, name in enumerate(BONE_NAMES):
        bone = bones.get(name) or bones.new(name)
        bone.use_connect = False
        bone.head = Vector(rest.heads[index])
        bone.tail = Vector(rest.tails[index])
        bone.align_roll(Vector(rest.matrices[index, :, 2]))
        bone.parent = bones[BONE_NAMES[PARENTS[index]]] if PARENTS[index] >= 0 else None
    for index, name in enumerate(BONE_NAMES):
        parent = PARENTS[index]
        # connected chains are easier to read and to edit; hips and spine start at one point
        if parent >= 0 and np.allclose(rest.heads[index], rest.tails[parent], atol=1e-6):
            bones[name].use_connect = True


def rest_of(ob: bpy.types.Object) -> RestPose:
    """The rest pose of our armature `ob` as it is now, with whatever rolls the user gave it."""
    bones = [ob.data.bones[name] for name in BONE_NAMES]
    return RestPose(
        joints=np.array(ob.data[REST_JOINTS]).reshape(-1, 3),
        heads=np.array([bone.head_local for bone in bones]),
        tails=np.array([bone.tail_local for bone in bones]),
        matrices=np.array([bone.matrix_local.to_3x3() for bone in bones]),
    )
