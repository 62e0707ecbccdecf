# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import LENGTHS, body, joints_of, walk, walking_joints
from synthetic_rigs import Y_UP, Build, build, other_body, posed_rest, world_heads, world_turn

from capf_blender.core.armature import BONE_NAMES, BONE_PARENTS, PARENTS, RestPose
from capf_blender.core.body_turns import CLAVICLE_LIMIT, PARTS
from capf_blender.core.cleaning import with_lengths
from capf_blender.core.errors import CaptureError
from capf_blender.core.forward_kinematics import pose_rig
from capf_blender.core.retarget import RetargetSettings, retarget
from capf_blender.core.rig import Assignment, BoneChannels, Rig, RigMap, RigPose
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
LIMBS = {
    bone + side: (after + side, p + a, p + b)
    for p, side in (("l_", ".L"), ("r_", ".R"))
    for bone, after, a, b in (
        ("upper_arm", "forearm", "shoulder", "elbow"), ("forearm", "hand", "elbow", "wrist"),
        ("thigh", "shin", "hip", "knee"), ("shin", "foot", "knee", "ankle"),
    )
}  # fmt: skip
OWN_MAP = RigMap(
    "capf",
    {
        name: Assignment(("spine", "chest") if name == "spine" else (name,), 1.0, "preset")
        for name in BONE_NAMES
        if name != "chest"
    },
)


def own_rig(rest: RestPose) -> Rig:
    count = len(BONE_NAMES)
    yes, no = np.ones(count, bool), np.zeros(count, bool)
    return Rig(
        BONE_NAMES, np.array(PARENTS), rest.heads, rest.tails, rest.matrices, yes, yes, no, yes, no,
        np.eye(4),
    )  # fmt: skip


def own_pose(joints: np.ndarray, rest: RestPose) -> RigPose:
    return retarget(joints, TIMES[: len(joints)], own_rig(rest), OWN_MAP)


def rotations_of(pose: RigPose) -> np.ndarray:
    """(F, B, 4) in the order of BONE_NAMES."""
    found = [pose.channels[name].rotation for name in BONE_NAMES]
    return np.stack([rotation for rotation in found if rotation is not None], axis=1)


def same_rotation(a: BoneChannels, b: BoneChannels) -> None:
    assert a.rotation is not None
    assert b.rotation is not None
    np.testing.assert_allclose(a.rotation, b.rotation, atol=1e-9)


def hips_location(pose: RigPose) -> np.ndarray:
    location = pose.channels["hips"].location
    assert location is not None
    return location


