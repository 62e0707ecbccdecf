# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From boxes to crops, from heatmaps to keypoints, from COCO's keypoints to Human3.6M's joints.

Crops and decoding are mmpose's (1.3.2: TopdownAffine, MSRAHeatmap), batched and on the heatmaps'
device. Pixels are counted as mmpose does: the CENTRE of the first pixel is (0, 0). A box is
(centre x, centre y, width, height) with the crop's aspect of 3 to 4.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from capf_blender.core.skeleton import JOINT

from .backbone import HEATMAP_SIZE, INPUT_SIZE

PADDING = 1.25  # of a detector's box, as mmpose trains and tests
MEAN = (123.675, 116.28, 103.53)  # of ImageNet, RGB 0..255
DEVIATION = (58.395, 57.12, 57.375)

KEYPOINT_NAMES: tuple[str, ...] = (
    "nose", "l_eye", "r_eye", "l_ear", "r_ear", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow",
    "l_wrist", "r_wrist", "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle",
)  # fmt: skip
"""COCO's order."""

MIRROR = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
"""Index of each keypoint's counterpart on the other side."""


def boxes_around(bounds: np.ndarray, padding: float = PADDING) -> np.ndarray:
    """(N, 4) boxes around (N, 4) bounds (left, top, right, bottom), enlarged by `padding` and then
    in the one direction that is too small for the aspect."""
    size = (bounds[:, 2:] - bounds[:, :2]) * padding
    aspect = INPUT_SIZE[0] / INPUT_SIZE[1]
    width = np.maximum(size[:, 0], size[:, 1] * aspect)
    return np.column_stack((0.5 * (bounds[:, :2] + bounds[:, 2:]), width, width / aspect))


def crop(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(256, 192, 3) uint8: the box (4,) of the (H, W, 3) frame, bilinear, black outside of it."""
    centre, half = np.asarray(box[:2], float), 0.5 * float(box[2])
    middle, half_crop = np.array(INPUT_SIZE) / 2, INPUT_SIZE[0] / 2
    corners = np.array([(0, 0), (-1, 0), (-1, 1)])
    crop_from_frame = cv2.getAffineTransform(
        (centre + half * corners).astype(np.float32),
        (middle + half_crop * corners).astype(np.float32),
    )
    return cv2.warpAffine(frame, crop_from_frame, INPUT_SIZE, flags=cv2.INTER_LINEAR)


def normalise(crops: np.ndarray, device: torch.device | str) -> Tensor:
    """(B, 3, 256, 192) float32 on the device from (B, 256, 192, 3) uint8 RGB crops."""
    images = torch.from_numpy(crops).to(device).permute(0, 3, 1, 2).float()
    mean = torch.tensor(MEAN, device=device).view(3, 1, 1)
    deviation = torch.tensor(DEVIATION, device=device).view(3, 1, 1)
    return (images - mean) / deviation


def mean_with_flipped(heatmaps: Tensor, flipped: Tensor) -> Tensor:
    """Mean of (B, 17, 64, 48) heatmaps and those of the same crops flipped, which are flipped back
    and, as the flip misses its counterpart by one cell, moved right by one."""
    back = flipped.flip(-1)[:, MIRROR]
    back = torch.cat((back[..., :1], back[..., :-1]), dim=-1)
    return 0.5 * (heatmaps + back)


def decode(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """(B, K, 2) keypoints in pixels of the crop and (B, K) scores from (B, K, 64, 48) heatmaps.

    The cell of the maximum, moved by a quarter of a cell towards the higher neighbour in x and in
    y (Newell et al., ECCV 2016). Without a positive value in a heatmap the cell is (-1, -1).
    """
    width, height = HEATMAP_SIZE
    scores, cells = heatmaps.flatten(2).max(dim=2)  # (B, K)
    x, y = cells % width, cells // width
    # mmpose leaves a rim out, wider on the left and at the top
    right, left, below, above = (
        heatmaps.flatten(2).gather(2, (cells + step).clamp(0, width * height - 1)[..., None])[
            ..., 0
        ]
        for step in (1, -1, width, -width)
    )
    shift_x = torch.where((x > 1) & (x < width - 1) & (y > 0), (right - left).sign(), 0)
    shift_y = torch.where((y > 1) & (y < height - 1) & (x > 0), (below - above).sign(), 0)
    points = torch.stack((x + 0.25 * shift_x, y + 0.25 * shift_y), dim=2)
    points = torch.where(scores[..., None] > 0, points, -1.0)
    return points * (INPUT_SIZE[0] / width), scores


def reference(points: Tensor) -> Tensor:
    """(B, K, 2) the lifter's crop coordinates, -1..1, of (B, K, 2) pixels of the crop."""
    return points / points.new_tensor(INPUT_SIZE).mul(0.5) - 1


def to_frame(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(B, K, 2) pixels of the frame for (B, K, 2) pixels of the crops of (B, 4) boxes."""
    scale = boxes[:, None, 2:3] / INPUT_SIZE[0]
    return (points - np.array(INPUT_SIZE) / 2) * scale + boxes[:, None, :2]


def _joint_rules() -> dict[str, dict[str, float]]:
    """Weights of COCO's keypoints in the joints that COCO lacks, each adding up to 1.

    Pelvis and thorax are the middles of hips and shoulders, the spine is halfway between. The neck
    lies three quarters of the way from the shoulders to the ears and a little forward; the top of
    the head as far beyond the ears as two thirds of the way from the shoulders to the ears.
    Lifters trained on Human3.6M's own joints lose accuracy by these rules.
    """
    hips, shoulders, ears = (
        {f"{side}_{name}": 0.5 for side in "lr"} for name in ("hip", "shoulder", "ear")
    )

    def blend(*parts: tuple[float, dict[str, float]]) -> dict[str, float]:
        names = {name for _, rule in parts for name in rule}
        return {name: sum(share * rule.get(name, 0.0) for share, rule in parts) for name in names}

    return {
        "pelvis": hips,
        "thorax": shoulders,
        "spine": blend((0.5, hips), (0.5, shoulders)),
        "neck": blend((0.25, shoulders), (0.6, ears), (0.15, {"nose": 1.0})),
        "head_top": blend((1.65, ears), (-0.65, shoulders)),
    }


def _joint_matrix() -> np.ndarray:
    matrix = np.zeros((17, len(KEYPOINT_NAMES)))
    rules = _joint_rules()
    for name, row in JOINT.items():
        if row < len(matrix):
            for keypoint, weight in rules.get(name, {name: 1.0}).items():
                matrix[row, KEYPOINT_NAMES.index(keypoint)] = weight
    return matrix


JOINTS_FROM_KEYPOINTS = _joint_matrix()
"""(17, 17) weights: Human3.6M's joints, the skeleton's first 17, from COCO's keypoints."""


def joints_confidence(scores: np.ndarray) -> np.ndarray:
    """(B, 17) 0..1 for joints, from the (B, 17) scores of the keypoints that they are made of."""
    shares = np.abs(JOINTS_FROM_KEYPOINTS)
    return np.clip(scores, 0, 1) @ (shares / shares.sum(axis=1, keepdims=True)).T
