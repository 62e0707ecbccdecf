# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The slots that every pose model fills: an estimator for the pipeline, a lifter inside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """Pinhole camera with its principal point in the middle of the upright frame."""

    width: int  # pixels
    height: int  # pixels
    focal_px: float


@dataclass(frozen=True)
class Detections:
    """What a frozen 2D detector gives a lifter: N persons of any frames in one batch."""

    keypoints: Tensor  # (N, K, 2) pixels of the upright frame
    confidence: Tensor  # (N, K) 0..1: the detector's own, BlazePose's visibility
    keypoints_crop: Tensor  # (N, K, 2) in the crop, -1..1 from edge to edge, x right, y down
    maps: Sequence[Tensor]  # (N, C_l, H_l, W_l) feature maps of the crop, finest first
    # (BlazePose: 48 x 64 x 64, 48 x 32 x 32, 48 x 16 x 16, 48 x 8 x 8, 288 x 4 x 4)
    region: Tensor  # (N, 4) the crop: centre x, centre y, side in pixels; rotation in radians
    world: Tensor | None = None  # (N, K, 3) metres, the detector's own 3D, axes of the crop's frame
    presence: Tensor | None = None  # (N, K) 0..1: in the crop, be it hidden or not


@dataclass(frozen=True)
class LiftedPose:
    """N people as a lifter sees them; joints in skeleton order."""

    joints: Tensor  # (N, J, 3) metres, camera axes, relative to the pelvis
    joints_2d: Tensor  # (N, J, 2) pixels of the upright frame
    # (N, J) 0..1: probability that a joint is within 100 mm of its place, relative to the pelvis;
    # of a lifter that does not know, how well the detector saw it
    confidence: Tensor


class Lifter(Protocol):
    """Keypoints, feature maps and crop in, joints out; no state, no influence between persons."""

    name: str

    def __call__(self, detections: Detections, camera: Camera) -> LiftedPose: ...


@dataclass(frozen=True, eq=False)
class PersonPose:
    """One person in one frame; NaN is not allowed here, a person not found is left out."""

    person: int  # stable id, 0, 1, ... in order of appearance
    bbox: np.ndarray  # (4,) pixels: left, top, right, bottom
    keypoints_2d: np.ndarray  # (K, 2) pixels
    confidence: np.ndarray  # (K,) 0..1
    joints: np.ndarray  # (J, 3) metres, camera axes, relative to the pelvis
    joints_2d: np.ndarray  # (J, 2) pixels
    joints_confidence: np.ndarray  # (J,) 0..1


class PoseEstimator(Protocol):
    """Finds, follows and lifts people through one clip; remembers who is who between calls."""

    name: str
    keypoint_names: tuple[str, ...]

    def process(
        self, frames: Sequence[np.ndarray], times_s: Sequence[float]
    ) -> list[list[PersonPose]]:
        """The people in each (H, W, 3) uint8 RGB frame; frames go on where the last call ended."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """What a later `restore` needs to go on exactly as if there had been no break."""
        ...

    def restore(self, state: dict[str, np.ndarray]) -> None: ...
