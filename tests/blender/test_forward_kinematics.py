# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
mathutils = pytest.importorskip("mathutils")

from capf_blender.blender.rigs import read_rig  # noqa: E402
from capf_blender.core.forward_kinematics import pose_rig  # noqa: E402
from capf_blender.core.rig import BoneChannels, RigPose  # noqa: E402
from capf_blender.core.rotations import unit  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.fixture(autouse=True)
def empty_scene():
    bpy.ops.wm.read_homefile(use_empty=True)


def random_rig(seed: int, bones: int = 40):
    """An armature with random bones, parents, rolls and inherit flags, under a crooked parent."""
    rng = np.random.default_rng(seed)
    data = bpy.data.armatures.new("Zufällig 人")
    ob = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(ob)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.scale, parent.rotation_euler = (1.0, 2.0, 0.5), rng.normal(size=3)
    ob.parent, ob.location, ob.scale = parent, rng.normal(size=3), (0.01, 0.01, 0.01)
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    made = []
    for number in range(bones):
        bone = data.edit_bones.new(f"骨.{number}" if number % 3 else f"Knochen ß {number}")
        if made and rng.random() < 0.9:
            bone.parent = made[rng.integers(len(made))]
        bone.head = rng.normal(size=3)
        if bone.parent and rng.random() < 0.3:
            bone.head, bone.use_connect = bone.parent.tail, True
        bone.tail = bone.head + mathutils.Vector(rng.normal(size=3))
        bone.roll = rng.uniform(-3, 3)
        made.append(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone in data.bones:
        bone.use_inherit_rotation = rng.random() < 0.6
        bone.use_local_location = rng.random() < 0.6
        bone.inherit_scale = rng.choice(["FULL", "FIX_SHEAR", "ALIGNED", "AVERAGE", "NONE"])
    bpy.context.view_layer.update()
    return ob, rng


@pytest.mark.parametrize("seed", range(6))
def test_bones_are_where_blender_has_them(seed):
    ob, rng = random_rig(seed)
    rig = read_rig(ob)
    channels = {}
    for pose_bone in ob.pose.bones:
        pose_bone.rotation_mode = "QUATERNION"
        if rng.random() < 0.5:
            continue  # as its parent
        rotation, location = unit(rng.normal(size=4)), rng.normal(size=3)
        pose_bone.rotation_quaternion, pose_bone.location = rotation, location
        channels[pose_bone.name] = BoneChannels(rotation[None], location[None])
    bpy.context.view_layer.update()
    heads, matrices = pose_rig(rig, RigPose(channels))
    for number, name in enumerate(rig.names):
        matrix = np.array(ob.pose.bones[name].matrix)
        np.testing.assert_allclose(heads[0, number], matrix[:3, 3], atol=1e-4, err_msg=name)
        np.testing.assert_allclose(matrices[0, number], matrix[:3, :3], atol=1e-4, err_msg=name)


def test_the_rig_is_read_as_it_is():
    ob, _ = random_rig(7)
    rig = read_rig(ob)
    np.testing.assert_allclose(rig.world_from_armature, np.array(ob.matrix_world), atol=1e-7)
    np.testing.assert_allclose(np.linalg.det(rig.matrices), 1.0, atol=1e-5)
    along = unit(rig.tails - rig.heads)
    np.testing.assert_allclose(rig.matrices[..., 1], along, atol=1e-4)
    assert all(parent < number for number, parent in enumerate(rig.parents))
    for name, parent in zip(rig.names, rig.parents, strict=True):
        bone = ob.data.bones[name]
        assert (bone.parent.name if bone.parent else None) == (
            rig.names[parent] if parent >= 0 else None
        )


def test_a_constraint_that_holds_a_bone_wholly_carries_it():
    ob, _ = random_rig(8)
    names = [bone.name for bone in ob.data.bones]
    leaf = next(n for n in reversed(names) if not ob.data.bones[n].children)
    target = next(n for n in names if n != leaf and ob.data.bones[leaf].parent.name != n)
    constraint = ob.pose.bones[leaf].constraints.new("COPY_TRANSFORMS")
    constraint.target, constraint.subtarget = ob, target
    bpy.context.view_layer.update()
    carriers = read_rig(ob).carriers
    assert carriers is not None
    assert names[carriers[names.index(leaf)]] == target
    constraint.influence = 0.5
    bpy.context.view_layer.update()
    rig = read_rig(ob)
    assert (rig.carriers == rig.parents).all()
