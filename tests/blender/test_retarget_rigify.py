# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify's own rigs, evaluated by Blender with all their constraints and drivers."""

import time
from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from synthetic_motion import walking_joints  # noqa: E402

from capf_blender.blender.rigs import read_rig  # noqa: E402
from capf_blender.core.contacts import Contact  # noqa: E402
from capf_blender.core.forward_kinematics import pose_rig  # noqa: E402
from capf_blender.core.retarget import RetargetSettings, retarget  # noqa: E402
from capf_blender.core.rig import Rig, RigPose  # noqa: E402
from capf_blender.core.rig_mapping import find_map  # noqa: E402
from capf_blender.core.rotations import angle_between, dot, perpendicular, unit  # noqa: E402
from capf_blender.core.skeleton import JOINT  # noqa: E402
from capf_blender.rigs import CONVENTIONS  # noqa: E402

pytestmark = pytest.mark.blender

TIMES = np.arange(60) / 30
JOINTS = walking_joints(TIMES, 1.0)
CONTACTS = [Contact("l", 0.4, 0.9), Contact("r", 1.0, 1.4)]
FRAMES = (0, 17, 40, 59)
SETTINGS = {
    "FK": RetargetSettings(),
    "FK, root bone": RetargetSettings(root="ROOT_BONE"),
    "IK": RetargetSettings(limbs="IK"),
    "IK, root bone": RetargetSettings(limbs="IK", root="ROOT_BONE"),
}
LIMBS = {"arm": ("upper_arm", "forearm", "hand"), "leg": ("thigh", "shin", "foot")}
JOINTS_OF = {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}


def generated(kind: str):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.preferences.addon_enable(module="rigify")
    getattr(bpy.ops.object, f"armature_{kind}_metarig_add")()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    rigs = [o for o in bpy.data.objects if o.type == "ARMATURE" and o is not metarig]
    rigs[0].location = (0.5, -0.2, 0.0)
    rigs[0].rotation_euler = (0.0, 0.0, 0.6)
    bpy.context.view_layer.update()
    return rigs[0]


@pytest.fixture(scope="module")
def rigify():
    return generated("basic_human")


def evaluate(ob, pose: RigPose, frame: int) -> None:
    for bone, prop in pose.switches:
        kind = type(ob.pose.bones[bone][prop])
        ob.pose.bones[bone][prop] = kind(pose.switches[bone, prop])
    for bone in ob.pose.bones:
        bone.matrix_basis.identity()
    for name, channels in pose.channels.items():
        bone = ob.pose.bones[name]
        bone.rotation_mode = "QUATERNION"
        if channels.rotation is not None:
            bone.rotation_quaternion = channels.rotation[frame]
        if channels.location is not None:
            bone.location = channels.location[frame]
    ob.update_tag()
    bpy.context.view_layer.update()


def heads(ob, limb: str, side: str) -> list[np.ndarray]:
    """World, of the bones that follow whichever controls are switched on."""
    return [np.array(ob.matrix_world @ ob.pose.bones[f"ORG-{b}{side}"].head) for b in LIMBS[limb]]


def in_numpy(rig: Rig, pose: RigPose) -> np.ndarray:
    found, _ = pose_rig(rig, pose)
    return found @ rig.world_from_armature[:3, :3].T + rig.world_from_armature[:3, 3]


@pytest.mark.parametrize("name", SETTINGS)
def test_limbs_are_where_they_should_be(rigify, name):
    rig = read_rig(rigify)
    rig_map = find_map(rig, CONVENTIONS)
    assert rig_map.convention == "rigify"
    settings = SETTINGS[name]
    pose = retarget(JOINTS, TIMES, rig, rig_map, settings)
    direct = retarget(JOINTS, TIMES, rig, rig_map, replace(settings, limbs="FK"))
    wanted = in_numpy(rig, direct)
    for frame in FRAMES:
        evaluate(rigify, pose, frame)
        for limb, bones in LIMBS.items():
            for side, p in ((".L", "l_"), (".R", "r_")):
                at = heads(rigify, limb, side)
                fk = [wanted[frame, rig.index(f"{bone}_fk{side}")] for bone in bones]
                joints = [JOINTS[frame, JOINT[p + joint]] for joint in JOINTS_OF[limb]]
                for start, end in ((0, 1), (1, 2)):
                    off = angle_between(at[end] - at[start], joints[end] - joints[start])
                    assert np.degrees(off) < (0.05 if settings.limbs == "FK" else 0.3)
                assert np.linalg.norm(at[2] - fk[2]) < 1e-3
                line = unit(fk[2] - fk[0])
                knees = [unit(perpendicular(chain[1] - chain[0], line)) for chain in (at, fk)]
                assert np.degrees(np.arccos(np.clip(dot(*knees), -1, 1))) < 0.5
        hand = rigify.pose.bones["ORG-hand.L"]
        evaluated = np.array((hand.matrix @ hand.bone.matrix_local.inverted()).to_3x3())
        evaluate(rigify, direct, frame)
        straight = np.array((hand.matrix @ hand.bone.matrix_local.inverted()).to_3x3())
        np.testing.assert_allclose(evaluated, straight, atol=1e-3)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_body_is_where_it_should_be(rigify, name):
    rig = read_rig(rigify)
    pose = retarget(JOINTS, TIMES, rig, find_map(rig, CONVENTIONS), SETTINGS[name], CONTACTS)
    wanted = in_numpy(rig, pose)
    for frame in FRAMES:
        evaluate(rigify, pose, frame)
        for bone in ("torso", "spine_fk.003", "neck", "head", "shoulder.L", "thigh_fk.R"):
            at = np.array(rigify.matrix_world @ rigify.pose.bones[bone].head)
            np.testing.assert_allclose(at, wanted[frame, rig.index(bone)], atol=1e-4, err_msg=bone)


def test_planted_feet_stay_on_the_floor_with_both_kinds_of_controls(rigify):
    rig = read_rig(rigify)
    rig_map = find_map(rig, CONVENTIONS)
    ankles = {}
    for limbs in ("FK", "IK"):
        pose = retarget(JOINTS, TIMES, rig, rig_map, RetargetSettings(limbs=limbs), CONTACTS)
        found = []
        for frame in range(14, 26):
            evaluate(rigify, pose, frame)
            found.append(heads(rigify, "leg", ".L")[2])
        ankles[limbs] = np.array(found)
    np.testing.assert_allclose(ankles["FK"], ankles["IK"], atol=1e-3)


@pytest.mark.slow
def test_a_thousand_frames_on_the_human_rig_are_quick():
    rig = read_rig(generated("human"))
    assert len(rig.names) > 600
    rig_map = find_map(rig, CONVENTIONS)
    times = np.arange(1000) / 30
    joints = walking_joints(times, 1.0)
    contacts = [Contact("l", at, at + 0.5) for at in range(33)]
    started = time.process_time()
    retarget(joints, times, rig, rig_map, RetargetSettings(), contacts)
    assert time.process_time() - started < 0.5
