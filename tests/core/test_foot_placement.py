# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from synthetic_motion import about, body, joints_of
from synthetic_rigs import Y_UP, Build, build, other_body, posed_rest, world_heads

from capf_blender.core.armature import BONE_NAMES, SOLE_SHARE
from capf_blender.core.contacts import Contact
from capf_blender.core.forward_kinematics import pose_rig
from capf_blender.core.rest_joints import rest_body
from capf_blender.core.retarget import retarget
from capf_blender.core.rig import Rig, RigMap, RigPose
from capf_blender.core.rotations import angle_between, dot, frame_yx
from capf_blender.core.skeleton import JOINT

TIMES = np.arange(120) / 30
BOTH = [Contact("l", 0.0, 4.0), Contact("r", 0.0, 4.0)]
RIGS = {
    "short legs, wide hips": (other_body(), Build(seed=1)),
    "long legs, y up, centimetres": (
        other_body(1.3, 1.0, 0.7), Build(seed=2, axes=Y_UP, unit=100.0)),
    "no toes, A-pose": (posed_rest(other_body(), 0.8), Build(seed=3, without=("toe",))),
    "short shins": (other_body(1.0, 1.0, 1.5, shins=0.7), Build(seed=4, root=True, spine=3)),
}  # fmt: skip


def swaying(raised: float = 0.0) -> np.ndarray:
    """(F, J, 3) a body that sways and turns its hips over feet that stay where they are, and with
    `raised` (radians) goes onto its toes and back."""
    rest = body()
    local = np.zeros((len(TIMES), len(BONE_NAMES), 4))
    local[..., 0] = 1.0
    phase = 2 * np.pi * TIMES / 2
    local[:, 0] = about("y", 0.25 * np.sin(phase))
    pelvis = rest.joints[0] + np.stack(
        [0.06 * np.sin(phase), 0.03 * np.cos(phase), -0.06 + 0.02 * np.cos(phase)], axis=1
    )
    joints = joints_of(rest, local, pelvis)
    pitch = raised * np.sin(0.5 * phase) ** 2
    for p in ("l_", "r_"):
        points = rest.joints[[JOINT[p + n] for n in ("ankle", "heel", "toe")]]
        toe = points[2]
        turn = np.array([[np.ones_like(pitch), 0 * pitch, 0 * pitch],
                         [0 * pitch, np.cos(pitch), -np.sin(pitch)],
                         [0 * pitch, np.sin(pitch), np.cos(pitch)]])  # fmt: skip
        foot = toe + np.einsum("ijf,nj->fni", turn, points - toe)
        for number, name in enumerate(("ankle", "heel", "toe")):
            joints[:, JOINT[p + name]] = foot[:, number]
        hip, ankle = joints[:, JOINT[p + "hip"]], foot[:, 0]
        upper, lower = (np.linalg.norm(rest.joints[JOINT[p + a]] - rest.joints[JOINT[p + b]])
                        for a, b in (("knee", "hip"), ("ankle", "knee")))  # fmt: skip
        line = ankle - hip
        reach = np.linalg.norm(line, axis=1)
        along = (upper**2 - lower**2 + reach**2) / (2 * reach)
        frame = frame_yx(line, np.array([1.0, 0.0, 0.0]) + 0 * line)
        out = np.sqrt(upper**2 - along**2)
        joints[:, JOINT[p + "knee"]] = (
            hip + along[:, None] * frame[..., 1] - out[:, None] * frame[..., 2]
        )
    assert np.isfinite(joints).all()
    return joints


def soles(rig: Rig, rig_map: RigMap, pose: RigPose, side: str) -> tuple[np.ndarray, np.ndarray]:
    """(F, 3) where the points of the sole below heel and ball are, world."""
    rest = rest_body(rig, rig_map)
    heads, matrices = pose_rig(rig, pose)
    bone = rig.index("foot" + side)
    turn = matrices[:, bone] @ rig.matrices[bone].T
    toe = rig_map.bone("toe" + side)
    p = "l_" if side == ".L" else "r_"
    front = rig.heads[rig.index(toe)] if toe else rest.joints[JOINT[p + "toe"]]
    found = []
    for point in (rest.joints[JOINT[p + "heel"]], front):
        up = rest.axes[:, 1]
        point = point - (point @ up - rest.floor) * up
        at = heads[:, bone] + turn @ (point - rig.heads[bone])
        found.append(at @ rig.world_from_armature[:3, :3].T + rig.world_from_armature[:3, 3])
    return found[0], found[1]


