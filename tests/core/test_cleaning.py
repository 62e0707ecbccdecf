# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cleaning leaves of motion and of noise, through the whole solve."""

import time
from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import (
    LENGTHS,
    look_at,
    mediapipe_take,
    standing,
    take_of,
    walking_joints,
)

from capf_blender.core.cleaning import measure, smooth
from capf_blender.core.errors import CaptureError
from capf_blender.core.filters import lowpass
from capf_blender.core.motion import Motion
from capf_blender.core.rotations import unit
from capf_blender.core.settings import PRESET_TEXTS, PRESETS, SolveSettings
from capf_blender.core.sides import repaired
from capf_blender.core.skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS
from capf_blender.core.solve import solve

VIEW = look_at((0.2, -4.5, 1.3), pitch=0.12)
SIDE = look_at((-4.5, 0.2, 1.3), pitch=0.12, yaw=-np.pi / 2)
# feet that are pinned are another part's business
OWN = {name: replace(p, height_m=None, contact_mode="NEVER") for name, p in PRESETS.items()}
DEFAULT = OWN["DEFAULT"]


def in_camera(motion: Motion) -> np.ndarray:
    """(F, J, 3) metres relative to the pelvis."""
    turned = motion.joints @ motion.world_from_camera[:3, :3]
    return turned - turned[:, :1]


def jitter_mm(joints: np.ndarray, times: np.ndarray) -> float:
    """Mean second difference at 30 frames a second."""
    moved = np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1).mean()
    return 1000 * float(moved) / (30 * float(np.diff(times).mean())) ** 2


def test_presets_are_complete_and_ever_smoother():
    assert list(PRESETS) == list(PRESET_TEXTS) == ["RAW", "LIGHT", "DEFAULT", "SMOOTH"]
    assert PRESETS["DEFAULT"] == SolveSettings()
    for label, line in PRESET_TEXTS.values():
        assert label and line and not line.endswith(".")
    for name in ("body_hz", "extremities_hz", "head_hz", "depth_hz"):
        light, default, calm = (getattr(PRESETS[n], name) for n in ("LIGHT", "DEFAULT", "SMOOTH"))
        assert light > default > calm > 0
        assert getattr(PRESETS["RAW"], name) == 0


@pytest.mark.parametrize(
    ("name", "value"), [("dead_zone_m", -0.1), ("body_hz", float("nan")), ("image_pull", 1.5)]
)
def test_impossible_settings_are_named(name, value):
    with pytest.raises(CaptureError, match=f"{name} is {value}"):
        SolveSettings(**{name: value})


def test_raw_keeps_every_direction_of_the_take():
    times = np.arange(90) / 30
    take = take_of(walking_joints(times), times, VIEW, noise_m=0.03, noise_px=3.0)
    found = in_camera(solve(take, OWN["RAW"]))
    # the pelvis becomes the middle of the hips, which turns only what begins there
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent > 0:
            np.testing.assert_allclose(
                unit(found[:, joint] - found[:, parent]),
                unit(take.joints[:, joint] - take.joints[:, parent]),
                atol=1e-9,
            )


def test_raw_fills_nothing():
    times = np.arange(90) / 30
    take = take_of(walking_joints(times), times, VIEW)
    joints = take.joints.copy()
    joints[40:42] = np.nan
    present = solve(replace(take, joints=joints), OWN["RAW"]).present
    np.testing.assert_array_equal(np.flatnonzero(~present), [40, 41])


def test_noise_is_reduced_preset_by_preset():
    """Of 20 mm and 2 px: jitter 66 mm a frame squared raw, then as in the limits."""
    times = np.arange(240) / 30
    truth = walking_joints(times)
    take = take_of(truth, times, VIEW, noise_m=0.02, noise_px=2.0)
    true = (truth - truth[:, :1]) @ VIEW[:3, :3]
    jitters, errors = {}, {}
    for name, settings in OWN.items():
        found = in_camera(solve(take, settings))
        jitters[name] = jitter_mm(found - true, times)
        errors[name] = float(np.linalg.norm(found - true, axis=-1).mean())
    assert jitters["LIGHT"] < 0.5 * jitters["RAW"]
    assert jitters["DEFAULT"] < 0.25 * jitters["RAW"]
    assert jitters["SMOOTH"] < 0.12 * jitters["RAW"]
    assert errors["LIGHT"] < 0.8 * errors["RAW"]
    assert errors["DEFAULT"] < 0.6 * errors["RAW"]


