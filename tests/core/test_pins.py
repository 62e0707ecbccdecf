# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from synthetic_motion import LENGTHS, body, walking_joints

from capf_blender.core.contacts import Contact
from capf_blender.core.footing import FLAT, Footing, footings
from capf_blender.core.pins import BLEND_S, STRETCH, pin, two_bones
from capf_blender.core.rotations import angle_between, dot, unit
from capf_blender.core.skeleton import JOINT, JOINT_PARENTS

TIMES = np.arange(90) / 30
REST = body()
SOLE = float(REST.joints[JOINT["l_heel"], 2])
BONES = [(joint, parent) for joint, parent in enumerate(JOINT_PARENTS) if parent >= 0]
LEG = LENGTHS[JOINT["l_knee"]] + LENGTHS[JOINT["l_ankle"]]


def standing(frames: int = 90) -> np.ndarray:
    """(F, J, 3) metres: at rest, knees bent by some degrees."""
    joints = np.tile(REST.joints, (frames, 1, 1))
    feet = [JOINT[p + n] for p in ("l_", "r_") for n in ("ankle", "heel", "toe")]
    others = [j for j in range(joints.shape[1]) if j not in feet]
    joints[:, others, 2] -= 0.03
    for p in ("l_", "r_"):
        hip, ankle = joints[:, JOINT[p + "hip"]], joints[:, JOINT[p + "ankle"]]
        axis = np.tile([1.0, 0.0, 0.0], (frames, 1))
        knee, _ = two_bones(hip, ankle, ankle - hip, axis, *_leg())
        joints[:, JOINT[p + "knee"]] = knee
    return joints


def _leg() -> tuple[float, float]:
    return float(LENGTHS[JOINT["l_knee"]]), float(LENGTHS[JOINT["l_ankle"]])


def pinned(joints: np.ndarray, contacts: list[Contact]) -> tuple[np.ndarray, list[Footing]]:
    """Each foot held where it is in the middle of its contact."""
    held = footings(tuple(contacts), joints, TIMES, REST)
    anchors = []
    for f in held:
        ankle = joints[f.frames, JOINT["lr"[f.side] + "_ankle"]]
        anchors.append([*np.median(ankle + f.anchor, axis=0)[:2], SOLE])
    return pin(joints, TIMES, held, np.array(anchors), SOLE), held


def still_end(joints: np.ndarray, p: str, frames: slice) -> np.ndarray:
    """(n - 1,) metres by which the stiller one of heel and toe moves from frame to frame."""
    ends = joints[frames][:, [JOINT[p + "heel"], JOINT[p + "toe"]]]
    return np.linalg.norm(np.diff(ends, axis=0), axis=-1).min(axis=1)


def test_bones_keep_their_lengths_and_feet_stay():
    joints = walking_joints(TIMES, 0.4)
    contacts = [Contact("l", 0.2, 0.7), Contact("r", 0.8, 1.4), Contact("l", 1.6, 2.1)]
    moved, held = pinned(joints, contacts)
    for joint, parent in BONES:
        lengths = np.linalg.norm(moved[:, joint] - moved[:, parent], axis=-1)
        np.testing.assert_allclose(lengths, LENGTHS[joint], atol=1e-6)
    for f in held:
        assert still_end(moved, "lr"[f.side] + "_", f.frames).max() < 1e-6
        ends = moved[f.frames][:, [JOINT["lr"[f.side] + n] for n in ("_heel", "_toe")], 2]
        np.testing.assert_allclose(ends.min(axis=1), SOLE, atol=1e-6)
    assert np.abs(moved - joints).max() > 0.01


def test_frames_far_from_contacts_are_untouched():
    joints = walking_joints(TIMES, 0.4)
    joints[..., 2] += 0.05  # so that no free foot sinks
    moved, _ = pinned(joints, [Contact("l", 1.0, 1.3)])
    far = (TIMES < 1.0 - 2 * BLEND_S) | (TIMES > 1.3 + 2 * BLEND_S)
    np.testing.assert_allclose(moved[far], joints[far], atol=1e-3)  # but for a rest of the low pass
    # the hips go down for the planted foot, the free one stays on its way
    assert np.abs(moved[:, JOINT["pelvis"]] - joints[:, JOINT["pelvis"]]).max() > 0.02
    free = [JOINT["r_ankle"], JOINT["r_heel"], JOINT["r_toe"]]
    np.testing.assert_allclose(moved[:, free], joints[:, free], atol=1e-6)


def test_a_foot_is_let_go_without_a_jump():
    joints = standing()
    for name in ("l_heel", "l_toe", "l_ankle", "l_knee"):
        joints[:, JOINT[name], 1] -= 0.04
    held = footings((Contact("l", 1.0, 2.0),), joints, TIMES, REST)
    anchors = np.array([[*REST.joints[JOINT["l_ankle"], :2], SOLE]])  # 4 cm from where it is
    moved = pin(joints, TIMES, held, anchors, SOLE)
    ankle = moved[:, JOINT["l_ankle"], 1]
    steps = np.abs(np.diff(ankle))
    assert np.ptp(ankle) > 0.035
    assert steps.max() < 0.04 * 1.9 / (BLEND_S * 30)  # of a quintic
    assert np.abs(np.diff(ankle, 2)).max() < 0.7 * steps.max()


