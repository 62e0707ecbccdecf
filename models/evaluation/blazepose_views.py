# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BlazePose and a lifter behind it on the persons of a data set."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..blazepose.landmarks import KEYPOINT_COUNT, Landmarks, find_landmarks
from ..blazepose.network import GraphNetwork
from ..blazepose.weights import LANDMARKS_FILE, load_network
from ..datasets.samples import BOX_SIDE, JOINTS, PoseSamples, read_frame
from ..interface import Camera, Detections, Lifter

WIDE_SIDE = 3.0  # metres that a view shows: what BlazePose looks at may leave the 2 m box
WIDE_PIXELS = 640
FIRST_SIDE = 2.4  # metres: about BlazePose's region of a standing adult
# each further one where the last one says the person is, as in a video; on balance_cam01 MPJPE is
# 131 mm with two, 110 with three, 102 with five, about that of whole clips
LOOKS = 5
USUAL_FOCAL = 1.15  # widths of the frame, where labels name no camera: Human3.6M's


class WideViews(Dataset[dict[str, Tensor]]):
    """The persons of `samples` with what is around them, all in one size."""

    def __init__(self, samples: PoseSamples) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        """`wide` (640, 640, 3) uint8 RGB; `box` (3,) and `size` (2,), `focal` in pixels, `row`."""
        samples = self.samples
        frame = read_frame(samples.folder / str(samples.images[row]))
        scale = _scale(samples.boxes[row])
        shift = WIDE_PIXELS / 2 - scale * samples.boxes[row, :2].astype(float)
        wide_from_frame = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        height, width = frame.shape[:2]
        focal = samples.focal[row]
        return {
            "wide": torch.from_numpy(cv2.warpAffine(frame, wide_from_frame, (WIDE_PIXELS,) * 2)),
            "box": torch.from_numpy(samples.boxes[row]),
            "size": torch.tensor([width, height]),
            "focal": torch.tensor(USUAL_FOCAL * width if np.isnan(focal) else float(focal)),
            "row": torch.tensor(row),
        }


class BlazePoseOnViews:
    """Batches of `WideViews` to 3D poses."""

    def __init__(self, weights_folder: Path, device: str, lifter: Lifter) -> None:
        """Raises what `load_network` raises."""
        self._network = GraphNetwork(load_network(weights_folder, LANDMARKS_FILE)).to(device)
        self._lifter = lifter

    def __call__(self, view: dict[str, Tensor]) -> Tensor:
        """(B, 17, 3) metres, camera axes, relative to the pelvis."""
        return torch.cat([self._one(view, n) for n in range(len(view["wide"]))])

    def _one(self, view: dict[str, Tensor], n: int) -> Tensor:
        wide, box = view["wide"][n].cpu().numpy(), view["box"][n].double().cpu().numpy()
        side = WIDE_PIXELS * FIRST_SIDE / WIDE_SIDE
        region = np.array([[WIDE_PIXELS / 2, WIDE_PIXELS / 2, side, 0.0]])
        landmarks = find_landmarks(self._network, wide, region)
        for _again in range(1, LOOKS):
            landmarks = find_landmarks(self._network, wide, landmarks.next_regions)
        width, height = (int(length) for length in view["size"][n])
        camera = Camera(width, height, float(view["focal"][n]))
        return self._lifter(_in_frame(landmarks, box), camera).joints[:, :JOINTS]


def _in_frame(landmarks: Landmarks, box: np.ndarray) -> Detections:
    """What was found in a wide view, in pixels of the whole frame."""
    scale = _scale(box)
    middle = np.array([WIDE_PIXELS / 2] * 2)
    regions = landmarks.regions / [scale, scale, scale, 1]
    regions[:, :2] += box[:2] - middle / scale
    points = (landmarks.points[:, :KEYPOINT_COUNT] - middle) / scale + box[:2]
    return Detections(
        keypoints=torch.from_numpy(points),
        confidence=torch.from_numpy(landmarks.visibility),
        keypoints_crop=torch.from_numpy(2 * landmarks.points_crop[:, :KEYPOINT_COUNT] - 1),
        maps=landmarks.maps,
        region=torch.from_numpy(regions),
        world=torch.from_numpy(landmarks.world),
        presence=torch.from_numpy(landmarks.presence),
    )


def _scale(box: np.ndarray) -> float:
    """Pixels of the wide view per pixel of the frame."""
    return WIDE_PIXELS / (float(box[2]) * WIDE_SIDE / BOX_SIDE)
