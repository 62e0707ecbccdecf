# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from synthetic_motion import about, body, joints_of, walk

from capf_blender.core.anatomy import SEGMENT, anatomical_frames
from capf_blender.core.armature import BONE_NAMES
from capf_blender.core.filters import smoothstep
from capf_blender.core.rotations import angle_between, perpendicular, unit
from capf_blender.core.skeleton import JOINT

TIMES = np.arange(90) / 30
KNUCKLES = [JOINT[side + name] for side in ("l_", "r_") for name in ("index", "pinky")]


def palms(angles: np.ndarray) -> np.ndarray:
    """(F, J, 3) of a walk with the left hand turned by `angles` (F,) radians about its length."""
    rotations, pelvis = walk(TIMES)
    rotations[:, BONE_NAMES.index("hand.L")] = about("y", angles)
    return joints_of(body(), rotations, pelvis)


def hand_error(found: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """(F,) degrees by which the left palm is turned otherwise than the knuckles of `joints`."""
    index, pinky, wrist = (joints[:, JOINT["l_" + name]] for name in ("index", "pinky", "wrist"))
    along = unit(index + pinky - 2 * wrist)
    across = perpendicular(found[:, SEGMENT["hand.L"], :, 2], along)
    return np.degrees(angle_between(across, perpendicular(index - pinky, along)))


@pytest.mark.parametrize("angle", [-90.0, -45.0, 45.0, 90.0])
def test_a_palm_that_is_held_turned_is_shown_turned(angle):
    joints = palms(np.full(len(TIMES), np.radians(angle)))
    assert hand_error(anatomical_frames(joints, TIMES), joints).max() < 3.0


def test_a_palm_that_turns_is_followed():
    joints = palms(np.radians(90.0) * smoothstep(1.0, 1.6, TIMES))
    error = hand_error(anatomical_frames(joints, TIMES), joints)
    assert error.mean() < 2.0
    assert error.max() < 8.0


@pytest.mark.parametrize("angle", [0.0, 70.0])
@pytest.mark.parametrize("seed", range(3))
def test_noise_of_the_knuckles_hardly_shakes_a_hand(angle, seed):
    joints = palms(np.full(len(TIMES), np.radians(angle)))
    shaken = joints.copy()
    noise = 0.012 * np.random.default_rng(seed).normal(size=(len(TIMES), len(KNUCKLES), 3))
    shaken[:, KNUCKLES] += noise
    found = anatomical_frames(shaken, TIMES)
    unfiltered = np.stack([anatomical_frames(one[None], np.zeros(1))[0] for one in shaken])
    assert hand_error(unfiltered, joints).mean() > 8.0
    assert hand_error(found, joints).mean() < 0.5 * hand_error(unfiltered, joints).mean()


def test_straight_arms_bend_about_the_bodys_axes_however_the_trunk_leans():
    left, up, forward = np.eye(3)[0], np.eye(3)[2], -np.eye(3)[1]
    axes = np.stack([left, up, forward], axis=1)
    joints = body().joints.copy()
    reach = np.linalg.norm(joints[JOINT["l_wrist"]] - joints[JOINT["l_elbow"]])
    for sign, side in ((1.0, "l_"), (-1.0, "r_")):
        for name, times in (("elbow", 1.0), ("wrist", 2.0)):
            joints[JOINT[side + name]] = joints[JOINT[side + "shoulder"]]
            joints[JOINT[side + name]] += sign * times * reach * left
    joints[JOINT["spine"]] += 0.1 * forward
    plain, upright = (anatomical_frames(joints[None], np.zeros(1), t)[0] for t in (None, axes))
    for sign, side in ((1.0, ".L"), (-1.0, ".R")):
        for name in ("upper_arm", "forearm"):
            segment = SEGMENT[name + side]
            assert angle_between(upright[segment, :, 0], -sign * up) < 1e-6
            assert angle_between(plain[segment, :, 0], -sign * up) > np.radians(5.0)


def test_what_is_unknown_stays_unknown():
    joints = palms(np.zeros(len(TIMES)))
    joints[5] = np.nan
    frames = anatomical_frames(joints, TIMES)
    assert np.isnan(frames[5]).all()
    assert np.isfinite(np.delete(frames, 5, axis=0)).all()
