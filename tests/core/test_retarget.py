# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import body, joints_of, pose_bones, walk, walking_joints

from capf_blender.core.armature import BONE_NAMES, BONE_PARENTS, RestPose
from capf_blender.core.retarget import retarget
from capf_blender.core.rotations import (
    angle_between,
    frame_yx,
    matrix_from_quaternion,
    quaternion_from_matrix,
    unit,
)
from capf_blender.core.skeleton import JOINT, MIRROR

TIMES = np.arange(150) / 30

# bone: the joints whose direction it must have; toes end where the foot's direction leads
DIRECTIONS = {
    "spine": ("pelvis", "spine"), "chest": ("spine", "thorax"), "neck": ("thorax", "neck"),
    "head": ("neck", "head_top"),
    **{
        bone + side: (p + a if a != "thorax" else a, p + b)
        for p, side in (("l_", ".L"), ("r_", ".R"))
        for bone, (a, b) in {
            "clavicle": ("thorax", "shoulder"), "upper_arm": ("shoulder", "elbow"),
            "forearm": ("elbow", "wrist"), "thigh": ("hip", "knee"), "shin": ("knee", "ankle"),
        }.items()
    },
}  # fmt: skip


def posed(joints: np.ndarray, rest: RestPose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pose = retarget(joints, TIMES[: len(joints)], rest)
    pelvis = rest.heads[0] + pose.hips_location @ rest.matrices[0].T
    return pose_bones(rest, pose.rotations, pelvis)


def worst_direction(joints: np.ndarray, rest: RestPose) -> float:
    """Degrees by which any bone misses its joints."""
    heads, tails, _ = posed(joints, rest)
    errors = []
    for bone, (a, b) in DIRECTIONS.items():
        index = BONE_NAMES.index(bone)
        wanted = joints[:, JOINT[b]] - joints[:, JOINT[a]]
        errors.append(angle_between(tails[:, index] - heads[:, index], wanted).max())
    for p, side in (("l_", ".L"), ("r_", ".R")):
        foot, toe, hand = (BONE_NAMES.index(name + side) for name in ("foot", "toe", "hand"))
        wrist, ankle = joints[:, JOINT[p + "wrist"]], joints[:, JOINT[p + "ankle"]]
        knuckles = 0.5 * (joints[:, JOINT[p + "index"]] + joints[:, JOINT[p + "pinky"]])
        along = tails[:, toe] - heads[:, foot]
        errors.append(angle_between(along, joints[:, JOINT[p + "toe"]] - ankle).max())
        errors.append(angle_between(tails[:, hand] - heads[:, hand], knuckles - wrist).max())
    return float(np.degrees(max(errors)))


def noisy(joints: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wobble = np.cumsum(rng.normal(size=joints.shape), axis=0) * 0.002
    return joints + wobble + 0.003 * rng.normal(size=joints.shape)


def test_rotations_that_made_the_joints_come_back():
    rotations, pelvis = walk(TIMES, 1.0)
    rest = body()
    joints = joints_of(rest, rotations, pelvis)
    pose = retarget(joints, TIMES, rest)
    _, _, wanted = pose_bones(rest, rotations, pelvis)
    _, _, found = posed(joints, rest)
    cosine = 0.5 * (np.einsum("fbij,fbij->fb", wanted, found) - 1)
    off = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    limbs = [
        i for i, n in enumerate(BONE_NAMES) if n[:-2] in ("upper_arm", "forearm", "thigh", "shin")
    ]
    assert off[:, limbs].max() < 0.1
    # trunk and extremities share out their twist by rules of their own
    assert off.max() < 15
    np.testing.assert_allclose(pose.hips_location @ rest.matrices[0].T + rest.heads[0], pelvis,
                               atol=1e-9)  # fmt: skip


def test_every_bone_points_where_its_joints_do():
    assert worst_direction(walking_joints(TIMES, 1.0), body()) < 1e-4
    assert worst_direction(noisy(walking_joints(TIMES, 1.0)), body()) < 1e-4


def test_any_rolls_and_any_rest_directions_give_the_same_pose():
    rng = np.random.default_rng(0)
    joints = walking_joints(TIMES)
    rest = body()
    rolled = frame_yx(rest.matrices[..., 1], rng.normal(size=(len(BONE_NAMES), 3)))
    other = replace(rest, matrices=rolled)
    heads, tails, _ = posed(joints, rest)
    other_heads, other_tails, _ = posed(joints, other)
    np.testing.assert_allclose(other_heads, heads, atol=1e-9)
    np.testing.assert_allclose(other_tails, tails, atol=1e-9)

    # an A-pose: the same body with its arms down, as an artist would build it
    down, pelvis = np.zeros((1, len(BONE_NAMES), 4)), rest.heads[:1]
    down[..., 0] = 1.0
    for side in (".L", ".R"):
        down[0, BONE_NAMES.index("upper_arm" + side)] = [np.cos(0.4), 0, 0, -np.sin(0.4)]
        down[0, BONE_NAMES.index("forearm" + side)] = [np.cos(0.2), np.sin(0.2), 0, 0]
    a_heads, a_tails, a_matrices = pose_bones(rest, down, pelvis)
    a_pose = RestPose(joints_of(rest, down, pelvis)[0], a_heads[0], a_tails[0], a_matrices[0])
    assert worst_direction(joints, a_pose) < 1e-4


def test_nothing_flips_between_frames():
    pose = retarget(noisy(walking_joints(TIMES, 1.0)), TIMES, body())
    step = np.sum(pose.rotations[1:] * pose.rotations[:-1], axis=-1)
    assert np.degrees(2 * np.arccos(np.clip(step, -1, 1))).max() < 40


def test_straight_limbs_keep_a_steady_hinge():
    rng = np.random.default_rng(0)
    rotations, pelvis = walk(TIMES)
    for side in (".L", ".R"):
        for bone in ("shin", "forearm"):
            rotations[:, BONE_NAMES.index(bone + side)] = [1, 0, 0, 0]
    rest = body()
    joints = joints_of(rest, rotations, pelvis)
    joints = joints + 0.004 * rng.normal(size=joints.shape)
    pose = retarget(joints, TIMES, rest)
    for bone in ("thigh.L", "thigh.R", "upper_arm.L", "upper_arm.R"):
        q = pose.rotations[:, BONE_NAMES.index(bone)]
        step = np.degrees(2 * np.arccos(np.clip(np.sum(q[1:] * q[:-1], axis=-1), -1, 1)))
        assert step.max() < 15, bone


def test_knees_and_elbows_bend_about_one_axis_of_the_bone():
    rotations, pelvis = walk(TIMES)
    pose = retarget(joints_of(body(), rotations, pelvis), TIMES, body())
    for bone in ("shin.L", "shin.R", "forearm.L", "forearm.R"):
        q = pose.rotations[:, BONE_NAMES.index(bone)]
        assert (q[:, 1] * q[:, 0] > 0).all(), f"{bone} flexes the wrong way"
        assert np.abs(q[:, 2:]).max() < 1e-3


def test_mirrored_motion_gives_mirrored_rotations():
    joints = noisy(walking_joints(TIMES))
    mirrored = joints[:, list(MIRROR)] * [-1, 1, 1]
    rest = body()
    pose, other = retarget(joints, TIMES, rest), retarget(mirrored, TIMES, rest)
    swap = [
        BONE_NAMES.index({".L": n[:-2] + ".R", ".R": n[:-2] + ".L"}.get(n[-2:], n))
        for n in BONE_NAMES
    ]
    expected = pose.rotations[:, swap] * [1, 1, -1, -1]  # as Blender's mirrored paste does it
    same = np.abs(np.sum(other.rotations * expected, axis=-1))
    np.testing.assert_allclose(same, 1.0, atol=1e-9)
    np.testing.assert_allclose(other.hips_location, pose.hips_location * [-1, 1, 1], atol=1e-9)


def test_the_whole_bodys_turn_turns_the_hips_only():
    joints = walking_joints(TIMES)
    turn = matrix_from_quaternion(unit(np.array([0.3, 0.5, -0.2, 0.7])))
    pose, other = (retarget(j, TIMES, body()) for j in (joints, joints @ turn.T))
    same = np.abs(np.sum(other.rotations[:, 1:] * pose.rotations[:, 1:], axis=-1))
    np.testing.assert_allclose(same, 1.0, atol=1e-9)


def test_a_single_frame_and_unknown_frames():
    joints = walking_joints(TIMES)
    alone = retarget(joints[:1], TIMES[:1], body())
    assert np.isfinite(alone.rotations).all()
    assert worst_direction(joints[:1], body()) < 1e-4
    joints = joints.copy()
    joints[40:90] = np.nan
    pose = retarget(joints, TIMES, body())
    assert np.isnan(pose.rotations[40:90]).all()
    assert np.isfinite(np.delete(pose.rotations, np.s_[40:90], axis=0)).all()


def test_rest_pose_is_symmetric_and_stands_on_the_floor():
    rest = body()
    joints = rest.joints
    np.testing.assert_allclose(joints[list(MIRROR)] * [-1, 1, 1], joints, atol=1e-12)
    assert joints[:, 2].min() > 0
    np.testing.assert_allclose(np.linalg.det(rest.matrices), 1.0)
    for index, name in enumerate(BONE_NAMES):
        if name.endswith(".L"):
            other = BONE_NAMES.index(name[:-1] + "R")
            flipped = np.diag([-1, 1, 1]) @ rest.matrices[index] @ np.diag([-1, 1, 1])
            np.testing.assert_allclose(rest.matrices[other], flipped, atol=1e-9)
    assert BONE_PARENTS["thigh.L"] == "hips"
    assert BONE_PARENTS["hand.R"] == "forearm.R"
    identity = quaternion_from_matrix(np.eye(3))
    pose = retarget(joints[None], np.zeros(1), rest)
    np.testing.assert_allclose(pose.rotations[0], np.tile(identity, (len(BONE_NAMES), 1)),
                               atol=1e-7)  # fmt: skip


@pytest.mark.parametrize("foot", [0.05, 0.24, 0.5])
def test_feet_that_do_not_close_to_a_triangle_still_stand(foot):
    from synthetic_motion import LENGTHS

    from capf_blender.core.armature import rest_pose

    rest = rest_pose(LENGTHS, foot)
    assert np.isfinite(rest.joints).all()
    lengths = np.linalg.norm(rest.joints[JOINT["l_toe"]] - rest.joints[JOINT["l_ankle"]])
    np.testing.assert_allclose(lengths, LENGTHS[JOINT["l_toe"]], atol=1e-9)
