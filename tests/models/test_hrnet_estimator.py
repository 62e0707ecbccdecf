# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From footage to poses with HRNet and the paper's lifter, whose weights are random here: files in
the published layouts, imported as a user would."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from capf_blender.bridge.messages import CaptureRequest
from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT, JOINT_NAMES
from capf_blender.core.take import load_request, load_take
from capf_blender.worker import pipeline
from models import registry
from models.blazepose.weights import WEIGHT_FILES
from models.checkpoint_import import import_checkpoint
from models.context_pose_former import ContextAwarePoseFormer
from models.golden import fill
from models.hrnet import keypoints, training_view
from models.hrnet.backbone import load_hrnet
from models.hrnet.estimator import HRNetEstimator
from models.hrnet.extremities import with_extremities
from models.hrnet.released import load_released
from models.interface import Camera, PersonPose

COUNT = 12  # frames of the demo clip: more than one batch


@pytest.fixture(scope="module")
def folder(weights: Path, tmp_path_factory) -> Path:
    """A models folder with BlazePose, HRNet-W32 and the paper's lifter behind it."""
    folder = tmp_path_factory.mktemp("models")
    for name in WEIGHT_FILES:
        shutil.copy(weights / name, folder)
    detector, lifter = load_hrnet(32), ContextAwarePoseFormer()
    fill(detector, prefix="")
    fill(lifter, prefix="volume_net.")
    published = folder.with_name("published.bin")
    torch.save({"state_dict": detector.state_dict()}, published)
    import_checkpoint(published, folder)
    tensors = {f"backbone.{k}": v for k, v in detector.backbone.state_dict().items()}
    tensors |= {f"volume_net.{k}": v for k, v in lifter.state_dict().items()}
    torch.save({"model": {f"module.{k}": v for k, v in tensors.items()}, "epoch": 1}, published)
    import_checkpoint(published, folder)
    published.unlink()
    return folder


def estimator(folder: Path, frame: np.ndarray, **options) -> HRNetEstimator:
    height, width = frame.shape[:2]
    return HRNetEstimator("hrnet_w32", folder, "cpu", Camera(width, height, 1.2 * width), **options)


@pytest.fixture(scope="module")
def frames(frames_of) -> list[np.ndarray]:
    return frames_of("walk_two_people", 4)


TIMES = [0.0, 0.04, 0.08, 0.12]


@pytest.fixture(scope="module")
def poses(folder, frames) -> list[list[PersonPose]]:
    return estimator(folder, frames[0]).process(frames, TIMES)


def assert_close(one: list[list[PersonPose]], other: list[list[PersonPose]]) -> None:
    for ours, theirs in zip(one, other, strict=True):
        assert [pose.person for pose in ours] == [pose.person for pose in theirs]
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.keypoints_2d, b.keypoints_2d, atol=1e-2)  # pixels
            np.testing.assert_allclose(a.joints, b.joints, atol=1e-4)  # metres


def test_poses_are_whole(poses):
    assert sum(map(len, poses)) >= 4
    for pose in (pose for group in poses for pose in group):
        assert pose.keypoints_2d.shape == (17, 2)
        assert pose.confidence.shape == (17,)
        assert pose.joints.shape == (28, 3)
        assert pose.joints_2d.shape == (28, 2)
        for values in (pose.bbox, pose.joints, pose.joints_2d, pose.joints_confidence):
            assert np.isfinite(values).all()
        np.testing.assert_array_equal(pose.joints[0], 0)
        assert 0 <= pose.confidence.min() <= pose.confidence.max() <= 1


def test_the_division_into_batches_does_not_matter(folder, frames, poses):
    one_by_one = estimator(folder, frames[0])
    parts = [one_by_one.process([f], [t])[0] for f, t in zip(frames, TIMES, strict=True)]
    assert_close(parts, poses)


def test_resumption(folder, frames, poses):
    first, second = estimator(folder, frames[0]), estimator(folder, frames[0])
    before = first.process(frames[:2], TIMES[:2])
    second.restore(first.state())
    assert_close(before + second.process(frames[2:], TIMES[2:]), poses)


def test_flip_test(folder, frames, poses):
    flipped = estimator(folder, frames[0], flip_test=True).process(frames[:1], TIMES[:1])
    for a, b in zip(flipped[0], poses[0], strict=True):
        assert np.isfinite(a.joints).all()
        assert not np.allclose(a.joints, b.joints, atol=1e-3)


