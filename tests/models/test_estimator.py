# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estimator on real clips: agreement with MediaPipe, stable people, exact resumption."""

from itertools import chain

import cv2
import numpy as np
import pytest
import torch

from capf_blender.core.skeleton import JOINT, JOINT_NAMES
from models.blazepose.detector import detect, whole_frame
from models.blazepose.landmarks import KEYPOINT_COUNT, KEYPOINT_NAMES, find_landmarks
from models.blazepose.regions import crop, to_frame

SEGMENTATION = 297  # a tensor of the landmark network that the estimator does not compute
BODY = slice(KEYPOINT_NAMES.index("l_shoulder"), KEYPOINT_COUNT)
LEFT = [n for n, name in enumerate(KEYPOINT_NAMES) if name.startswith("l_") and n > 10]
RIGHT = [KEYPOINT_NAMES.index("r" + KEYPOINT_NAMES[n][1:]) for n in LEFT]


def height_of(points: np.ndarray) -> float:
    return float(np.ptp(points[:, 1]))


def assert_same(one, other):
    """Two results of `process` are bit for bit the same."""
    assert [[pose.person for pose in frame] for frame in one] == [
        [pose.person for pose in frame] for frame in other
    ]
    for pose, twin in zip(chain.from_iterable(one), chain.from_iterable(other), strict=True):
        for name in vars(pose):
            np.testing.assert_array_equal(getattr(pose, name), getattr(twin, name), err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("clip", "count"), [("squats", 65), ("juggle", 247)])
def test_agrees_with_the_official_pipeline(clip, count, shared, frames_of, estimator_for):
    with np.load(shared / "golden" / f"mediapipe_{clip}.npz") as data:
        pixels, metres = data["landmarks_px"], data["world_m"]
    frames = frames_of(clip, count)
    assert len(frames) == len(pixels) == count
    estimator = estimator_for(frames[0])
    seen = []
    estimator.lifter = Recorder(estimator.lifter, seen)
    # the official Python solution counts every clip's frames at 30 a second
    people = estimator.process(frames, [n / 30 for n in range(count)])
    assert all([pose.person for pose in frame] == [0] for frame in people)
    found = np.stack([frame[0].keypoints_2d for frame in people])
    heights = np.array([height_of(points) for points in pixels])
    error_2d = np.linalg.norm(found - pixels, axis=-1) / heights[:, None]
    world = np.stack([detections_in_image_axes(detections) for detections in seen])
    error_3d = np.linalg.norm(world - metres, axis=-1)
    swapped = np.linalg.norm(world[:, LEFT + RIGHT] - metres[:, RIGHT + LEFT], axis=-1)
    swaps = int(np.sum(np.median(swapped, axis=1) < np.median(error_3d[:, LEFT + RIGHT], axis=1)))
    print(
        f"{clip}: 2D median {100 * np.median(error_2d):.2f} % of the height, "
        f"world median {1000 * np.median(error_3d):.1f} mm, {swaps} frames swapped"
    )
    assert np.median(error_2d) < 0.007
    assert np.median(error_3d) < 0.018
    assert swaps == 0


class Recorder:
    """Keeps what the lifter is given for the first person."""

    def __init__(self, lifter, seen):
        self.name, self._lifter, self._seen = lifter.name, lifter, seen

    def __call__(self, detections, camera):
        self._seen.append(detections)
        return self._lifter(detections, camera)


def detections_in_image_axes(detections) -> np.ndarray:
    """(33, 3) world landmarks of the first person, rolled upright as the official graph does."""
    angle = float(detections.region[0, 3])
    roll = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    world = detections.world[0].cpu().numpy().copy()
    world[:, :2] = world[:, :2] @ roll.T
    return world


@pytest.mark.parametrize("clip", ["squats", "juggle", "balance_cam01"])
def test_detector_finds_the_person(clip, frames_of, detector, landmark_network):
    (frame,) = frames_of(clip, 1)
    height, width = frame.shape[:2]
    found = detect(detector, frame, whole_frame(width, height))
    landmarks = find_landmarks(landmark_network, frame, found.regions[:1])
    assert landmarks.scores[0] > 0.9
    points = landmarks.points[0, :KEYPOINT_COUNT]
    assert np.all((points > 0) & (points < (width, height)))
    # upright: nose above hips above ankles, and the person's left on the image's right
    nose, hips, ankles = points[0, 1], points[23:25, 1].mean(), points[27:29, 1].mean()
    assert nose < hips < ankles
    assert points[11, 0] > points[12, 0]


