# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import look_at, take_of, walking_joints

from capf_blender.core.doubts import PARTS, find_doubts, part_confidence, summary, thinned
from capf_blender.core.skeleton import JOINT
from capf_blender.core.solve import solve

TIMES = np.arange(90) / 30
TAKE = take_of(walking_joints(TIMES, 0.3), TIMES, look_at((0.2, -4.5, 1.3), pitch=0.12))
ARM = [JOINT[name] for name in ("l_shoulder", "l_elbow", "l_wrist")]


def unsure(frames, joints: list[int], value: float):
    confidence = TAKE.joints_confidence.copy()
    confidence[np.ix_(frames, joints)] = value
    return replace(TAKE, joints_confidence=confidence)


def test_a_sure_take_raises_no_doubts():
    assert find_doubts(TAKE, solve(TAKE)) == []
    assert summary(TAKE) == ()


def test_a_part_that_is_badly_seen_is_named():
    take = unsure(range(30, 40), ARM, 0.2)
    sure = part_confidence(take)
    assert sure[35, list(PARTS).index("Left Arm")] == pytest.approx(0.2)
    assert sure[29].min() == 1.0
    (doubt,) = find_doubts(take, solve(take))
    assert (doubt.first, doubt.last) == (30, 39)
    assert doubt.reasons[0] == "left arm 20 % sure"
    assert summary(take) == ("Left arm below 40 % in 10 frames",)
    assert summary(take, np.arange(35, 50), 0.5) == ("Left arm below 50 % in 5 frames",)
    assert find_doubts(take, solve(take), threshold=0.1) == []


def test_runs_near_each_other_are_one():
    take = unsure([30, 31, 34, 60], ARM, 0.2)
    found = [(doubt.first, doubt.last) for doubt in find_doubts(take, solve(take))]
    assert found == [(30, 34), (60, 60)]


def test_a_limb_that_is_off_the_footage_is_named():
    motion = solve(TAKE)
    joints = motion.joints.copy()
    joints[50:55, [JOINT["r_knee"], JOINT["r_ankle"]]] += (0.3, 0.0, 0.0)
    (doubt,) = find_doubts(TAKE, replace(motion, joints=joints))
    assert (doubt.first, doubt.last) == (50, 54)
    assert doubt.reasons[0].startswith("right leg") and "off the footage" in doubt.reasons[0]


def test_gaps_are_doubtful():
    joints = TAKE.joints.copy()
    joints[20:50] = np.nan  # a second, longer than is filled
    take = replace(TAKE, joints=joints)
    (doubt,) = find_doubts(take, solve(take))
    assert (doubt.first, doubt.last) == (20, 49)
    assert doubt.reasons[0] == "the person is unknown"
    assert np.isnan(part_confidence(take)[30]).all()


def test_thinned_values_stay_within_what_is_allowed():
    rng = np.random.default_rng(1)
    values = np.cumsum(0.02 * rng.normal(size=300))
    kept = thinned(values, 0.03)
    line = np.interp(np.arange(300), kept, values[kept])
    assert np.abs(line - values).max() <= 0.03
    assert len(kept) < 150
    np.testing.assert_array_equal(thinned(np.ones(50)), [0, 49])
    np.testing.assert_array_equal(thinned(np.ones(1)), [0])
