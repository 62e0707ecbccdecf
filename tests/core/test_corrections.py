# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import look_at, take_of, walking_joints

from capf_blender.core.camera import inverse, project, transformed
from capf_blender.core.corrections import (
    CORRECTABLE,
    REACH_S,
    Correction,
    correction_at,
    seen_as_corrected,
)
from capf_blender.core.doubts import pixel_distances
from capf_blender.core.settings import SolveSettings
from capf_blender.core.skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS
from capf_blender.core.solve import solve

TIMES = np.arange(60) / 30
VIEW = look_at((0.2, -4.5, 1.3), pitch=0.12, roll=0.05)
TAKE = take_of(walking_joints(TIMES, 0.3), TIMES, VIEW)
PLAIN = solve(TAKE)
AT = 30
# within reach: towards the body where limbs are nearly straight
SHIFTS = {
    "pelvis": (0.03, 0.0, -0.05), "head_top": (0.06, 0.05, 0.0),
    "l_elbow": (0.05, -0.05, 0.05), "r_elbow": (0.0, -0.05, 0.08),
    "l_knee": (0.06, -0.04, 0.0), "r_knee": (-0.06, -0.04, 0.0),
    "l_wrist": (0.04, 0.02, 0.05), "r_wrist": (0.05, 0.04, -0.06),
    "l_ankle": (0.03, -0.05, 0.06), "r_ankle": (-0.03, -0.05, 0.06),
    "l_toe": (0.03, 0.0, 0.05), "r_toe": (-0.03, 0.0, 0.05),
}  # fmt: skip


def placed(name: str, frame: int = AT) -> np.ndarray:
    return PLAIN.joints[frame, JOINT[name]] + SHIFTS[name]


def with_corrections(*corrections: Correction, **settings):
    return solve(TAKE, SolveSettings(**settings), corrections=corrections)


@pytest.mark.parametrize("name", CORRECTABLE)
def test_a_joint_goes_to_its_place_and_only_the_frames_around_change(name):
    motion = with_corrections(correction_at(PLAIN, TIMES[AT], name, placed(name)))
    found = motion.joints[AT, JOINT[name]]
    if name in ("head_top", "l_elbow", "r_elbow", "l_knee", "r_knee", "l_toe", "r_toe"):
        # on the sphere that its bone leaves it
        parent = "neck" if name == "head_top" else JOINT_NAMES[JOINT_PARENTS[JOINT[name]]]
        start = PLAIN.joints[AT, JOINT[parent]]
        wanted = placed(name) - start
        wanted *= PLAIN.bone_lengths[JOINT[name]] / np.linalg.norm(wanted)
        np.testing.assert_allclose(found, start + wanted, atol=2e-3)
    else:
        np.testing.assert_allclose(found, placed(name), atol=1e-6)
    change = np.linalg.norm(motion.joints - PLAIN.joints, axis=-1).max(axis=1)
    far = np.abs(TIMES - TIMES[AT]) >= REACH_S - 1e-9
    assert change[far].max() == 0.0
    assert change[AT] > 0.02
    # and it comes and goes without a jump
    assert np.abs(np.diff(change)).max() < 0.5 * change[AT]


@pytest.mark.parametrize("name", CORRECTABLE)
def test_bones_keep_their_lengths(name):
    motion = with_corrections(correction_at(PLAIN, TIMES[AT], name, placed(name)))
    bones = motion.joints - motion.joints[:, np.maximum(JOINT_PARENTS, 0)]
    lengths = np.linalg.norm(bones, axis=-1)
    plain = PLAIN.joints - PLAIN.joints[:, np.maximum(JOINT_PARENTS, 0)]
    np.testing.assert_allclose(lengths, np.linalg.norm(plain, axis=-1), atol=1e-6)


def test_other_limbs_stay():
    motion = with_corrections(correction_at(PLAIN, TIMES[AT], "l_wrist", placed("l_wrist")))
    moved = {"l_elbow", "l_wrist", "l_index", "l_pinky"}
    for name in set(JOINT_NAMES) - moved:
        np.testing.assert_array_equal(motion.joints[:, JOINT[name]], PLAIN.joints[:, JOINT[name]])