def test_capture_to_a_take(folder, demo_video, tmp_path):
    """The pipeline, broken off after its first batch and continued, against an unbroken run."""

    def run(job: str, end_s: float, is_cancelled=lambda: False) -> None:
        request = CaptureRequest(
            str(demo_video), str(tmp_path / job), start_s=2.0, end_s=end_s, model="hrnet_w32",
            device="cpu",
        )  # fmt: skip
        pipeline.capture(request, folder, lambda _event: None, is_cancelled)

    seconds = 2.0 + COUNT / 30
    answers = iter([False, True])
    with pytest.raises(pipeline.CancelledError):
        run("broken", seconds, lambda: next(answers))
    run("broken", seconds)
    run("whole", seconds)
    take, whole = load_take(tmp_path / "broken"), load_take(tmp_path / "whole")
    assert take.joints.shape == (len(take.time_s), 28, 3)
    assert take.keypoint_names.tolist() == list(keypoints.KEYPOINT_NAMES)
    assert take.present.any()
    np.testing.assert_allclose(take.joints, whole.joints, atol=1e-4)
    model = load_request(tmp_path / "whole")["model"]
    assert model["name"] == "hrnet_w32"
    assert model["commercial_use"] is False
    assert "research" in model["licence"]
    assert {"hrnet_w32_coco.safetensors", "capf_hrnet_w32.safetensors"} < set(model["weights"])


def test_missing_weights_are_named(weights, folder, tmp_path):
    with pytest.raises(CaptureError) as caught:
        registry.model_facts("hrnet_w48", weights)
    assert caught.value.code == "weights_missing"
    for word in ("0e67c616", "run.py download hrnet_w48_coco", "best_epoch_hrnet_48.bin"):
        assert word in caught.value.hint
    assert registry.available(folder) == ["blazepose", "blazepose_world", "hrnet_w32"]
    with pytest.raises(CaptureError):
        registry.model_facts("hrnet_w64", weights)


def test_a_lifter_reads_the_maps_it_was_trained_on(folder, tmp_path):
    """Whatever backbone the keypoints come from."""
    images = torch.randn(1, 3, 256, 192, generator=torch.Generator().manual_seed(0))
    shared = load_released(32, folder, "cpu")
    assert shared.map_detector is None
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    other = load_hrnet(32)
    fill(other, salt=1)
    torch.save({"state_dict": other.state_dict()}, tmp_path / "other.pth")
    (tmp_path / "hrnet_w32_coco.safetensors").unlink()
    import_checkpoint(tmp_path / "other.pth", tmp_path)
    own = load_released(32, tmp_path, "cpu")
    with torch.inference_mode():
        heatmaps, maps = own.detect(images)
        for level, expected in zip(maps, shared.detect(images)[1], strict=True):
            torch.testing.assert_close(level, expected, rtol=1e-3, atol=1e-3)
        wanted = other(images).heatmaps
        assert (heatmaps - wanted).abs().max() < 0.1 * wanted.std()  # bfloat16 on some processors


# --- the training's view of people --------------------------------------------------------------


def body() -> np.ndarray:
    """(28, 3) metres relative to the pelvis, camera axes: somebody standing, arms out, turned."""
    places = {
        "pelvis": (0, 0, 0), "hip": (0.1, 0, 0), "knee": (0.12, 0.45, -0.05),
        "ankle": (0.12, 0.87, 0.03), "spine": (0, -0.25, 0), "thorax": (0, -0.5, 0),
        "neck": (0, -0.62, -0.03), "head_top": (0, -0.85, 0), "shoulder": (0.18, -0.5, 0),
        "elbow": (0.45, -0.45, 0.02), "wrist": (0.68, -0.5, -0.1), "heel": (0.12, 0.93, 0.08),
        "toe": (0.14, 0.94, -0.15), "index": (0.78, -0.5, -0.15), "pinky": (0.76, -0.46, -0.15),
        "nose": (0, -0.66, -0.12), "ear": (0.07, -0.68, 0),
    }  # fmt: skip
    joints = np.array([
        np.array(places[name if name in places else name[2:]])
        * ((-1, 1, 1) if name.startswith("r_") else (1, 1, 1))
        for name in JOINT_NAMES
    ])  # fmt: skip
    cos, sin = np.cos(0.4), np.sin(0.4)
    return joints @ np.array([(cos, 0, sin), (0, 1, 0), (-sin, 0, cos)])


def seen(camera: Camera, pelvis: np.ndarray) -> PersonPose:
    """The body with its pelvis there, as a perfect finder reports it."""
    places = body() + pelvis
    middle = (camera.width / 2, camera.height / 2)
    points = camera.focal_px * places[:, :2] / places[:, 2:] + middle
    bounds = np.concatenate((points.min(0), points.max(0)))
    return PersonPose(0, bounds, points, np.ones(28), body(), points, np.ones(28))


def view(camera: Camera, pelvis: np.ndarray):
    """Distance, crop's box, rotation and the lifter's frame coordinates."""
    pose = seen(camera, pelvis)
    distance = training_view.distances([pose], camera)
    boxes = training_view.crop_boxes([pose], distance, camera)
    turn = training_view.camera_from_virtual(boxes, camera)
    points = pose.joints_2d[None, :17]
    return distance, boxes, turn, training_view.frame_coordinates(points, turn, distance, camera)