@pytest.mark.parametrize("name", PRESETS)
def test_bones_are_constant(name):
    times = np.arange(60) / 30
    take = take_of(walking_joints(times), times, VIEW, noise_m=0.02, noise_px=2.0)
    motion = solve(take, OWN[name])
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            length = np.linalg.norm(motion.joints[:, joint] - motion.joints[:, parent], axis=-1)
            np.testing.assert_allclose(length, motion.bone_lengths[joint], atol=1e-9)


@pytest.mark.parametrize("fps", [24, 25, 30, 60, 120])
@pytest.mark.parametrize("view", [VIEW, SIDE], ids=["front", "side"])
def test_a_fast_strike_keeps_its_reach_and_its_time(fps, view):
    """The forearm swings by 70 degrees and back within a quarter of a second."""
    times = np.arange(2 * fps) / fps
    angle = 1.2 * np.exp(-0.5 * ((times - 1.0) / 0.06) ** 2)
    truth = standing(times, forearm_R=0.3 + angle, upper_arm_R=-0.3 * angle)
    found = in_camera(solve(take_of(truth, times, view), DEFAULT))

    def reach(joints: np.ndarray) -> np.ndarray:
        hand = joints[:, JOINT["r_wrist"]] - joints[:, JOINT["r_shoulder"]]
        return np.linalg.norm(hand - hand[0], axis=-1)

    true, solved = reach(truth), reach(found)
    assert solved.max() > 0.85 * true.max()
    assert abs(times[solved.argmax()] - times[true.argmax()]) <= 1.01 / fps


def test_no_lag_on_a_chirp():
    times = np.arange(600) / 60
    sweep = np.sin(2 * np.pi * (0.2 + 0.2 * times) * times)
    joints = standing(times, forearm_L=0.6 + 0.5 * sweep)
    found = in_camera(solve(take_of(joints, times, SIDE), DEFAULT))
    true = (joints - joints[:, :1]) @ SIDE[:3, :3]
    wrist = JOINT["l_wrist"]
    moved, wanted = (j[:, wrist] - j[:, wrist].mean(axis=0) for j in (found, true))
    match = [np.sum(np.roll(moved, shift, axis=0)[9:-9] * wanted[9:-9]) for shift in range(-4, 5)]
    assert np.argmax(match) == 4


def test_shimmer_in_depth_dies_and_kicks_pass():
    times = np.arange(180) / 30
    joints = np.zeros((180, len(JOINT_NAMES), 3))
    joints[:, 1:] = np.cumsum(np.full((len(JOINT_NAMES) - 1, 3), 0.01), axis=0)
    shimmer = 0.008 * np.sin(2 * np.pi * 4 * times)
    kick = 0.4 * np.exp(-0.5 * ((times - 4) / 0.1) ** 2)
    ankle = JOINT["l_ankle"]
    depth = np.array([0.0, 0.0, 1.0])
    for values, axis, kept in ((shimmer, 2, (0.0, 0.15)), (shimmer, 0, (0.6, 1.0)),
                               (kick, 2, (0.93, 1.01))):  # fmt: skip
        moved = joints.copy()
        moved[:, ankle, axis] += values
        found = smooth(moved, times, DEFAULT, depth) - smooth(joints, times, DEFAULT, depth)
        share = np.abs(found[30:-30, ankle, axis]).max() / np.abs(values).max()
        assert kept[0] <= share <= kept[1], (axis, share)


