# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The baseline lifter: BlazePose's own world landmarks, mapped to the project's skeleton."""

import numpy as np
import torch
from torch import Tensor

from capf_blender.core.skeleton import JOINT, JOINT_NAMES

from ..interface import Camera, Detections, LiftedPose
from .landmarks import KEYPOINT_COUNT, KEYPOINT_NAMES


def _joint_rules() -> dict[str, dict[str, float]]:
    """Weights of the keypoints in each joint; they add up to 1, so that the same rule holds in the
    image and in space.

    The neck lies three quarters of the way from the shoulders to the ears and a little forward,
    where Human3.6M has it. The top of the skull lies above the ears by 1.8 times the height of the
    face between mouth and eyes, and a fifth of the neck's length (fitted on a clip with a marker on
    the head).
    """
    direct = {name: {name: 1.0} for name in JOINT_NAMES if name in KEYPOINT_NAMES}
    hips = {"l_hip": 0.5, "r_hip": 0.5}
    shoulders = {"l_shoulder": 0.5, "r_shoulder": 0.5}
    ears = {"l_ear": 0.5, "r_ear": 0.5}
    mouth = {"mouth_left": 0.5, "mouth_right": 0.5}
    eyes = {"l_eye": 0.5, "r_eye": 0.5}
    return direct | {
        "pelvis": hips,
        "thorax": shoulders,
        "spine": _blend((0.5, hips), (0.5, shoulders)),
        "neck": _blend((0.25, shoulders), (0.6, ears), (0.15, mouth)),
        "head_top": _blend((1.2, ears), (-0.2, shoulders), (1.8, eyes), (-1.8, mouth)),
    }


def _blend(*parts: tuple[float, dict[str, float]]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for share, rule in parts:
        for name, weight in rule.items():
            weights[name] = weights.get(name, 0.0) + share * weight
    return weights


def _joint_matrix() -> np.ndarray:
    matrix = np.zeros((len(JOINT_NAMES), KEYPOINT_COUNT))
    for joint, rule in _joint_rules().items():
        for name, weight in rule.items():
            matrix[JOINT[joint], KEYPOINT_NAMES.index(name)] = weight
    return matrix


JOINTS_FROM_KEYPOINTS = _joint_matrix()
"""(28, 33) weights: skeleton joints from BlazePose's keypoints, in 2D and in 3D."""


class WorldLandmarkLifter:
    """Turns BlazePose's world landmarks into camera axes and maps them to the skeleton."""

    name = "blazepose_world"

    def __call__(self, detections: Detections, camera: Camera) -> LiftedPose:
        """28 joints; the confidence is the visibility of the keypoints that make a joint."""
        if detections.world is None:
            raise ValueError("the detections carry no world landmarks")
        world = detections.world
        rules = torch.as_tensor(JOINTS_FROM_KEYPOINTS, dtype=world.dtype, device=world.device)
        turn = camera_from_crop(detections.region.to(world), camera)
        joints = torch.einsum("nab,jk,nkb->nja", turn, rules, world)
        shares = rules.abs() / rules.abs().sum(1, keepdim=True)
        return LiftedPose(
            joints=joints - joints[:, JOINT["pelvis"], None],
            joints_2d=rules.to(detections.keypoints) @ detections.keypoints,
            confidence=detections.confidence @ shares.to(detections.confidence).T,
        )


def camera_from_crop(region: Tensor, camera: Camera) -> Tensor:
    """(N, 3, 3) rotations from the axes of a camera that looks at the middle of a crop, with the
    crop's roll, to the axes of the real camera.

    The network has seen only the crop: what it calls depth runs along the ray through the crop's
    centre. The ray's rotation is the smallest one that takes the optical axis to it.
    """
    middle = region.new_tensor([camera.width / 2, camera.height / 2])
    ray = torch.nn.functional.pad((region[:, :2] - middle) / camera.focal_px, (0, 1), value=1.0)
    x, y, z = torch.nn.functional.normalize(ray, dim=1).unbind(1)
    shrink = 1 / (1 + z)  # Rodrigues' formula for the axis (-y, x, 0), z = cosine of the angle
    look = torch.stack(
        (
            torch.stack((1 - x * x * shrink, -x * y * shrink, x), 1),
            torch.stack((-x * y * shrink, 1 - y * y * shrink, y), 1),
            torch.stack((-x, -y, z), 1),
        ),
        dim=1,
    )
    cos, sin, zero = region[:, 3].cos(), region[:, 3].sin(), torch.zeros_like(x)
    roll = torch.stack(
        (
            torch.stack((cos, -sin, zero), 1),
            torch.stack((sin, cos, zero), 1),
            torch.stack((zero, zero, zero + 1), 1),
        ),
        dim=1,
    )
    return look @ roll