@pytest.mark.parametrize("name", RIGS)
def test_planted_feet_stay_planted_on_other_legs(name):
    rig, rig_map = build(*RIGS[name])
    joints = swaying()
    free = retarget(joints, TIMES, rig, rig_map)
    pose = retarget(joints, TIMES, rig, rig_map, contacts=BOTH)
    for side in (".L", ".R"):
        loose = np.ptp(world_heads(rig, free)["foot" + side], axis=0).max()
        ankle = world_heads(rig, pose)["foot" + side]
        assert np.ptp(ankle, axis=0).max() < 1e-3 < loose
        for point in soles(rig, rig_map, pose, side):
            assert np.abs(point[:, 2]).max() < 2e-3
    # knees bend forwards, in the plane that they had
    heads = world_heads(rig, pose)
    for side, p in ((".L", "l_"), (".R", "r_")):
        hip, knee, ankle = (heads[bone + side] for bone in ("thigh", "shin", "foot"))
        source = [joints[:, JOINT[p + n]] for n in ("hip", "knee", "ankle")]
        normal = np.cross(knee - hip, ankle - knee)
        wanted = np.cross(source[1] - source[0], source[2] - source[1])
        assert (dot(normal, wanted) > 0).all()
        assert np.degrees(angle_between(normal, wanted)).max() < 20


@pytest.mark.parametrize("name", RIGS)
def test_feet_roll_over_the_ball_without_sliding_or_sinking(name):
    rig, rig_map = build(*RIGS[name])
    pose = retarget(swaying(raised=0.6), TIMES, rig, rig_map, contacts=BOTH)
    for side in (".L", ".R"):
        heel, ball = soles(rig, rig_map, pose, side)
        assert heel[:, 2].max() > 0.06
        assert np.minimum(heel, ball)[:, 2].min() > -2e-3
        assert np.abs(ball[:, 2]).max() < 3e-3
        assert np.linalg.norm(np.diff(ball[:, :2], axis=0), axis=1).max() < 1e-3
        toe = rig_map.bone("toe" + side)
        if toe:
            _, matrices = pose_rig(rig, pose)
            flat = matrices[:, rig.index(toe)] @ rig.matrices[rig.index(toe)].T
            raised = heel[:, 2] > 0.05
            up = rest_body(rig, rig_map).axes[:, 1]
            assert np.degrees(angle_between(flat @ up, up)[raised]).max() < 1


def test_a_free_foot_is_left_alone_and_comes_in_smoothly():
    rig, rig_map = build(*RIGS["long legs, y up, centimetres"])
    joints = swaying()
    free = world_heads(rig, retarget(joints, TIMES, rig, rig_map))["foot.L"]
    contacts = [Contact("l", 1.0, 2.0)]
    pose = retarget(joints, TIMES, rig, rig_map, contacts=contacts)
    heads = world_heads(rig, pose)
    ankle = heads["foot.L"]
    away = (TIMES < 0.8) | (TIMES > 2.2)
    lowered = 0.5 * (heads["thigh.L"] + heads["thigh.R"])
    unplanted = world_heads(rig, retarget(joints, TIMES, rig, rig_map))
    lowered = lowered - 0.5 * (unplanted["thigh.L"] + unplanted["thigh.R"])
    np.testing.assert_allclose(ankle[away], (free + lowered)[away], atol=1e-6)
    inside = (TIMES >= 1.0) & (TIMES <= 2.0)
    assert np.ptp(ankle[inside], axis=0).max() < 1e-3
    jump = np.linalg.norm(np.diff(ankle - free, n=2, axis=0), axis=1)
    assert jump.max() < 0.02


def test_the_sole_is_as_high_as_the_rigs_own():
    """A foot that stands flat for the person stands flat on the floor, however high the ankle."""
    for rest in (body(), other_body()):
        heels = rest.joints[[JOINT["l_heel"], JOINT["r_heel"]], 2]
        assert (heels > 0.5 * SOLE_SHARE).all()
    rig, rig_map = build(*RIGS["short shins"])
    rest = rest_body(rig, rig_map)
    ankle = float(rest.joints[JOINT["l_ankle"]] @ rest.axes[:, 1]) - rest.floor
    pose = retarget(swaying(), TIMES, rig, rig_map, contacts=BOTH)
    np.testing.assert_allclose(world_heads(rig, pose)["foot.L"][:, 2], ankle, atol=2e-3)
