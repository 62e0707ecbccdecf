# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from synthetic_motion import CAMERA, look_at

from capf_blender.core.camera import project
from capf_blender.core.contacts import (
    FOOT_JOINTS,
    LIMITS,
    Contact,
    detect,
    frames_of,
    local_floor,
    planted,
    seen_speed,
    tidied,
)
from capf_blender.core.rotations import unit
from capf_blender.core.skeleton import JOINT_NAMES

FPS = 30
TIMES = np.arange(90) / FPS
ON_THE_GROUND = np.zeros(90)


def found(heights, speeds, lowest=None, times=TIMES, mode="AUTO") -> np.ndarray:
    """(F, 2) bool: frames in which the left, the right foot stands."""
    heights, speeds = np.broadcast_arrays(heights, speeds)
    lowest = heights.min(axis=1) if lowest is None else lowest
    return planted(detect(heights, speeds, lowest, times, LIMITS[mode]), times)


def feet(left: np.ndarray, right: np.ndarray | float = 0.0) -> np.ndarray:
    return np.stack(np.broadcast_arrays(left, right), axis=1).astype(float)


def bump(start: int, stop: int, height: float) -> np.ndarray:
    values = np.zeros(90)
    values[start:stop] = height
    return values


def test_who_stands_stands_all_the_time():
    assert found(feet(ON_THE_GROUND), feet(ON_THE_GROUND, 0.1)).all()


def test_a_step_is_no_contact():
    stands = found(feet(bump(30, 45, 0.2)), feet(bump(28, 47, 2.0)))
    assert not stands[28:47, 0].any()
    assert stands[:28, 0].all() and stands[47:, 0].all() and stands[:, 1].all()


def test_between_the_limits_a_foot_goes_on_as_it_was():
    speeds = bump(30, 60, 0.4)  # would neither begin nor end a contact
    assert found(feet(ON_THE_GROUND), feet(speeds)).all()
    assert not found(feet(ON_THE_GROUND), feet(np.full(90, 0.4)))[:, 0].any()


def test_two_frames_of_rest_are_no_contact_and_two_of_motion_no_step():
    moving = np.full(90, 2.0)
    moving[40:42] = 0.0
    assert not found(feet(ON_THE_GROUND), feet(moving))[:, 0].any()
    assert found(feet(ON_THE_GROUND), feet(2.0 - moving))[:, 0].all()


@pytest.mark.parametrize("fps", [15, 30, 60, 120])
def test_the_rate_does_not_matter(fps):
    times = np.arange(3 * fps) / fps
    swings = (times >= 1.0) & (times < 1.5)
    stands = found(feet(0.2 * swings), feet(3.0 * swings), times=times)
    np.testing.assert_array_equal(stands[:, 0], ~swings)


@pytest.mark.parametrize("apex", [0.1, 0.25, 0.6])
def test_nobody_stands_in_the_air(apex):
    g = 9.81
    half = np.sqrt(2 * apex / g)
    since = np.abs(TIMES - 1.5)
    flying = since < half
    height = np.where(flying, apex - 0.5 * g * since**2, 0.0)
    stands = found(feet(height, height), feet(np.where(flying, g * since, 0.0), g * since * flying))
    assert not stands[flying & (height > 0.03)].any()
    assert stands[~flying].all()


def test_a_floor_that_drifts_with_the_distance_is_followed():
    drift = 0.15 * np.sin(2 * np.pi * TIMES / 3.0)
    assert found(feet(drift, drift), feet(ON_THE_GROUND)).all()


def test_a_raised_foot_that_is_still_does_not_stand():
    stands = found(feet(np.full(90, 0.3)), feet(ON_THE_GROUND))
    assert not stands[:, 0].any() and stands[:, 1].all()


def test_legs_in_the_air_carry_nothing():
    lowest = np.full(90, -0.8)  # hands, or the back
    assert not found(feet(ON_THE_GROUND), feet(ON_THE_GROUND), lowest).any()


def test_always_plants_feet_that_shuffle():
    shuffling = feet(np.full(90, 0.45))
    assert not found(feet(ON_THE_GROUND), shuffling)[:, 0].any()
    assert found(feet(ON_THE_GROUND), shuffling, mode="ALWAYS").all()
    assert not found(feet(bump(30, 45, 0.2)), feet(bump(28, 47, 2.0)), mode="ALWAYS")[
        30:45, 0
    ].any()


def test_the_floor_is_the_lower_foots_low_moments():
    lower = 0.3 + bump(40, 60, 0.25)  # a jump of 0.7 s
    np.testing.assert_allclose(local_floor(lower, TIMES), 0.3, atol=1e-6)


def test_speeds_are_those_across_the_view_in_metres():
    """Noise along the line of sight, which is what a lifter's is, hardly counts."""
    rng = np.random.default_rng(0)
    view = look_at((0.0, -5.0, 1.5), pitch=0.1)
    joints = np.zeros((90, len(JOINT_NAMES), 3))
    joints[:, FOOT_JOINTS[0], 0] = 0.8 * TIMES[:, None]
    pixels = project((joints - view[:3, 3]) @ view[:3, :3], CAMERA)
    ray = np.concatenate([(pixels - CAMERA.centre) / CAMERA.focal_px, np.ones((90, 28, 1))], -1)
    ray = unit(ray @ view[:3, :3].T)
    eye = np.tile(view[:3, 3], (90, 1))
    distance = np.linalg.norm(joints - eye[:, None], axis=-1, keepdims=True)
    guessed = eye[:, None] + (distance + 0.03 * rng.normal(size=distance.shape)) * ray
    speed = seen_speed(guessed[:, FOOT_JOINTS], ray[:, FOOT_JOINTS], eye, TIMES)
    np.testing.assert_allclose(speed[10:-10, 0], 0.8, atol=0.12)
    assert speed[10:-10, 1].max() < 0.15
    in_space = np.linalg.norm(np.gradient(guessed[:, FOOT_JOINTS[1, 0]], TIMES, axis=0), axis=-1)
    assert in_space.mean() > 0.4


def test_frames_of_a_contact_are_those_during_it():
    contact = Contact("l", TIMES[10], TIMES[20])
    assert frames_of(contact, TIMES) == slice(10, 21)
    assert frames_of(Contact("l", 0.34, 0.36), TIMES) == slice(11, 11)
    assert frames_of(Contact("l", -9.0, 99.0), TIMES) == slice(0, 90)


def test_contacts_of_a_foot_that_overlap_become_one():
    given = [Contact("l", 2.0, 3.0), Contact("r", 0.5, 2.5), Contact("l", 1.0, 2.2)]
    assert tidied(given) == (Contact("r", 0.5, 2.5), Contact("l", 1.0, 3.0))