def test_people_in_a_batch_do_not_influence_each_other(frames_of, landmark_network):
    (frame,) = frames_of("juggle", 1)
    regions = np.array(
        [[690.0, 355, 770, 0.04], [300, 300, 400, 1.0], [690, 355, 700, -0.1], [0, 0, 100, 0]]
    )
    together = find_landmarks(landmark_network, frame, regions)
    for row, region in enumerate(regions):
        alone = find_landmarks(landmark_network, frame, region[None])
        np.testing.assert_allclose(together.points[row], alone.points[0], atol=0.05)
        np.testing.assert_allclose(together.world[row], alone.world[0], atol=1e-3)
        np.testing.assert_allclose(together.scores[row], alone.scores[0], atol=1e-4)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_frame_gives_turned_people(turns, frames_of, estimator_for):
    """Lying and upside-down people: the region turns with them."""
    (frame,) = frames_of("squats", 1)
    turned = np.ascontiguousarray(np.rot90(frame, -turns))
    ((upright,),) = estimator_for(frame).process([frame], [0.0])
    ((lying,),) = estimator_for(turned).process([turned], [0.0])
    size = np.array(frame.shape[1::-1], float)
    points, joints = upright.keypoints_2d.astype(float), upright.joints.astype(float)
    for _ in range(turns):  # a quarter turn clockwise: (x, y) -> (height - y, x)
        points = np.column_stack((size[1] - points[:, 1], points[:, 0]))
        joints = np.column_stack((-joints[:, 1], joints[:, 0], joints[:, 2]))
        size = size[::-1]
    error = np.linalg.norm(lying.keypoints_2d - points, axis=1) / height_of(upright.keypoints_2d)
    print(f"{90 * turns} degrees: 2D median {100 * np.median(error):.2f} % of the height")
    assert np.median(error[BODY]) < 0.02
    assert np.median(np.linalg.norm(lying.joints - joints, axis=1)) < 0.06


def test_results_have_the_shapes_and_frames_of_the_contract(frames_of, estimator_for):
    frames = frames_of("squats", 2)
    estimator = estimator_for(frames[0])
    for people in estimator.process(frames, [0.0, 0.2]):
        (pose,) = people
        assert pose.keypoints_2d.shape == (len(estimator.keypoint_names), 2)
        assert pose.confidence.shape == (len(estimator.keypoint_names),)
        assert pose.joints.shape == (len(JOINT_NAMES), 3)
        assert pose.joints_2d.shape == (len(JOINT_NAMES), 2)
        assert pose.joints_confidence.shape == (len(JOINT_NAMES),)
        assert np.all((pose.joints_confidence >= 0) & (pose.joints_confidence <= 1))
        left, top, right, bottom = pose.bbox
        assert 0 <= left < right <= 720
        assert 0 <= top < bottom <= 1280
        assert pose.joints[JOINT["head_top"], 1] < pose.joints[JOINT["neck"], 1] < 0  # y is down
        assert all(np.isfinite(value).all() for value in vars(pose).values())


@pytest.mark.slow
def test_an_interrupted_clip_goes_on_as_if_nothing_had_been(frames_of, estimator_for, tmp_path):
    frames = frames_of("walk_two_people", 56)[28:]  # the woman appears on the way
    times = [n / 30 for n in range(len(frames))]
    unbroken = estimator_for(frames[0]).process(frames, times)
    assert {pose.person for frame in unbroken for pose in frame} == {0, 1}
    pieces, state = [], None
    for start, end in ((0, 1), (1, 13), (13, 20), (20, len(frames))):
        estimator = estimator_for(frames[0])
        if state is not None:
            with np.load(state, allow_pickle=False) as arrays:
                estimator.restore(dict(arrays))
        pieces += estimator.process(frames[start:end], times[start:end])
        state = tmp_path / f"state_{end}.npz"
        np.savez(state, **estimator.state())
    assert_same(unbroken, pieces)


