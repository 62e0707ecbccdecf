# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping to the skeleton and the viewing ray."""

import numpy as np
import pytest
import torch

from capf_blender.core.skeleton import JOINT, JOINT_NAMES, MIRROR, mirror_name
from models.blazepose.estimator import BlazePoseEstimator
from models.blazepose.landmarks import KEYPOINT_NAMES
from models.blazepose.world_lifter import (
    JOINTS_FROM_KEYPOINTS,
    WorldLandmarkLifter,
    camera_from_crop,
)
from models.interface import Camera, Detections

CAMERA = Camera(1280, 720, 1000.0)


def mirrored_keypoint(name: str) -> str:
    swap = {"mouth_left": "mouth_right", "mouth_right": "mouth_left"}
    return swap.get(name) or mirror_name(name)


def detections(world: torch.Tensor, region: torch.Tensor) -> Detections:
    empty = torch.zeros(len(world), 33, 2)
    return Detections(empty, empty[..., 0], empty, (), region, world)


def test_rules_move_with_the_points_they_are_made_of():
    np.testing.assert_allclose(JOINTS_FROM_KEYPOINTS.sum(axis=1), 1, atol=1e-12)
    assert np.all(np.abs(JOINTS_FROM_KEYPOINTS).sum(axis=1) > 0)


def test_rules_are_the_same_on_both_sides():
    swapped = [KEYPOINT_NAMES.index(mirrored_keypoint(name)) for name in KEYPOINT_NAMES]
    np.testing.assert_allclose(
        JOINTS_FROM_KEYPOINTS[list(MIRROR)][:, swapped], JOINTS_FROM_KEYPOINTS, atol=1e-12
    )


@pytest.mark.parametrize("centre", [(640, 360), (1200, 100), (0, 719), (-300, 360)])
@pytest.mark.parametrize("roll", [0.0, 1.0, -2.5])
def test_rotation_takes_the_crops_axis_to_its_ray(centre, roll):
    region = torch.tensor([[*centre, 300.0, roll]], dtype=torch.float64)
    (rotation,) = camera_from_crop(region, CAMERA)
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3, dtype=torch.float64))
    assert torch.linalg.det(rotation) > 0
    ray = torch.tensor([centre[0] - 640, centre[1] - 360, 1000.0], dtype=torch.float64)
    torch.testing.assert_close(rotation[:, 2], ray / ray.norm())


def test_crop_in_the_middle_only_rolls():
    region = torch.tensor([[640.0, 360.0, 300.0, torch.pi / 2]])
    (rotation,) = camera_from_crop(region, CAMERA)
    # the crop's up (-y) is the image's right: a person lying with the head to the right
    torch.testing.assert_close(rotation @ torch.tensor([0.0, -1, 0]), torch.tensor([1.0, 0, 0]))


def test_joints_are_relative_to_the_pelvis_and_batched():
    world = torch.randn(4, 33, 3, generator=torch.Generator().manual_seed(0))
    region = torch.tensor([[640.0 + 100 * n, 300.0, 200.0, 0.3 * n] for n in range(4)])
    lifter = WorldLandmarkLifter()
    joints = lifter(detections(world, region), CAMERA).joints
    assert joints.shape == (4, len(JOINT_NAMES), 3)
    torch.testing.assert_close(joints[:, JOINT["pelvis"]], torch.zeros(4, 3))
    for n in range(4):
        alone = lifter(detections(world[n : n + 1], region[n : n + 1]), CAMERA).joints
        torch.testing.assert_close(alone[0], joints[n])
    moved = lifter(detections(world + torch.tensor([1.0, 2, 3]), region), CAMERA).joints
    torch.testing.assert_close(moved, joints, atol=1e-5, rtol=0)


LIMBS = {
    f"{side.lower()}_{part.lower()}": f"{side}{part}"
    for side in "LR"
    for part in ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
}


@pytest.mark.slow
def test_error_on_a_clip_with_a_reference(shared, weights, frames_of):
    with np.load(shared / "footage" / "balance_cam01.npz") as data:
        names, joints, intrinsics = data["names"].tolist(), data["joints"], data["K"]
    frames = frames_of("balance_cam01", len(joints))
    height, width = frames[0].shape[:2]
    camera = Camera(width, height, float(intrinsics[0, 0]))
    estimator = BlazePoseEstimator(weights, "cpu", camera)
    people = estimator.process(frames, [n / 60 for n in range(len(frames))])
    found = np.stack([next(pose.joints for pose in frame if pose.person == 0) for frame in people])
    found = found[:, [JOINT[name] for name in LIMBS]]
    expected = joints[:, [names.index(name) for name in LIMBS.values()]]
    expected = expected - joints[:, [names.index("LHip"), names.index("RHip")]].mean(
        axis=1, keepdims=True
    )
    error = 1000 * np.linalg.norm(found - expected, axis=-1).mean()
    print(f"balance_cam01: MPJPE of 12 limb joints {error:.1f} mm (official pipeline 113.5)")
    assert error < 120