def test_footage_like_the_trainings_is_left_alone():
    """1000 x 1000 pixels, focal length 1.15 widths, somebody 5 m away in the middle."""
    camera = Camera(1000, 1000, 1150.0)
    distance, boxes, turn, coordinates = view(camera, np.array([0, 0, 5.0]))
    np.testing.assert_allclose(distance, 5, rtol=1e-6)
    points = seen(camera, np.array([0, 0, 5.0])).joints_2d[:17]
    expected = np.stack((2 * points[:, 0] / 1000 - 1, 2 * points[:, 1] / 1000 - 1), 1)
    np.testing.assert_allclose(coordinates[0], expected, atol=1e-9)
    np.testing.assert_allclose(turn[0], np.eye(3), atol=1e-9)
    # a crop as in training: 2 m of the pelvis' plane are its 192 pixels
    np.testing.assert_allclose(boxes[0, 2:], 1150 / 5 * np.array([2, 8 / 3]), rtol=1e-6)
    np.testing.assert_allclose(boxes[0, :2] + 0.5, points[0], atol=1e-9)


@pytest.mark.parametrize("width, height, focal", [(1920, 1080, 1500), (720, 1280, 1000)])
def test_lens_and_shape_of_the_frame_do_not_matter(width, height, focal):
    pelvis = np.array([0, 0, 4.0])
    _, _, _, expected = view(Camera(1000, 1000, 1150.0), pelvis)
    _, _, _, coordinates = view(Camera(width, height, focal), pelvis)
    np.testing.assert_allclose(coordinates, expected, atol=1e-9)


def test_place_in_the_frame_does_not_matter():
    """The camera turned away by 20 degrees sees the same person; joints turn back to its axes."""
    camera = Camera(1920, 1080, 1000.0)
    angle = np.radians(20)
    away = np.array(
        [(np.cos(angle), 0, np.sin(angle)), (0, 1, 0), (-np.sin(angle), 0, np.cos(angle))]
    )
    pelvis = away @ (0, 0, 4.0)
    _, boxes, turn, _ = view(camera, pelvis)
    np.testing.assert_allclose(turn[0], away, atol=1e-9)
    points = camera.focal_px * pelvis[:2] / pelvis[2] + (960, 540)
    np.testing.assert_allclose(boxes[0, :2] + 0.5, points)
    virtual = training_view.frame_coordinates(points[None, None], turn, np.array([4.0]), camera)
    np.testing.assert_allclose(virtual, 0, atol=1e-9)


def test_people_far_away_look_as_large_as_in_training():
    camera = Camera(1920, 1080, 1500.0)
    sizes = [np.ptp(view(camera, np.array([0, 0, z]))[3][0, :, 1]) for z in (5.0, 7.0, 14.0, 28.0)]
    assert sizes[0] > sizes[1]
    np.testing.assert_allclose(sizes[2:], sizes[1], rtol=0.03)


def test_somebody_whose_distance_nothing_tells():
    camera = Camera(1000, 1000, 1000.0)
    pose = seen(camera, np.array([0, 0, 4.0]))
    arrays = (pose.keypoints_2d, pose.confidence, pose.joints, pose.joints_2d)
    nothing = [np.zeros_like(values) for values in (*arrays, pose.joints_confidence)]
    nowhere = PersonPose(0, pose.bbox, *nothing)
    assert 3 < training_view.distances([nowhere], camera)[0] < 5


# --- what the lifter lacks ----------------------------------------------------------------------


def test_extremities_of_the_same_pose_are_its_own():
    same = body()[None]
    np.testing.assert_allclose(with_extremities(same[:, :17], same), same, atol=1e-9)
    np.testing.assert_allclose(with_extremities(1.2 * same[:, :17], same), 1.2 * same, atol=1e-9)


def test_extremities_follow_their_limb():
    """A forearm bent at the elbow takes its hand with it, rigidly, and nothing else."""
    original = body()[None]
    lifted = original[:, :17].copy()
    elbow, wrist = JOINT["l_elbow"], JOINT["l_wrist"]
    forearm = lifted[0, wrist] - lifted[0, elbow]
    axis = np.cross(forearm, (0, 1, 0))
    axis /= np.linalg.norm(axis)
    cross = np.array([(0, -axis[2], axis[1]), (axis[2], 0, -axis[0]), (-axis[1], axis[0], 0)])
    bend = np.eye(3) + np.sin(1.0) * cross + (1 - np.cos(1.0)) * cross @ cross
    lifted[0, wrist] = lifted[0, elbow] + bend @ forearm
    result = with_extremities(lifted, original)
    hand = [JOINT["l_index"], JOINT["l_pinky"]]
    expected = lifted[0, wrist] + (original[0, hand] - original[0, wrist]) @ bend.T
    np.testing.assert_allclose(result[0, hand], expected, atol=1e-9)
    rest = [n for n in range(17, 28) if n not in hand]
    np.testing.assert_allclose(result[0, rest], original[0, rest], atol=1e-9)


def test_extremities_are_always_numbers():
    original = body()[None]
    for lifted in (np.zeros((1, 17, 3)), -original[:, :17], 1e6 * original[:, :17]):
        assert np.isfinite(with_extremities(lifted, original)).all()
    assert np.isfinite(with_extremities(original[:, :17], np.zeros((1, 28, 3)))).all()