def test_what_is_out_of_reach_is_approached():
    shoulder = PLAIN.joints[AT, JOINT["r_shoulder"]]
    far = shoulder + np.array([-2.0, 0.0, 0.5])
    motion = with_corrections(correction_at(PLAIN, TIMES[AT], "r_wrist", far))
    arm = motion.joints[AT, JOINT["r_wrist"]] - shoulder
    cosine = arm @ (far - shoulder) / np.linalg.norm(arm) / np.linalg.norm(far - shoulder)
    assert cosine > 0.9999
    lengths = PLAIN.bone_lengths[[JOINT["r_elbow"], JOINT["r_wrist"]]].sum()
    assert np.linalg.norm(arm) == pytest.approx(lengths, abs=1e-6)


def test_two_at_once_and_two_after_one_another_all_hold():
    corrections = (
        correction_at(PLAIN, TIMES[AT], "l_wrist", placed("l_wrist")),
        correction_at(PLAIN, TIMES[AT + 2], "l_wrist", placed("l_wrist", AT + 2)),
        correction_at(PLAIN, TIMES[AT], "r_ankle", placed("r_ankle")),
    )
    motion = with_corrections(*corrections)
    for frame, name in ((AT, "l_wrist"), (AT + 2, "l_wrist"), (AT, "r_ankle")):
        found = motion.joints[frame, JOINT[name]]
        np.testing.assert_allclose(found, placed(name, frame), atol=1e-6)


def test_it_stays_on_its_place_in_the_footage_when_settings_change():
    correction = correction_at(PLAIN, TIMES[AT], "r_wrist", placed("r_wrist"))
    for settings in ({"height_m": 1.6}, {"focal_px": 1400.0}, {"yaw": 1.0}):
        motion = with_corrections(correction, **settings)
        seen = transformed(motion.joints[AT], inverse(motion.world_from_camera))
        pixel = project(seen[JOINT["r_wrist"]], motion.camera)
        np.testing.assert_allclose(pixel, correction.pixel, atol=0.5)


def test_a_moved_foot_does_not_stand():
    stands = next(c for c in PLAIN.contacts if c.end_s - c.start_s > 0.2)
    moment = TIMES[np.abs(TIMES - 0.5 * (stands.start_s + stands.end_s)).argmin()]
    name = stands.foot + "_ankle"
    frame = int(np.abs(TIMES - moment).argmin())
    motion = with_corrections(correction_at(PLAIN, moment, name, placed(name, frame)))
    assert not any(c.foot == stands.foot and c.start_s <= moment <= c.end_s
                   for c in motion.contacts)  # fmt: skip
    others = [c for c in PLAIN.contacts if c.foot != stands.foot]
    assert [c for c in motion.contacts if c.foot != stands.foot] == others


def test_gaps_and_other_times_are_passed_over():
    joints = TAKE.joints.copy()
    joints[20:45] = np.nan
    gap = replace(TAKE, joints=joints)
    correction = correction_at(PLAIN, TIMES[AT], "l_wrist", placed("l_wrist"))
    for one in (correction, replace(correction, time_s=9.0)):
        np.testing.assert_array_equal(solve(gap, corrections=(one,)).joints, solve(gap).joints)


def test_the_detector_is_taken_to_have_seen_it_there():
    correction = correction_at(PLAIN, TIMES[AT], "l_wrist", placed("l_wrist"))
    unsure = replace(TAKE, joints_confidence=np.full_like(TAKE.joints_confidence, 0.1))
    seen = seen_as_corrected(unsure, (correction,))
    assert seen.joints_confidence[AT, JOINT["l_wrist"]] == 1.0
    assert seen.joints_confidence[AT - 10, JOINT["l_wrist"]] == 0.1
    assert (seen.joints_confidence[:, JOINT["r_wrist"]] == 0.1).all()
    # the knuckles were seen from the wrist as before
    knuckle, wrist = JOINT["l_index"], JOINT["l_wrist"]
    arms = [t.joints_2d[AT, knuckle] - t.joints_2d[AT, wrist] for t in (seen, TAKE)]
    np.testing.assert_allclose(*arms)
    motion = with_corrections(correction)
    assert pixel_distances(motion, seen)[AT, JOINT["l_wrist"]] < 0.1
    assert pixel_distances(motion, TAKE)[AT, JOINT["l_wrist"]] > 5.0
