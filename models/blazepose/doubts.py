# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second look, in slightly other regions, where what the landmark network finds is in doubt.

Of a silhouette, or of legs that cover each other, the network names left and right as it comes, and
another region often changes its mind. So where keypoints are far from where they were heading, what
continues the motion clearly better counts. Nothing is exchanged by hand: where all looks agree,
they are believed, and after `HEADING_S` whatever is found. Somebody who is lost may only have
turned or moved faster than the region did, and is looked for a little farther away.
"""

from collections.abc import Sequence

import numpy as np

from .landmarks import KEYPOINT_COUNT, Landmarks, find_landmarks
from .network import GraphNetwork
from .tracking import DOUBTFUL, Track, expected, misfits

MIN_SCORE = 0.5  # of the landmark network: below, there is nobody
RESCUE_SCORE = 0.8  # for somebody who is not where the region is: several looks find more ghosts
CLEARLY = 0.6  # of the misfit: another look fits clearly better
# side, in sides; rotation in radians
OTHER_LOOKS = np.array(
    [[0.9, 0.0], [1.12, 0.0], [0.9, 0.21], [0.9, -0.21], [1.0, 0.35], [1.0, -0.35]]
)
WIDER_LOOKS = np.array([[0.9, 0.0], [1.15, 0.0], [1.4, 0.0], [1.1, 0.4], [1.1, -0.4]])


def look_again(
    network: GraphNetwork,
    frame: np.ndarray,
    time_s: float,
    tracks: Sequence[Track],
    landmarks: Landmarks,
) -> Landmarks:
    """`landmarks`, row n of which is what was found of track n; doubtful ones looked at again."""
    aims = [expected(track, time_s) for track in tracks]
    sides = landmarks.regions[:, 2].tolist()
    found = [
        _misfit(points, aim, side)
        for points, aim, side in zip(landmarks.points, aims, sides, strict=True)
    ]
    regions, rows = [], []
    for row, region in enumerate(landmarks.regions):
        lost = landmarks.scores[row] < MIN_SCORE
        if lost or found[row].max() > DOUBTFUL:
            regions.append(_others(region, WIDER_LOOKS if lost else OTHER_LOOKS))
            rows += [row] * len(regions[-1])
    if not regions:
        return landmarks
    again = find_landmarks(network, frame, np.concatenate(regions))
    chosen = list(range(len(tracks)))
    best = CLEARLY * np.array([misfit.max() for misfit in found])
    highest = np.full(len(tracks), RESCUE_SCORE)
    for other, row in enumerate(rows):
        score = again.scores[other]
        if landmarks.scores[row] < MIN_SCORE:
            if score > highest[row]:
                highest[row], chosen[row] = score, len(tracks) + other
        elif score >= MIN_SCORE:
            misfit = _misfit(again.points[other], aims[row], sides[row]).max()
            if misfit < best[row]:
                best[row], chosen[row] = misfit, len(tracks) + other
    return landmarks.joined(again).chosen(chosen)


def _misfit(points: np.ndarray, aim: np.ndarray | None, side: float) -> np.ndarray:
    """As `misfits`, of (39, 2) landmarks; zero where nothing is expected."""
    return np.zeros(1) if aim is None else misfits(points[:KEYPOINT_COUNT], aim, side)


def _others(region: np.ndarray, looks: np.ndarray) -> np.ndarray:
    others = np.repeat(region[None], len(looks), axis=0)
    others[:, 2] *= looks[:, 0]
    others[:, 3] += looks[:, 1]
    return others