@pytest.mark.slow
def test_both_people_of_the_demo_clip_are_followed(frames_of, estimator_for):
    frames = frames_of("walk_two_people", 200)
    people = estimator_for(frames[0]).process(frames, [n / 30 for n in range(len(frames))])
    seen: dict[int, list[int]] = {}
    for number, frame in enumerate(people):
        for pose in frame:
            seen.setdefault(pose.person, []).append(number)
    print({person: (len(at), at[0], at[-1]) for person, at in seen.items()})
    man, woman = seen[0], seen[1]
    assert woman[0] < 50
    assert woman == list(range(woman[0], woman[0] + len(woman)))
    assert woman[-1] >= 190
    assert man[:165] == list(range(165))
    assert all(len(at) < 5 for person, at in seen.items() if person > 1)
    walked = [
        pose.joints_2d[JOINT["pelvis"], 0]
        for frame in people[60:190]
        for pose in frame
        if pose.person == 1
    ]
    assert walked[0] - walked[-1] > 900  # from the right to the left, without jumps
    assert np.abs(np.diff(walked)).max() < 25


def test_somebody_found_again_keeps_the_number(frames_of, estimator_for):
    frames = frames_of("juggle", 30)
    for number in range(8, 16):
        frames[number] = np.full_like(frames[number], 90)
    people = estimator_for(frames[0]).process(frames, [n / 24 for n in range(30)])
    present = [[pose.person for pose in frame] for frame in people]
    assert present == [[0]] * 8 + [[]] * 8 + [[0]] * 14


@pytest.mark.slow
def test_people_who_cross_keep_their_numbers(frames_of, landmark_network, estimator_for):
    """The woman of one clip, cut out, slides past in front of the man of another."""
    (source,) = frames_of("squats", 1)
    region = np.array([311.0, 600, 1000, 0])
    picture = crop(source, region, 256)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        (segmentation,) = landmark_network(tensor, (SEGMENTATION,))
    size, top = 620, 80  # both are about as tall, so that only their looks tell them apart
    mask = cv2.resize(torch.sigmoid(segmentation)[0, 0].numpy(), (size, size))[..., None]
    woman = crop(source, region, size)
    frames, centres = frames_of("juggle", 60), np.linspace(1150, 130, 60).round().astype(int)
    for frame, centre in zip(frames, centres, strict=True):
        start = centre - size // 2
        inside = slice(max(-start, 0), min(size, 1280 - start))
        target = frame[top : top + size, start + inside.start : start + inside.stop]
        alpha = mask[:, inside]
        target[:] = target * (1 - alpha) + woman[:, inside] * alpha
    people = estimator_for(frames[0]).process(frames, [n / 24 for n in range(len(frames))])
    pelvis = [{pose.person: pose.joints_2d[0, 0] for pose in frame} for frame in people]
    assert set(pelvis[0]) == {0, 1}
    woman_id, man_id = sorted(pelvis[0], key=pelvis[0].__getitem__, reverse=True)
    for number in (0, 10, len(frames) - 1):
        assert set(pelvis[number]) == {0, 1}
        assert abs(pelvis[number][woman_id] - centres[number]) < 100
        assert abs(pelvis[number][man_id] - 700) < 100


def test_nobody_in_noise(estimator_for):
    noise = np.random.default_rng(0).integers(0, 255, (5, 360, 640, 3), np.uint8)
    people = estimator_for(noise[0]).process(list(noise), [n / 25 for n in range(5)])
    assert people == [[]] * 5


def test_regions_of_found_people_contain_them(frames_of, detector, landmark_network):
    (frame,) = frames_of("squats", 1)
    height, width = frame.shape[:2]
    regions = detect(detector, frame, whole_frame(width, height)).regions[:1]
    landmarks = find_landmarks(landmark_network, frame, regions)
    inside = landmarks.points_crop[0, :KEYPOINT_COUNT]
    assert np.all((inside > 0) & (inside < 1))
    np.testing.assert_allclose(to_frame(landmarks.points_crop, regions), landmarks.points)
    (following,) = landmarks.next_regions
    np.testing.assert_allclose(following[:2], regions[0, :2], atol=0.1 * regions[0, 2])