@pytest.mark.parametrize("low", [0.02, 0.06])
def test_a_stretched_leg_lowers_the_hips_least(low):
    joints = standing()
    joints[30:60, :, 2] += low + 0.03  # now the legs are straight and the feet in the air
    both = [Contact("l", 0.0, 3.0), Contact("r", 0.0, 3.0)]
    moved, _ = pinned(joints, both)
    lowered = joints[..., 2] - moved[..., 2]
    pelvis = lowered[:, JOINT["pelvis"]]
    reach = np.linalg.norm(moved[:, JOINT["l_hip"]] - moved[:, JOINT["l_ankle"]], axis=-1)
    assert reach.max() <= STRETCH * LEG + 1e-6
    assert pelvis.min() > -1e-6
    needed = joints[45, JOINT["l_hip"], 2] - joints[0, JOINT["l_ankle"], 2] - STRETCH * LEG
    assert needed - 1e-6 < pelvis[45] < needed + 0.01
    assert pelvis[[0, -1]].max() < 0.005
    assert np.abs(np.diff(pelvis, 2)).max() < 0.5 * low


def test_free_feet_do_not_sink():
    joints = standing()
    joints[:, :, 2] -= 0.05
    moved, _ = pinned(joints, [Contact("r", 0.0, 0.5)])
    ends = moved[:, [JOINT[p + n] for p in ("l_", "r_") for n in ("heel", "toe")], 2]
    assert ends.min() > SOLE - 1e-9


def test_knees_stay_in_their_plane_and_bend_forwards():
    rng = np.random.default_rng(1)
    hip = rng.normal(size=(200, 3))
    axis = unit(rng.normal(size=(200, 3)))
    line = unit(np.cross(axis, rng.normal(size=(200, 3))))
    target = hip + rng.uniform(0.3, 0.84, (200, 1)) * unit(line + 0.2 * rng.normal(size=(200, 3)))
    knee, ankle = two_bones(hip, target, line, axis, 0.44, 0.42)
    np.testing.assert_allclose(ankle, target, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(knee - hip, axis=-1), 0.44, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(ankle - knee, axis=-1), 0.42, atol=1e-9)
    hinge = unit(np.cross(knee - hip, ankle - knee))
    assert (dot(hinge, axis) > 0).all()  # flexed about it, not the other way
    turned = angle_between(line, target - hip)
    assert (angle_between(hinge, axis) < turned + 1e-6).all()


def test_a_foot_out_of_reach_is_approached():
    hip, target = np.zeros((1, 3)), np.array([[0.0, 0.0, -2.0]])
    knee, ankle = two_bones(hip, target, target, np.array([[1.0, 0.0, 0.0]]), 0.44, 0.42)
    np.testing.assert_allclose(ankle, [[0.0, 0.0, -0.86]], atol=1e-9)
    np.testing.assert_allclose(knee, [[0.0, 0.0, -0.44]], atol=1e-6)


def rolling(pitch: np.ndarray) -> np.ndarray:
    """(F, J, 3): standing, the left foot turned about its ankle so that the toe rises."""
    joints = standing()
    ankle = joints[:, JOINT["l_ankle"]].copy()
    for name in ("l_heel", "l_toe"):
        y, z = (joints[:, JOINT[name], 1:] - ankle[:, 1:]).T
        c, s = np.cos(pitch), np.sin(pitch)
        joints[:, JOINT[name], 1] = ankle[:, 1] + c * y + s * z
        joints[:, JOINT[name], 2] = ankle[:, 2] - s * y + c * z
    return joints


def test_a_foot_rolls_over_its_heel_and_over_its_toe():
    pitch = np.interp(TIMES, [0.5, 1.0, 2.0, 2.5], np.radians([30, 0, 0, -50]))
    moved, (f,) = pinned(rolling(pitch), [Contact("l", 0.5, 2.5)])
    heel, toe = (moved[:, JOINT["l_" + n]] for n in ("heel", "toe"))
    flat = slice(33, 60)
    assert np.ptp(moved[flat][:, [JOINT["l_heel"], JOINT["l_toe"]]], axis=0).max() < 1e-6
    first, last = 17, 73
    np.testing.assert_allclose(heel[first], heel[40], atol=1e-6)
    assert toe[first, 2] > SOLE + 0.05
    np.testing.assert_allclose(toe[last], toe[40], atol=1e-6)
    assert heel[last, 2] > SOLE + 0.08
    assert still_end(moved, "l_", f.frames).max() < 1e-6


def test_a_foot_whose_pitch_is_noise_stays_flat():
    rng = np.random.default_rng(0)
    moved, _ = pinned(rolling(0.5 * FLAT * rng.uniform(-1, 1, 90)), [Contact("l", 0.0, 3.0)])
    ends = moved[:, [JOINT["l_heel"], JOINT["l_toe"]]]
    np.testing.assert_allclose(ends[..., 2], SOLE, atol=1e-9)
    assert np.ptp(ends, axis=0).max() < 1e-9


def test_a_foot_that_is_not_on_its_sole_keeps_its_turn():
    """Somebody who lies: the heel is on the ground, the toe points up."""
    joints = rolling(np.full(90, np.radians(80.0)))
    moved, _ = pinned(joints, [Contact("l", 0.0, 3.0)])
    before = joints[:, JOINT["l_toe"]] - joints[:, JOINT["l_heel"]]
    after = moved[:, JOINT["l_toe"]] - moved[:, JOINT["l_heel"]]
    np.testing.assert_allclose(after, before, atol=1e-6)
    np.testing.assert_allclose(moved[:, JOINT["l_heel"], 2], SOLE, atol=1e-6)
