# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import time
from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import look_at, mediapipe_take, swapped, take_of, walking_joints

from capf_blender.core.sides import PARTS, exchanged, repaired
from capf_blender.core.skeleton import JOINT
from capf_blender.core.take import Take

TIMES = np.arange(240) / 30
FRONT = look_at((0.2, -4.5, 1.3), pitch=0.12)
SIDE = look_at((-5.0, -1.0, 1.2), pitch=0.05, yaw=-np.pi / 2)
LEGS = (*PARTS["forelegs"].left, "l_hip")
ARMS = (*PARTS["forearms"].left, "l_shoulder")


def walker(view: np.ndarray, turn: np.ndarray | None = None, step: int = 1, seed: int = 0) -> Take:
    """A walk in noise, turned about the vertical by `turn` (F,) radians."""
    joints = walking_joints(TIMES, 0.0 if turn is not None else 0.3)
    if turn is not None:
        c, s = np.cos(turn), np.sin(turn)
        about_z = np.zeros((len(turn), 3, 3))
        about_z[:, 0, 0], about_z[:, 0, 1], about_z[:, 1, 0], about_z[:, 1, 1] = c, -s, s, c
        about_z[:, 2, 2] = 1
        joints = joints @ about_z.transpose(0, 2, 1)
    return take_of(joints[::step], TIMES[::step], view, noise_m=0.03, noise_px=3.0, seed=seed)


@pytest.mark.parametrize("view", [FRONT, SIDE], ids=["front", "side"])
@pytest.mark.parametrize(
    "names", [LEGS, ARMS, PARTS["forelegs"].left, PARTS["forearms"].left, PARTS["body"].left],
    ids=["legs", "arms", "forelegs", "forearms", "body"],
)  # fmt: skip
@pytest.mark.parametrize("frames", [slice(100, 101), slice(57, 60), slice(31, 45), slice(80, 150)])
def test_exchanged_runs_come_back(view, names, frames):
    take = walker(view)
    found = repaired(swapped(take, frames, names))
    # where limbs are closer to each other than noise, either way is as good
    away = np.linalg.norm(found.joints - take.joints, axis=-1)
    assert away.max() < 0.35
    assert (away > 0.1).sum() <= max(2, 0.02 * len(names) * (frames.stop - frames.start))


def test_several_bursts_come_back():
    take = walker(FRONT)
    wrong = take
    for start, stop, names in ((20, 22, LEGS), (60, 61, ARMS), (64, 65, LEGS), (120, 160, LEGS)):
        wrong = swapped(wrong, slice(start, stop), names)
    found = repaired(wrong)
    np.testing.assert_array_equal(found.joints, take.joints)
    np.testing.assert_array_equal(found.joints_2d, take.joints_2d)


def test_what_is_lost_and_found_again_does_not_hide_a_swap():
    take = walker(FRONT)
    gone = {name: getattr(take, name).copy() for name in ("joints", "joints_2d")}
    for values in gone.values():
        values[70:80] = np.nan
    take = replace(take, **gone)
    found = repaired(swapped(take, slice(100, 130), LEGS))
    np.testing.assert_array_equal(found.joints, take.joints)


@pytest.mark.parametrize("view", [FRONT, SIDE], ids=["front", "side"])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_walking_legs_that_cross_are_left_alone(view, step, seed):
    assert not exchanged(walker(view, step=step, seed=seed)).any()


@pytest.mark.parametrize("turns_a_second", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_people_who_turn_around_are_left_alone(turns_a_second, seed):
    assert not exchanged(walker(FRONT, 2 * np.pi * turns_a_second * TIMES, seed=seed)).any()


@pytest.mark.parametrize(
    ("clip", "fps", "size"), [("juggle", 24, (1280, 720)), ("squats", 5, (720, 1280))]
)
def test_real_clips_without_swaps_are_left_alone(shared, clip, fps, size):
    take = mediapipe_take(shared / "golden" / f"mediapipe_{clip}.npz", fps, size)
    assert not exchanged(take).any()
    assert repaired(take) is take


def test_motion_capture_is_left_alone(shared):
    """Walks, turns, dances and fights, in noise: no frame of 3,000."""
    from known_motion import MotionLibrary

    library = MotionLibrary(shared / "training" / "motion" / "motion_30fps.npz")
    checked = 0
    for name in library.names[::28]:
        clip = library.clip(name, 300)
        middle = clip.joints[:, JOINT["pelvis"]].mean(axis=0)
        view = look_at((middle[0], middle[1] - 6.0, 1.4), pitch=0.05)
        take = take_of(clip.joints, clip.time_s, view, noise_m=0.03, noise_px=3.0)
        assert not exchanged(take).any(), name
        checked += len(clip.time_s)
    assert checked > 1000


def test_ten_thousand_frames_are_quick():
    times = np.arange(10_000) / 30
    take = take_of(walking_joints(times), times, FRONT, noise_m=0.02, noise_px=2.0)
    start = time.process_time()
    exchanged(take)
    assert time.process_time() - start < 1.0  # a fifth of that on an idle machine
