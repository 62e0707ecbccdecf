# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from synthetic_motion import standing, walking_joints

from capf_blender.core.hinges import natural
from capf_blender.core.rotations import dot, matrix_from_quaternion, perpendicular, unit
from capf_blender.core.skeleton import JOINT, JOINT_PARENTS

TIMES = np.arange(90) / 30
KNEE, ELBOW = ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")


def bulge(joints: np.ndarray, limb: tuple[str, str, str], side: str) -> np.ndarray:
    """(F, 3) from the line between a limb's ends to its middle joint, metres."""
    start, middle, end = (joints[:, JOINT[side + name]] for name in limb)
    return perpendicular(middle - start, unit(end - start))


def mirrored(joints: np.ndarray, limb: tuple[str, str, str], side: str) -> np.ndarray:
    """`joints` with the middle of a limb on the other side of the line between its ends."""
    result = joints.copy()
    result[:, JOINT[side + limb[1]]] -= 2 * bulge(joints, limb, side)
    return result


def test_what_bends_as_it_can_stays_as_it_is():
    joints = walking_joints(TIMES, 0.5)
    np.testing.assert_array_equal(natural(joints), joints)


@pytest.mark.parametrize("side", ["l_", "r_"])
@pytest.mark.parametrize("limb", [KNEE, ELBOW])
@pytest.mark.parametrize("bend", [0.1, 0.4, 1.2])
def test_inverted_hinges_come_back(side, limb, bend):
    hinge = ("shin_" if limb is KNEE else "forearm_") + side[0].upper()
    joints = standing(TIMES, **{hinge: bend})
    found = natural(mirrored(joints, limb, side))
    if limb is KNEE:  # elbows have much more room to either side
        np.testing.assert_allclose(found, joints, atol=0.02 + 0.05 * bend)
    assert (dot(bulge(found, limb, side), bulge(joints, limb, side)) > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_straight_legs_never_bends_a_knee_forwards(seed):
    rng = np.random.default_rng(seed)
    joints = standing(TIMES, shin_L=0.05, shin_R=0.02)
    for name in ("l_knee", "r_knee", "l_ankle", "r_ankle"):
        joints[:, JOINT[name]] += 0.03 * rng.normal(size=(len(TIMES), 3))
    found = natural(joints)
    backwards = np.array([0.0, 1.0, 0.0])  # the person faces -Y
    for side in ("l_", "r_"):
        assert (bulge(joints, KNEE, side) @ backwards).max() > 0.02
        assert (bulge(found, KNEE, side) @ backwards).max() < 0.005


def test_bones_keep_their_lengths_and_limbs_their_ends():
    rng = np.random.default_rng(1)
    joints = walking_joints(TIMES) + 0.1 * rng.normal(size=(len(TIMES), 28, 3))
    found = natural(joints)
    assert np.abs(found - joints).max() > 0.05
    hinges = [JOINT[side + name] for side in ("l_", "r_") for name in ("knee", "elbow")]
    np.testing.assert_array_equal(
        np.delete(found, hinges, axis=1), np.delete(joints, hinges, axis=1)
    )
    for joint, parent in enumerate(JOINT_PARENTS):
        if joint in hinges or parent in hinges:
            before, after = (np.linalg.norm(j[:, joint] - j[:, parent], axis=-1)
                             for j in (joints, found))  # fmt: skip
            np.testing.assert_allclose(after, before, atol=1e-9)


def test_it_does_not_matter_how_the_world_is_turned():
    rng = np.random.default_rng(2)
    joints = walking_joints(TIMES) + 0.05 * rng.normal(size=(len(TIMES), 28, 3))
    turn = matrix_from_quaternion(unit(rng.normal(size=4)))
    np.testing.assert_allclose(natural(joints @ turn.T), natural(joints) @ turn.T, atol=1e-9)


def test_a_hinge_that_goes_round_does_not_jump():
    """A bent knee turned all the way about the line from hip to ankle."""
    angles = np.linspace(0, 2 * np.pi, 721)
    joints = np.repeat(standing(TIMES[:1], shin_L=0.8), len(angles), axis=0)
    out = bulge(joints, KNEE, "l_")
    axis = unit(joints[:, JOINT["l_ankle"]] - joints[:, JOINT["l_hip"]])
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    joints[:, JOINT["l_knee"]] += (cosine - 1) * out + sine * np.cross(axis, out)
    knee = natural(joints)[:, JOINT["l_knee"]]
    step = np.linalg.norm(out[0]) * (angles[1] - angles[0])
    assert np.linalg.norm(np.diff(knee, axis=0), axis=-1).max() < 1.5 * step


@pytest.mark.parametrize("seed", range(3))
def test_a_trunk_of_one_piece_tells_the_body_s_direction_too(seed):
    """Where the spine's joint lies in the pelvis, the line between them is nothing but noise."""
    rng = np.random.default_rng(seed)
    joints = walking_joints(TIMES, 0.5)
    apart = joints[:, JOINT["pelvis"]] + 0.012 * rng.normal(size=(len(TIMES), 3))
    joints[:, JOINT["spine"]] = apart
    np.testing.assert_array_equal(natural(joints), joints)


def test_unknown_frames_stay_unknown():
    joints = walking_joints(TIMES)
    joints[3:5] = np.nan
    assert (np.isnan(natural(joints)) == np.isnan(joints)).all()


def test_motion_capture_hardly_changes(shared):
    from known_motion import MotionLibrary

    library = MotionLibrary(shared / "training" / "motion" / "motion_30fps.npz")
    moved = [
        np.linalg.norm(natural(clip.joints) - clip.joints, axis=-1)
        for clip in (library.clip(name, 200) for name in library.names[::28])
    ]
    hinges = [JOINT[side + name] for side in ("l_", "r_") for name in ("knee", "elbow")]
    assert np.concatenate(moved)[:, hinges].mean() < 0.003
