# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lifters on stored inputs of synthetic people, whose truth is known."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from capf_blender.core.skeleton import JOINT

from .. import metrics
from ..blazepose.context_lifter import ContextLifter
from ..blazepose.landmarks import INPUT_SIZE
from ..interface import Camera, Detections, Lifter
from ..training.blazepose_features import Features
from .reference import LIMB_ROWS, from_mid_hip

BATCH = 256
FOCAL_PX = 1000.0  # of the camera that looks straight at every crop; any would do
METRICS = ("MPJPE, mm", "P-MPJPE, mm", "2D, px of 256")


@dataclass(frozen=True, eq=False)
class Lifted:
    """What a lifter makes of N samples; errors of all joints and of the limbs."""

    errors_mm: np.ndarray  # (N, 28) distances relative to the pelvis
    confidence: np.ndarray  # (N, 28)
    by_sample: dict[str, np.ndarray]  # (N,) by METRICS, over the limbs; 2D NaN without any in crop


def lift(lifter: Lifter, features: Features, device: str) -> Lifted:
    """The lifter through its slot, on all samples."""
    context = isinstance(lifter, ContextLifter) and lifter.network.architecture.context
    parts = []
    for start in range(0, len(features), BATCH):
        rows = np.arange(start, min(start + BATCH, len(features)))
        detections = detections_of(features, rows, device, context)
        with torch.inference_mode():
            pose = lifter(detections, Camera(0, 0, FOCAL_PX))
        places = pose.joints_2d / (detections.region[:, None, 2:3] / 2)
        parts.append([v.double().cpu() for v in (pose.joints, places, pose.confidence)])
    joints, places, confidence = (torch.cat(column) for column in zip(*parts, strict=True))
    return scored(joints, places, confidence.numpy(), features)


def detections_of(features: Features, rows: np.ndarray, device: str, context: bool) -> Detections:
    """Stored inputs as an estimator hands them over, seen by a camera at the origin of the pixels
    that looks at the middle of every crop: camera axes are then the crop's. Without `context` no
    maps are read."""
    side = 2 * FOCAL_PX * torch.from_numpy(features.half_angle[rows]).to(device).float()
    region = torch.stack((torch.zeros_like(side), side * 0, side, side * 0), 1)
    crop = torch.from_numpy(features.keypoints_crop[rows]).to(device)
    return Detections(
        keypoints=crop * side[:, None, None] / 2,
        confidence=torch.from_numpy(features.visibility[rows]).to(device),
        keypoints_crop=crop,
        maps=[level.to(device) for level in features.maps(rows)] if context else [],
        region=region,
        world=torch.from_numpy(features.world[rows]).to(device),
        presence=torch.from_numpy(features.presence[rows]).to(device),
    )


def scored(joints: Tensor, places: Tensor, confidence: np.ndarray, features: Features) -> Lifted:
    """Errors of (N, 28, 3) joints in metres and their (N, 28, 2) places, -1..1 in the crop."""
    truth = torch.from_numpy(features.truth_joints).double()
    limbs, true_limbs = (
        torch.from_numpy(from_mid_hip(pose[:, LIMB_ROWS].numpy())) for pose in (joints, truth)
    )
    true_places = torch.from_numpy(features.truth_2d).double()
    errors_px = INPUT_SIZE / 2 * metrics.joint_errors(places, true_places).numpy()
    inside = in_crop(features)[:, LIMB_ROWS]
    count = inside.sum(1)
    means = (errors_px[:, LIMB_ROWS] * inside).sum(1) / np.maximum(count, 1)
    values = (
        1000 * metrics.mpjpe(limbs, true_limbs).numpy(),
        1000 * metrics.p_mpjpe(limbs, true_limbs).numpy(),
        np.where(count > 0, means, np.nan),
    )
    pelvis = JOINT["pelvis"]
    errors = metrics.joint_errors(
        metrics.root_relative(joints, pelvis), metrics.root_relative(truth, pelvis)
    )
    by_sample: dict[str, np.ndarray] = dict(zip(METRICS, values, strict=True))
    return Lifted(1000 * errors.numpy(), confidence, by_sample)


def in_crop(features: Features) -> np.ndarray:
    """(N, 28) whether the true joint lies in the crop."""
    return np.asarray((np.abs(features.truth_2d) <= 1).all(-1))


def groups(features: Features) -> dict[str, np.ndarray]:
    """(N,) bool by name: everybody, and the third that is hardest in each of three ways.

    - hidden by the own body: share of the joints.
    - posture: how far the trunk leans from upright, plus how far hips and knees are bent; in
      radians, the bends as means over both sides and over both joints.
    - cut off: share of the joints outside the frame or the crop.
    """
    outside = ~(features.in_frame & in_crop(features))
    return {
        "all": np.ones(len(features), bool),
        "self-occluded third": hardest_third((~features.self_visible).mean(1)),
        "lying, crouching third": hardest_third(_posture(features)),
        "cut off": hardest_third(outside.mean(1)),
    }


def hardest_third(hardness: np.ndarray) -> np.ndarray:
    """(N,) bool of the third with the highest values (N,); fewer where most have the lowest one."""
    return (hardness >= np.quantile(hardness, 2 / 3)) & (hardness > hardness.min())


def _posture(features: Features) -> np.ndarray:
    """(N,) radians, 0 for somebody who stands upright."""
    joints = features.truth_joints.astype(float)

    def along(start: str, end: str) -> np.ndarray:
        return joints[:, JOINT[end]] - joints[:, JOINT[start]]

    trunk = along("pelvis", "thorax")
    bends = [
        _angle(*bones)
        for side in "lr"
        for bones in (
            (-trunk, along(f"{side}_hip", f"{side}_knee")),
            (along(f"{side}_hip", f"{side}_knee"), along(f"{side}_knee", f"{side}_ankle")),
        )
    ]
    return _angle(trunk, features.truth_up.astype(float)) + np.mean(bends, axis=0)


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N,) radians between vectors (N, 3)."""
    cross = np.linalg.norm(np.cross(a, b), axis=1)
    return np.arctan2(cross, (a * b).sum(1))
