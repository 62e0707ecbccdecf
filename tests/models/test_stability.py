# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measure of exchanged sides and lost people, and the second look that makes them fewer."""

import numpy as np
import pytest

from capf_blender.core.skeleton import JOINT, JOINT_NAMES, MIRROR
from models.blazepose.doubts import look_again
from models.blazepose.landmarks import KEYPOINT_COUNT, KEYPOINT_NAMES, find_landmarks
from models.blazepose.tracking import HEADING_S, Track, expected, look_of, settle, start_track
from models.evaluation.stability import stability
from models.interface import PersonPose

LEG_KEYPOINTS = [name for name in KEYPOINT_NAMES if name[2:] in ("knee", "ankle", "heel", "toe")]
LEGS = [n for n, name in enumerate(JOINT_NAMES) if name[2:] in ("knee", "ankle", "heel", "toe")]


def _other_side(name: str) -> str:
    return {"l": "r", "r": "l"}[name[0]] + name[1:]


def heading(track: Track, time_s: float) -> np.ndarray:
    aim = expected(track, time_s)
    assert aim is not None
    return aim


def pose(number: int, joints: np.ndarray) -> PersonPose:
    joints_2d = 300 + 200 * joints[:, :2]
    return PersonPose(
        person=number, bbox=np.zeros(4), keypoints_2d=joints_2d, confidence=np.ones(len(joints)),
        joints=joints, joints_2d=joints_2d, joints_confidence=np.ones(len(joints)),
    )  # fmt: skip


@pytest.fixture
def clip() -> list[np.ndarray]:
    """(28, 3) metres, somebody who sways a little for 12 frames."""
    rng = np.random.default_rng(0)
    standing = np.zeros((len(JOINT_NAMES), 3))
    for name, row in JOINT.items():
        side = {"l_": 0.2, "r_": -0.2}.get(name[:2], 0.0)
        standing[row] = side * rng.uniform(0.5, 1.5), rng.uniform(-0.8, 0.8), 0.0
    return [standing + 0.02 * np.sin(0.5 * number) for number in range(12)]


def test_a_steady_clip_has_no_events(clip):
    found = stability([[pose(0, joints)] for joints in clip], 0)
    assert (found.frames, found.found, found.lost, found.events) == (12, 12, [], 0)


def test_exchanged_sides_and_losses_are_counted_where_they_happen(clip):
    mirrored = list(MIRROR)
    clip[3] = clip[3][mirrored]  # for one frame: there and back again
    legs = clip[7].copy()
    legs[LEGS] = clip[7][[MIRROR[row] for row in LEGS]]
    clip[7] = legs
    people = [[pose(0, joints), pose(1, joints)] for joints in clip]
    people[10] = people[10][1:]
    found = stability(people, 0)
    assert found.turned == {"hips": [3, 4], "shoulders": [3, 4]}
    assert found.exchanged == {"legs": [3, 4, 7, 8], "arms": [3, 4]}
    assert found.lost == [10]
    assert found.events == 4
    assert stability(people, 1).lost == []


def test_a_new_person_is_no_loss(clip):
    people = [[] if n < 5 else [pose(0, joints)] for n, joints in enumerate(clip)]
    assert stability(people, 0).lost == []


def test_legs_that_are_suddenly_exchanged_are_looked_at_again(frames_of, landmark_network):
    (frame,) = frames_of("squats", 1)
    region = np.array([[360.0, 640, 1100, 0]])
    for _ in range(3):
        region = find_landmarks(landmark_network, frame, region).next_regions
    landmarks = find_landmarks(landmark_network, frame, region)
    points = landmarks.points[0].copy()
    track = start_track(points, look_of(frame, points[:KEYPOINT_COUNT]), 0.0)
    same = look_again(landmark_network, frame, 0.04, [track], landmarks)
    assert same is landmarks
    legs = [KEYPOINT_NAMES.index(name) for name in LEG_KEYPOINTS]
    others = [KEYPOINT_NAMES.index(_other_side(name)) for name in LEG_KEYPOINTS]
    landmarks.points[0, legs] = points[others]
    again = look_again(landmark_network, frame, 0.04, [track], landmarks)
    error = np.linalg.norm(again.points[0, :KEYPOINT_COUNT] - track.keypoints, axis=1)
    assert np.median(error) < 0.01 * region[0, 2]
    assert not np.array_equal(again.regions, landmarks.regions)
    late = look_again(landmark_network, frame, 0.04 + HEADING_S, [track], landmarks)
    assert late is landmarks


def test_what_stays_is_believed():
    points = np.random.default_rng(0).uniform(0, 100, (39, 2))
    track = start_track(points, np.zeros((2, 3)), 0.0)
    settle(track, points[:KEYPOINT_COUNT] + 1, 0.04)
    np.testing.assert_allclose(heading(track, 0.08), points[:KEYPOINT_COUNT] + 2)
    far = points[:KEYPOINT_COUNT] + 1000
    settle(track, far, 0.08)
    np.testing.assert_allclose(heading(track, 0.12), points[:KEYPOINT_COUNT] + 3)
    settle(track, far, 0.2)
    np.testing.assert_allclose(heading(track, 0.24), far)
