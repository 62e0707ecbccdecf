# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One linear solve for where the body is in each frame and where each foot stands.

Unknown are a correction C_t of the path and one anchor A_k a contact. Minimised is the sum of

* C_t against what the image says: little is known in depth, much across the view,
* (C_t + foot_t - A_k) / sigma during contact k: a foot that stands does not move,
* the height of A_k over the ground,
* the second difference of C_t: errors of depth come and go slowly. The path's own acceleration is
  free, so that jumps keep their height.

All weights are per second, so that the frame rate does not matter.
"""

import numpy as np

from .filters import frame_interval
from .footing import Footing

ACROSS_SIGMA_M = 0.01
DEPTH_SIGMA = 0.04  # share of the distance
VIEW_S = 0.5  # over how long errors of the place are the same error
FOOT_SIGMA_M = 0.04
FOOT_S = 0.1
FLOOR_SIGMA_M = 0.01
BEND_SIGMA = 2.0  # m/s^2
BEND_S = 0.2


def solve_path(
    feet: list[np.ndarray],
    footings: list[Footing],
    stillness: np.ndarray,
    floors: np.ndarray,
    view: np.ndarray,
    distance: np.ndarray,
    time_s: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Corrections (F, 3) of the root and anchors (K, 3), metres, world axes with z up.

    `feet` are, for each of K `footings`, the points (n, 3) that stay while it stands, as the
    uncorrected path has them; `floors` (K,) their heights where they stand, NaN where that is not
    known. `stillness` (F, 2) from 0 to 1: how far each foot, left and right, is to be believed to
    stand where it is said to, as contacts begin and end in frames in which it still moves. `view`
    (F, 3) unit directions from the camera to the body, `distance` (F,) metres.
    """
    frames = len(time_s)
    interval = frame_interval(time_s) if frames > 1 else VIEW_S
    across = interval / VIEW_S / ACROSS_SIGMA_M**2
    depth = interval / VIEW_S / (DEPTH_SIGMA * distance) ** 2
    base = across * np.eye(3) + (depth - across)[:, None, None] * view[:, :, None] * view[:, None]
    hold = interval / FOOT_S / FOOT_SIGMA_M**2
    bend = interval / BEND_S / (BEND_SIGMA * interval**2) ** 2
    points = np.zeros((frames, 2, 3))
    standing = np.full((frames, 2), -1)
    for index, footing in enumerate(footings):
        points[footing.frames, footing.side] = feet[index]
        standing[footing.frames, footing.side] = index
    return _eliminate(base, points, standing, floors, hold * stillness, bend)


def _eliminate(
    base: np.ndarray,
    points: np.ndarray,
    standing: np.ndarray,
    floors: np.ndarray,
    hold: np.ndarray,
    bend: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian elimination of the normal equations in order of time, a frame at a time.

    What is still open at frame t is C_t, C_t+1, C_t+2 and the anchor of each foot: five blocks of
    three. An anchor is eliminated with the last frame of its contact. Each step stores how what it
    eliminated hangs on what is left; substituting backwards gives the values.
    """
    frames = len(base)
    left = np.zeros((15, 15))
    right = np.zeros(15)
    eye = np.eye(3)
    bending = np.zeros((15, 15))
    bending[:9, :9] = bend * np.kron(np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0]), eye)
    steps: list[tuple[int, int, np.ndarray, np.ndarray]] = []  # frame, slot, matrix, vector
    for t in range(frames):
        left[:3, :3] += base[t]
        if t + 2 < frames:
            left += bending
        for side in range(2):
            index = standing[t, side]
            if index < 0:
                continue
            weight = hold[t, side]
            a = slice(9 + 3 * side, 12 + 3 * side)
            left[:3, :3] += weight * eye
            left[a, a] += weight * eye
            left[:3, a] -= weight * eye
            left[a, :3] -= weight * eye
            right[:3] -= weight * points[t, side]
            right[a] += weight * points[t, side]
            if (t == 0 or standing[t - 1, side] != index) and np.isfinite(floors[index]):
                left[a.stop - 1, a.stop - 1] += FLOOR_SIGMA_M**-2
                right[a.stop - 1] += FLOOR_SIGMA_M**-2 * floors[index]
        slots = [0]
        for side in range(2):
            ends = t + 1 == frames or standing[t + 1, side] != standing[t, side]
            if standing[t, side] >= 0 and ends:
                slots.append(3 + side)
        for slot in slots:
            rows = slice(3 * slot, 3 * slot + 3)
            inverse = np.linalg.inv(left[rows, rows])
            matrix = inverse @ left[rows]
            vector = inverse @ right[rows]
            column = left[:, rows].copy()
            left -= column @ matrix
            right -= column @ vector
            left[rows] = 0.0
            left[:, rows] = 0.0
            right[rows] = 0.0
            matrix[:, rows] = 0.0
            steps.append((t, slot, matrix, vector))
        left[:6] = left[3:9]
        left[:, :6] = left[:, 3:9]
        left[6:9] = 0.0
        left[:, 6:9] = 0.0
        right[:6] = right[3:9]
        right[6:9] = 0.0
    correction = np.zeros((frames, 3))
    anchors = np.zeros((len(floors), 3))
    state = np.zeros(15)
    last = frames
    for t, slot, matrix, vector in reversed(steps):
        if t != last:  # one frame earlier
            state[3:9] = state[:6].copy()
            last = t
        value = vector - matrix @ state
        state[3 * slot : 3 * slot + 3] = value
        if slot:
            anchors[standing[t, slot - 3]] = value
        else:
            correction[t] = value
    return correction, anchors