@pytest.mark.parametrize("name", ["LIGHT", "DEFAULT", "SMOOTH"])
def test_frame_rates_give_the_same_motion(name):
    fine = np.arange(481) / 120
    found = {}
    for fps in (24, 30, 60, 120):
        times = fine[:: 120 // fps]
        found[fps] = in_camera(solve(take_of(walking_joints(times), times, VIEW), OWN[name]))
    for fps in (24, 30, 60):
        off = found[fps] - found[120][:: 120 // fps]
        assert np.linalg.norm(off, axis=-1)[fps // 2 : -fps // 2].mean() < 0.006, fps


def test_uneven_frames_give_the_same_motion():
    rng = np.random.default_rng(0)
    even = np.arange(120) / 30
    uneven = even + rng.uniform(-0.012, 0.012, 120)
    motions = [solve(take_of(walking_joints(t), t, VIEW), DEFAULT) for t in (even, uneven)]
    truths = [walking_joints(t) for t in (even, uneven)]
    errors = [
        np.linalg.norm(in_camera(m) - (j - j[:, :1]) @ VIEW[:3, :3], axis=-1)[15:-15].mean()
        for m, j in zip(motions, truths, strict=True)
    ]
    assert errors[1] < errors[0] + 0.002


def test_long_gaps_stay_unknown_and_short_ones_follow_the_motion():
    times = np.arange(180) / 30
    truth = walking_joints(times)
    take = take_of(truth, times, VIEW)
    joints = take.joints.copy()
    joints[50:56] = joints[90:120] = np.nan
    motion = solve(replace(take, joints=joints), DEFAULT)
    np.testing.assert_array_equal(np.flatnonzero(~motion.present), np.arange(90, 120))
    true = ((truth - truth[:, :1]) @ VIEW[:3, :3])[50:56]
    assert np.linalg.norm(in_camera(motion)[50:56] - true, axis=-1).mean() < 0.03


def test_lengths_come_from_bones_that_are_seen_well():
    """Networks shorten what points at the camera, and guess where they see nothing."""
    times = np.arange(300) / 30
    seen = (walking_joints(times) - VIEW[:3, 3]) @ VIEW[:3, :3]
    knee, ankle = JOINT["l_knee"], JOINT["l_ankle"]
    foreshortened = np.arange(300) < 160
    seen[foreshortened, ankle] = seen[foreshortened, knee] + [0.0, 0.02, -0.25]
    confidence = np.ones(seen.shape[:2])
    lengths, _ = measure(seen, confidence)
    assert abs(lengths[ankle] / LENGTHS[ankle] - 1) < 0.01
    assert lengths[ankle] == lengths[JOINT["r_ankle"]]
    hidden = slice(0, 200)
    seen[hidden, JOINT["l_wrist"]] += [0.2, 0.0, 0.0]
    seen[hidden, JOINT["r_wrist"]] -= [0.2, 0.0, 0.0]
    for name in ("l_wrist", "r_wrist"):
        confidence[hidden, JOINT[name]] = 0.2
    wrist = JOINT["l_wrist"]
    assert abs(measure(seen, confidence)[0][wrist] / LENGTHS[wrist] - 1) < 0.02


@pytest.mark.parametrize(("clip", "fps", "size"), [("juggle", 24, (1280, 720)),
                                                   ("squats", 5, (720, 1280))])  # fmt: skip
def test_real_clips_get_calmer_and_stay_in_the_picture(shared, clip, fps, size):
    take = mediapipe_take(shared / "golden" / f"mediapipe_{clip}.npz", fps, size)
    raw, default, calm = (
        solve(take, replace(PRESETS[name], contact_mode="NEVER"))
        for name in ("RAW", "DEFAULT", "SMOOTH")
    )
    assert jitter_mm(default.joints, take.time_s) < 0.9 * jitter_mm(raw.joints, take.time_s)
    assert jitter_mm(calm.joints, take.time_s) < jitter_mm(default.joints, take.time_s)
    assert default.reprojection_px.mean() < raw.reprojection_px.mean()


def test_a_low_pass_of_nothing_is_nothing():
    values = np.random.default_rng(0).normal(size=(50, 3))
    found = lowpass(values, np.arange(50) / 30, np.array([0.0, 5.0, 0.0]))
    np.testing.assert_array_equal(found[:, [0, 2]], values[:, [0, 2]])
    assert np.abs(found[:, 1]).mean() < np.abs(values[:, 1]).mean()


@pytest.mark.parametrize(("frames", "limit_s"), [(1000, 0.4), (10_000, 4.0)])
def test_solving_is_quick(frames, limit_s):
    """On an idle machine about a quarter of these limits."""
    times = np.arange(frames) / 30
    take = take_of(walking_joints(times), times, VIEW, noise_m=0.02, noise_px=2.0)
    repaired.cache_clear()
    start = time.process_time()
    solve(take, DEFAULT)
    assert time.process_time() - start < limit_s