def posed(joints: np.ndarray, rest: RestPose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    heads, matrices = pose_rig(own_rig(rest), own_pose(joints, rest))
    length = np.linalg.norm(rest.tails - rest.heads, axis=-1)
    return heads, heads + matrices[..., 1] * length[:, None], matrices


def limb_error(joints: np.ndarray, rig: Rig, pose: RigPose) -> float:
    """Degrees by which any limb that the rig has misses its joints, in the world."""
    heads = world_heads(rig, pose)
    errors = [
        angle_between(heads[after] - heads[bone], joints[:, JOINT[b]] - joints[:, JOINT[a]]).max()
        for bone, (after, a, b) in LIMBS.items()
        if bone in heads and after in heads
    ]
    assert len(errors) >= 4
    return float(np.degrees(max(errors)))


def made_pose(rotations: np.ndarray) -> RigPose:
    return RigPose(
        {name: BoneChannels(rotations[:, index]) for index, name in enumerate(BONE_NAMES)}
    )


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
    return with_lengths(joints + wobble + 0.003 * rng.normal(size=joints.shape), LENGTHS)


def test_rotations_that_made_the_joints_come_back():
    rotations, pelvis = walk(TIMES, 1.0)
    rest = body()
    joints = joints_of(rest, rotations, pelvis)
    pose = own_pose(joints, rest)
    _, wanted = pose_rig(own_rig(rest), made_pose(rotations))
    _, _, found = posed(joints, rest)
    cosine = 0.5 * (np.einsum("fbij,fbij->fb", wanted, found) - 1)
    off = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    limbs = [
        i for i, n in enumerate(BONE_NAMES) if n[:-2] in ("upper_arm", "forearm", "thigh", "shin")
    ]
    assert off[:, limbs].max() < 0.1
    # trunk and extremities share out their twist by rules of their own
    assert off.max() < 15
    np.testing.assert_allclose(hips_location(pose) @ rest.matrices[0].T + rest.heads[0], pelvis,
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

    assert worst_direction(joints, posed_rest(rest, arms_down=0.8)) < 1e-4


def test_nothing_flips_between_frames():
    rotations = rotations_of(own_pose(noisy(walking_joints(TIMES, 1.0)), body()))
    step = np.sum(rotations[1:] * rotations[:-1], axis=-1)
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
    found = rotations_of(own_pose(joints, rest))
    for bone in ("thigh.L", "thigh.R", "upper_arm.L", "upper_arm.R"):
        q = found[:, BONE_NAMES.index(bone)]
        step = np.degrees(2 * np.arccos(np.clip(np.sum(q[1:] * q[:-1], axis=-1), -1, 1)))
        assert step.max() < 15, bone


def test_knees_and_elbows_bend_about_one_axis_of_the_bone():
    rotations, pelvis = walk(TIMES)
    found = rotations_of(own_pose(joints_of(body(), rotations, pelvis), body()))
    for bone in ("shin.L", "shin.R", "forearm.L", "forearm.R"):
        q = found[:, BONE_NAMES.index(bone)]
        assert (q[:, 1] * q[:, 0] > 0).all(), f"{bone} flexes the wrong way"
        assert np.abs(q[:, 2:]).max() < 1e-3


def test_mirrored_motion_gives_mirrored_rotations():
    joints = noisy(walking_joints(TIMES))
    mirrored = joints[:, list(MIRROR)] * [-1, 1, 1]
    rest = body()
    pose, other = own_pose(joints, rest), own_pose(mirrored, rest)
    swap = [
        BONE_NAMES.index({".L": n[:-2] + ".R", ".R": n[:-2] + ".L"}.get(n[-2:], n))
        for n in BONE_NAMES
    ]
    expected = rotations_of(pose)[:, swap] * [1, 1, -1, -1]  # as Blender's mirrored paste does it
    same = np.abs(np.sum(rotations_of(other) * expected, axis=-1))
    np.testing.assert_allclose(same, 1.0, atol=1e-9)
    np.testing.assert_allclose(hips_location(other), hips_location(pose) * [-1, 1, 1], atol=1e-9)


def test_the_whole_bodys_turn_turns_the_hips_only():
    joints = walking_joints(TIMES)
    turn = matrix_from_quaternion(unit(np.array([0.3, 0.5, -0.2, 0.7])))
    pose, other = (rotations_of(own_pose(j, body())) for j in (joints, joints @ turn.T))
    same = np.abs(np.sum(other[:, 1:] * pose[:, 1:], axis=-1))
    np.testing.assert_allclose(same, 1.0, atol=1e-9)


def test_a_single_frame_and_unknown_frames():
    joints = walking_joints(TIMES)
    assert np.isfinite(rotations_of(own_pose(joints[:1], body()))).all()
    assert worst_direction(joints[:1], body()) < 1e-4
    joints = joints.copy()
    joints[40:90] = np.nan
    pose = own_pose(joints, body())
    found = rotations_of(pose)
    assert np.isnan(found[40:90]).all()
    assert np.isnan(hips_location(pose)[40:90]).all()
    assert np.isfinite(np.delete(found, np.s_[40:90], axis=0)).all()
    with pytest.raises(CaptureError):
        own_pose(np.full_like(joints, np.nan), body())


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
    found = rotations_of(own_pose(joints[None], rest))
    np.testing.assert_allclose(found[0], np.tile(identity, (len(BONE_NAMES), 1)), atol=1e-7)


@pytest.mark.parametrize("foot", [0.05, 0.24, 0.5])
def test_feet_that_do_not_close_to_a_triangle_still_stand(foot):
    from synthetic_motion import LENGTHS

    from capf_blender.core.armature import rest_pose

    rest = rest_pose(LENGTHS, foot)
    assert np.isfinite(rest.joints).all()
    lengths = np.linalg.norm(rest.joints[JOINT["l_toe"]] - rest.joints[JOINT["l_ankle"]])
    np.testing.assert_allclose(lengths, LENGTHS[JOINT["l_toe"]], atol=1e-9)


RIGS = {
    "A-pose": (posed_rest(body(), 0.8, 0.15), Build(seed=3)),
    "N-pose, one spine bone, long neck, root": (
        posed_rest(other_body(), 1.4, 0.05), Build(seed=4, spine=1, neck=2, root=True)),
    "no clavicles, toes, neck; bones between; y up, centimetres": (
        other_body(),
        Build(seed=5, spine=4, neck=0, without=("toe", "clavicle"), between=True, axes=Y_UP,
              unit=100)),
    "nothing inherits rotation": (
        posed_rest(other_body(), 0.7), Build(seed=6, spine=3, detached=True, twists=2, axes=Y_UP)),
    "crooked parents": (
        other_body(),
        Build(seed=7, spine=3, world=world_turn(2) @ np.diag([1, 1.3, 0.8]), location=(1, 2, 3))),
    "no trunk, hands or feet": (
        other_body(), Build(seed=8, spine=0, neck=0, without=("toe", "hand", "foot", "head"))),
    "turned data": (posed_rest(other_body(), 1.0), Build(seed=9, axes=world_turn(4), unit=0.1)),
}  # fmt: skip


@pytest.mark.parametrize("settings", [
    RetargetSettings(), RetargetSettings(root="ROOT_BONE"), RetargetSettings(root="IN_PLACE"),
])  # fmt: skip
@pytest.mark.parametrize("name", RIGS)
def test_limbs_point_where_the_joints_do_on_any_rig(name, settings):
    rig, rig_map = build(*RIGS[name])
    joints = walking_joints(TIMES, 1.0)
    pose = retarget(joints, TIMES, rig, rig_map, settings)
    assert limb_error(joints, rig, pose) < 0.01
    for channels in pose.channels.values():
        q = channels.rotation
        assert q is not None
        np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1.0)
        assert (np.sum(q[1:] * q[:-1], axis=1) > np.cos(np.radians(20))).all()


@pytest.mark.parametrize("name", RIGS)
def test_the_root_may_be_in_three_places(name):
    rig, rig_map = build(*RIGS[name])
    joints = walking_joints(TIMES, 1.0)

    def pelvis(settings: RetargetSettings) -> np.ndarray:
        heads = world_heads(rig, retarget(joints, TIMES, rig, rig_map, settings))
        return 0.5 * (heads["thigh.L"] + heads["thigh.R"])

    hips, root = pelvis(RetargetSettings()), pelvis(RetargetSettings(root="ROOT_BONE"))
    np.testing.assert_allclose(root, hips, atol=1e-6)
    walked = hips[-1, 1] - hips[0, 1]
    scale = walked / (joints[-1, 0, 1] - joints[0, 0, 1])
    np.testing.assert_allclose(hips[:, :2], scale * joints[:, 0, :2], atol=1e-6)
    assert 0.5 < scale < 1.1
    still = pelvis(RetargetSettings(root="IN_PLACE"))
    np.testing.assert_allclose(still[:, 2], hips[:, 2], atol=1e-6)
    assert np.ptp(still[:, :2], axis=0).max() < 1e-6


def test_a_root_bone_carries_way_and_heading():
    rig, rig_map = build(*RIGS["N-pose, one spine bone, long neck, root"])
    turn = matrix_from_quaternion(np.stack([np.cos(TIMES), 0 * TIMES, 0 * TIMES, np.sin(TIMES)], 1))
    joints = np.einsum("fij,fnj->fni", turn, walking_joints(TIMES))  # turns round more than once
    pose = retarget(joints, TIMES, rig, rig_map, RetargetSettings(root="ROOT_BONE"))
    heads, matrices = pose_rig(rig, pose)
    root = rig.index("root")
    assert np.abs(heads[:, root, 2]).max() < 1e-6
    heading = matrices[:, root] @ rig.matrices[root].T
    yaw = np.unwrap(np.arctan2(heading[:, 1, 0], heading[:, 0, 0]))
    assert np.abs(yaw - 2 * TIMES).max() < 0.4
    assert limb_error(joints, rig, pose) < 0.01


def test_an_object_that_stands_elsewhere_may_stay_there():
    where = Build(seed=3, world=np.diag([-1.0, -1.0, 1.0]), location=(3.0, 2.0, 0.5))
    rig, rig_map = build(other_body(), where)
    joints = walking_joints(TIMES, 1.0)
    pose = retarget(joints, TIMES, rig, rig_map, RetargetSettings(place="OBJECT"))
    heads = world_heads(rig, pose)
    pelvis = 0.5 * (heads["thigh.L"] + heads["thigh.R"])
    np.testing.assert_allclose(pelvis[0, :2], [3, 2], atol=1e-6)
    assert pelvis[-1, 1] > 5  # it faces +Y, so it walks there
    free = retarget(joints, TIMES, *build(other_body(), Build(seed=3)))
    still = world_heads(build(other_body(), Build(seed=3))[0], free)
    np.testing.assert_allclose(heads["foot.L"][:, 2], still["foot.L"][:, 2] + 0.5, atol=1e-6)


def test_only_chosen_parts_get_channels_and_keep_their_place_on_what_stays():
    rig, rig_map = build(other_body(), Build(seed=3, spine=3))
    joints = walking_joints(TIMES, 1.0)
    upper = frozenset({"spine", "head", "arm.L", "arm.R"})
    pose = retarget(joints, TIMES, rig, rig_map, RetargetSettings(parts=upper))
    assert "hips" not in pose.channels
    assert not [name for name in pose.channels if name.startswith(("thigh", "shin", "foot"))]
    whole = retarget(joints, TIMES, rig, rig_map)
    for name, channels in pose.channels.items():
        assert channels.location is None
        same_rotation(channels, whole.channels[name])
    arm = retarget(joints, TIMES, rig, rig_map, RetargetSettings(parts=frozenset({"arm.R"})))
    assert {name.split(".")[1] for name in arm.channels} == {"R"}
    for name, channels in arm.channels.items():
        same_rotation(channels, whole.channels[name])
    with pytest.raises(CaptureError):
        RetargetSettings(parts=PARTS | {"tail"})


def test_a_rigs_own_curves_survive():
    """Standing upright, a rig whose spine, neck and shoulders are not straight is at rest."""
    rest = other_body()
    bent = rest.heads.copy(), rest.tails.copy()
    for bone, forward in (("chest", 0.06), ("neck", -0.03), ("head", 0.03), ("clavicle.L", -0.04),
                          ("clavicle.R", -0.04)):  # fmt: skip
        bent[0][BONE_NAMES.index(bone), 1] -= forward
    rig, rig_map = build(replace(rest, heads=bent[0]), Build(seed=2))
    pose = retarget(np.repeat(body().joints[None], 3, 0), TIMES[:3], rig, rig_map)
    _, matrices = pose_rig(rig, pose)
    for role in ("hips", "spine", "head", "clavicle.L", "clavicle.R"):
        for bone in map(rig.index, rig_map.bones(role)):
            cosine = 0.5 * (np.trace(matrices[0, bone] @ rig.matrices[bone].T) - 1)
            assert np.degrees(np.arccos(min(cosine, 1.0))) < 0.1, role


def test_shrugs_are_damped():
    rig, rig_map = build(other_body(), Build(seed=2))
    joints = np.repeat(body().joints[None], 60, 0)
    raised = np.where(np.arange(60) < 20, 0.12, 0.0)  # hardly possible
    for name in ("l_shoulder", "l_elbow", "l_wrist", "l_index", "l_pinky"):
        joints[:, JOINT[name], 2] += raised
    pose = retarget(joints, TIMES[:60], rig, rig_map)
    q = pose.channels["clavicle.L"].rotation
    assert q is not None
    turned = 2 * np.arccos(np.clip(np.abs(np.sum(q[0] * q[-1])), 0, 1))
    assert 0.1 < turned < CLAVICLE_LIMIT + 0.02
    assert limb_error(joints, rig, pose) < 0.01


def test_a_twist_bone_takes_half_of_the_hands_turn():
    rig, rig_map = build(body(), Build(seed=2, twists=1))
    rotations, pelvis = walk(TIMES)
    rotations[:, BONE_NAMES.index("hand.L")] = [np.cos(0.4), 0, np.sin(0.4), 0]  # 0.8 rad of roll
    pose = retarget(joints_of(body(), rotations, pelvis), TIMES, rig, rig_map)
    _, matrices = pose_rig(rig, pose)
    forearm, twist, hand = (
        matrices[:, rig.index(n)] @ rig.matrices[rig.index(n)].T
        for n in ("forearm.L", "twist 0.L", "hand.L")
    )

    def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        cosine = 0.5 * (np.einsum("fij,fij->f", a, b) - 1)
        return np.arccos(np.clip(cosine, -1, 1))

    np.testing.assert_allclose(angle(forearm, hand), 0.8, rtol=0.15)  # and some swing
    np.testing.assert_allclose(angle(forearm, twist), 0.5 * angle(forearm, hand), rtol=0.05)
    np.testing.assert_allclose(angle(twist, hand), 0.5 * angle(forearm, hand), rtol=0.05)


def test_knees_and_elbows_are_never_inverted():
    """A knee that is seen 20 degrees the wrong way is straight."""
    rotations, pelvis = walk(TIMES)
    for bone in ("shin.L", "forearm.R"):
        rotations[:, BONE_NAMES.index(bone)] = [np.cos(0.17), -np.sin(0.17), 0, 0]
    pose = own_pose(joints_of(body(), rotations, pelvis), body())
    for bone in ("shin.L", "forearm.R"):
        q = pose.channels[bone].rotation
        assert q is not None
        assert (q[:, 1] * q[:, 0] > -1e-6).all()


def test_implausible_speed_is_told():
    joints = walking_joints(TIMES)
    assert own_pose(joints, body()).notes == ()
    joints[75:] = joints[75:] * [-1, -1, 1]  # turned round from one frame to the next
    notes = own_pose(joints, body()).notes
    assert len(notes) == 1
    assert "hips" in notes[0]
    shaken = walking_joints(TIMES)
    shaken += np.random.default_rng(1).normal(0, 0.1, shaken.shape)
    (note,) = own_pose(shaken, body()).notes
    assert note.endswith(" more.") and len(note) < 120
    edge = walking_joints(TIMES)
    edge[:2] = edge[:2] * [-1, -1, 1]
    assert own_pose(edge, body()).notes == ()
