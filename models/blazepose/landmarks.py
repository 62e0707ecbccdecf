# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From regions of a frame to landmarks: crops, the landmark network, refinement, decoding.

Constants and decoding follow MediaPipe's pose_landmark graphs (0.10.21).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .network import LANDMARK_PYRAMID, REGRESSION_MAP, GraphNetwork
from .regions import crop, regions_from_alignment, to_frame

INPUT_SIZE = 256  # pixels
LANDMARKS, SCORE, HEATMAPS, WORLD = 337, 342, 298, 339  # tensors of pose_landmark_full.tflite
CONTEXT_MAPS = (*LANDMARK_PYRAMID[1:], REGRESSION_MAP)  # the finest is 3 x all the others
REFINE_RADIUS = 3  # cells of the heatmap: a window of 7 x 7
REFINE_CONFIDENCE = 0.5
CENTRE, CIRCLE = 33, 34  # auxiliary landmarks: centre of the body and a point on its circle

KEYPOINT_NAMES: tuple[str, ...] = (
    "nose", "l_eye_inner", "l_eye", "l_eye_outer", "r_eye_inner", "r_eye", "r_eye_outer",
    "l_ear", "r_ear", "mouth_left", "mouth_right",
    "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist", "r_wrist",
    "l_pinky", "r_pinky", "l_index", "r_index", "l_thumb", "r_thumb",
    "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle",
    "l_heel", "r_heel", "l_toe", "r_toe",
)  # fmt: skip
KEYPOINT_COUNT = len(KEYPOINT_NAMES)  # 33; the network's six more are not of the body's surface


@dataclass(frozen=True, eq=False)
class Landmarks:
    """What the network sees in N regions."""

    regions: np.ndarray  # (N, 4) where it looked
    scores: np.ndarray  # (N,) 0..1: there is a person
    points: np.ndarray  # (N, 39, 2) pixels of the frame
    points_crop: np.ndarray  # (N, 39, 2) in the crop, 0..1 from edge to edge
    visibility: np.ndarray  # (N, 33) 0..1: in the frame and not hidden
    presence: np.ndarray  # (N, 33) 0..1: in the frame
    world: np.ndarray  # (N, 33, 3) metres around the mid-hip, axes of the crop
    # of CONTEXT_MAPS: (N, 48, S, S), S = 32, 16, 8, then (N, 288, 4, 4), on the device
    maps: tuple[Tensor, ...]

    @property
    def next_regions(self) -> np.ndarray:
        """(N, 4) where to look in the next frame."""
        return regions_from_alignment(self.points[:, CENTRE], self.points[:, CIRCLE])

    def joined(self, other: "Landmarks") -> "Landmarks":
        """These and behind them those of `other`."""
        arrays = (
            np.concatenate((getattr(self, name), getattr(other, name)))
            for name in ("regions", "scores", "points", "points_crop")
            + ("visibility", "presence", "world")
        )
        levels = zip(self.maps, other.maps, strict=True)
        return Landmarks(*arrays, maps=tuple(torch.cat(level) for level in levels))

    def chosen(self, rows: list[int]) -> "Landmarks":
        """Those of the regions with the numbers `rows`."""
        return Landmarks(
            *(
                getattr(self, name)[rows]
                for name in ("regions", "scores", "points", "points_crop")
                + ("visibility", "presence", "world")
            ),
            maps=tuple(level[rows] for level in self.maps),
        )


def find_landmarks(network: GraphNetwork, frame: np.ndarray, regions: np.ndarray) -> Landmarks:
    """The landmarks in (N, 4) regions, N > 0, of the (H, W, 3) uint8 RGB frame, in one batch."""
    images = np.stack([crop(frame, region, INPUT_SIZE) for region in regions])
    return read_landmarks(network, images, regions)


def read_landmarks(network: GraphNetwork, images: np.ndarray, regions: np.ndarray) -> Landmarks:
    """The landmarks in (N, 256, 256, 3) uint8 RGB crops, made of the (N, 4) regions of any
    frames."""
    device = next(network.buffers()).device
    tensor = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        raw, score, heatmaps, world, *context = network.spread(
            tensor, (LANDMARKS, SCORE, HEATMAPS, WORLD, *CONTEXT_MAPS)
        )
        values = raw.reshape(len(raw), -1, 5)
        points = refine(values[..., :2] / INPUT_SIZE, heatmaps)
        trust = torch.sigmoid(values[:, :KEYPOINT_COUNT, 3:])
    points_crop = points.double().cpu().numpy()
    visibility, presence = trust.cpu().numpy().transpose(2, 0, 1)
    return Landmarks(
        regions=regions,
        scores=score[:, 0].cpu().numpy(),
        points=to_frame(points_crop, regions),
        points_crop=points_crop,
        visibility=visibility,
        presence=presence,
        world=world.reshape(len(world), -1, 3)[:, :KEYPOINT_COUNT].double().cpu().numpy(),
        maps=tuple(context),
    )


def refine(points: Tensor, heatmaps: Tensor) -> Tensor:
    """(N, K, 2) points, 0..1 in the crop, moved to the mean of their (N, K, S, S) heatmap in the
    window around them where that is confident (MediaPipe: RefineLandmarksFromHeatmapCalculator)."""
    size = heatmaps.shape[-1]
    offsets = torch.arange(-REFINE_RADIUS, REFINE_RADIUS + 1, device=points.device)
    cells = (points * size).trunc().long()  # (N, K, 2)
    columns = cells[..., 0, None] + offsets  # (N, K, 7)
    rows = cells[..., 1, None] + offsets
    inside_columns = (columns >= 0) & (columns < size)
    inside_rows = (rows >= 0) & (rows < size)
    flat = rows.clamp(0, size - 1)[..., :, None] * size + columns.clamp(0, size - 1)[..., None, :]
    window = heatmaps.flatten(2).gather(2, flat.flatten(2)).unflatten(2, flat.shape[2:])
    weights = window.sigmoid() * (inside_rows[..., :, None] & inside_columns[..., None, :])
    total = weights.sum((2, 3))
    x = (weights.sum(2) * columns).sum(2) / total.clamp_min(1e-9) / size
    y = (weights.sum(3) * rows).sum(2) / total.clamp_min(1e-9) / size
    inside = ((cells >= 0) & (cells < size)).all(2)
    confident = inside & (weights.amax((2, 3)) >= REFINE_CONFIDENCE)
    return torch.where(confident[..., None], torch.stack((x, y), 2), points)
