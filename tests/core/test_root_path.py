# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import time

import numpy as np

from capf_blender.core.footing import Footing
from capf_blender.core.root_path import (
    ACROSS_SIGMA_M,
    BEND_S,
    BEND_SIGMA,
    DEPTH_SIGMA,
    FLOOR_SIGMA_M,
    FOOT_S,
    FOOT_SIGMA_M,
    VIEW_S,
    solve_path,
)
from capf_blender.core.rotations import unit

NOTHING = np.zeros((0, 3))


def footing(side: int, start: int, stop: int) -> Footing:
    return Footing(side, slice(start, stop), NOTHING, NOTHING, NOTHING, NOTHING)


def problem(frames: int = 24, seed: int = 0):
    """Feet, footings, stillness, floors, view, distance and times of a short random walk."""
    rng = np.random.default_rng(seed)
    held = [footing(0, 0, 9), footing(1, 5, 14), footing(0, 14, 19), footing(1, 16, frames)]
    feet = [0.1 * rng.normal(size=(f.frames.stop - f.frames.start, 3)) for f in held]
    floors = np.array([0.02, np.nan, -0.01, 0.05])
    view = unit(rng.normal(size=(frames, 3)) * [0.2, 1.0, 0.2])
    distance = rng.uniform(3.0, 5.0, frames)
    stillness = rng.uniform(0.1, 1.0, (frames, 2))
    return feet, held, stillness, floors, view, distance, np.arange(frames) / 30


def dense(feet, held, stillness, floors, view, distance, times):
    """The same least squares written out in full."""
    frames, dt = len(times), times[1] - times[0]
    count = 3 * (frames + len(held))
    rows, right = [], []

    def add(places: list[tuple[int, np.ndarray]], value: float, weight: float) -> None:
        row = np.zeros(count)
        for at, axis in places:
            row[3 * at : 3 * at + 3] += axis
        rows.append(np.sqrt(weight) * row)
        right.append(np.sqrt(weight) * value)

    eye = np.eye(3)
    for t in range(frames):
        sight = view[t]
        u = unit(np.cross(sight, eye[np.argmin(np.abs(sight))]))
        for axis in (u, np.cross(sight, u)):
            add([(t, axis)], 0.0, dt / VIEW_S / ACROSS_SIGMA_M**2)
        add([(t, sight)], 0.0, dt / VIEW_S / (DEPTH_SIGMA * distance[t]) ** 2)
        if 0 < t < frames - 1:
            for axis in eye:
                bend = [(t - 1, axis), (t, -2 * axis), (t + 1, axis)]
                add(bend, 0.0, dt / BEND_S / (BEND_SIGMA * dt**2) ** 2)
    for k, footing in enumerate(held):
        for i, t in enumerate(range(frames)[footing.frames]):
            weight = dt / FOOT_S / FOOT_SIGMA_M**2 * stillness[t, footing.side]
            for axis in eye:
                add([(t, axis), (frames + k, -axis)], -feet[k][i] @ axis, weight)
        if np.isfinite(floors[k]):
            add([(frames + k, eye[2])], floors[k], FLOOR_SIGMA_M**-2)
    solution = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0].reshape(-1, 3)
    return solution[:frames], solution[frames:]


def test_it_is_the_least_squares_solution():
    for seed in range(3):
        given = problem(seed=seed)
        for found, expected in zip(solve_path(*given), dense(*given), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-7)


def test_without_contacts_the_path_stays():
    view, distance = np.tile([0.0, 1.0, 0.0], (10, 1)), np.full(10, 4.0)
    times = np.arange(10) / 30
    correction, anchors = solve_path([], [], np.ones((10, 2)), np.zeros(0), view, distance, times)
    assert np.abs(correction).max() == 0.0
    assert anchors.shape == (0, 3)


def test_a_single_frame_stands_too():
    floors, view = np.array([0.02]), np.array([[0.0, 1.0, 0.0]])
    feet = [np.array([[0.1, 0.2, 0.06]])]
    given = feet, [footing(0, 0, 1)], np.ones((1, 2)), floors, view, np.full(1, 4.0), np.zeros(1)
    correction, anchors = solve_path(*given)
    np.testing.assert_allclose(anchors[0, :2], [0.1, 0.2], atol=0.01)
    assert abs(anchors[0, 2] - 0.02) < 0.01
    assert -0.04 < correction[0, 2] < 0.0


def test_drift_in_depth_is_taken_out_and_does_not_add_up():
    """A walk of 20 s whose distance wobbles by 10 cm."""
    times = np.arange(600) / 30
    wobble = 0.1 * np.sin(2 * np.pi * times / 5.0)
    held = [footing(k % 2, 15 * k, 15 * k + 17) for k in range(39)]
    true = [np.array([0.1 * (-1) ** k, -0.5 * k, 0.02]) for k in range(39)]
    feet = [
        true[k] + wobble[f.frames, None] * np.array([0.0, 1.0, 0.0]) for k, f in enumerate(held)
    ]
    view, distance = np.tile([0.0, 1.0, 0.0], (600, 1)), np.full(600, 4.0)
    given = feet, held, np.ones((600, 2)), np.full(39, 0.02), view, distance, times
    correction, anchors = solve_path(*given)
    path = wobble + correction[:, 1]
    assert np.ptp(path) < 0.5 * np.ptp(wobble)
    slide = [np.linalg.norm(np.diff(p + correction[f.frames], axis=0), axis=1).mean()
             for p, f in zip(feet, held, strict=True)]  # fmt: skip
    before = [np.linalg.norm(np.diff(p, axis=0), axis=1).mean() for p in feet]
    assert np.mean(slide) < 0.3 * np.mean(before)
    assert np.linalg.norm(anchors - true, axis=1).max() < 0.1


def test_ten_thousand_frames_take_less_than_a_second():
    """0.45 s of one core; 15 ms for 240 frames."""
    frames = 10_000
    held = [footing(k % 2, 15 * k, 15 * k + 17) for k in range(frames // 15 - 1)]
    feet = [np.zeros((17, 3)) for _ in held]
    view, distance = np.tile([0.0, 1.0, 0.0], (frames, 1)), np.full(frames, 4.0)
    floors, times = np.zeros(len(held)), np.arange(frames) / 30
    start = time.process_time()
    solve_path(feet, held, np.ones((frames, 2)), floors, view, distance, times)
    assert time.process_time() - start < 1.0
