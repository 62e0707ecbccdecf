# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labelled persons as every reader returns them, and their views: crop, coordinates, mirror image.

Human3.6M's 17 joints. Pixels are counted by their centres: the first one of an image is at 0.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import MIRROR

from ..hrnet.backbone import INPUT_SIZE
from ..hrnet.keypoints import crop

JOINTS = 17
CROP_WIDTH, CROP_HEIGHT = INPUT_SIZE  # 192, 256 pixels
BOX_SIDE = 2.0  # metres around the pelvis that the crop's width shows
SWAPPED = MIRROR[:JOINTS]


@dataclass(frozen=True, eq=False)
class PoseSamples:
    """N labelled persons, one column a field."""

    folder: Path  # of the images
    images: np.ndarray  # (N,) names below `folder`
    joints: np.ndarray  # (N, 17, 3) float32 metres, camera axes, relative to the pelvis
    keypoints: np.ndarray  # (N, 17, 2) float32 pixels of the frame, detected; NaN: none are known
    boxes: (
        np.ndarray
    )  # (N, 3) float32 pixels: crop's centre x, y and the width of 2 m at the pelvis
    focal: np.ndarray  # (N,) float32 pixels
    group: np.ndarray  # (N,) index into `group_names`
    group_names: tuple[str, ...]  # actions or sequences, in the order of the papers' tables
    video: np.ndarray  # (N,) one number for all frames of one camera's clip
    frame: np.ndarray  # (N,) number in the clip

    def __len__(self) -> int:
        return len(self.images)

    def chosen(self, rows: np.ndarray | slice) -> "PoseSamples":
        """Those with the given row numbers."""
        kept = {f.name for f in fields(self)} - {"folder", "group_names"}
        return replace(self, **{name: getattr(self, name)[rows] for name in kept})

    def every(self, step: int) -> "PoseSamples":
        """Each `step`-th of the frames of each clip, beginning with its first."""
        order = np.lexsort((self.frame, self.video))
        starts = np.flatnonzero(np.diff(self.video[order], prepend=-1))
        place = np.arange(len(self)) - np.repeat(starts, np.diff(starts, append=len(self)))
        return self.chosen(order[place % step == 0])


def read_frame(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB. Raises CaptureError `missing_file` or `corrupt_image`."""
    hint = "Check that --data (or `folder`) is where the images lie, and that they are complete."
    try:
        data = np.fromfile(path, np.uint8)
    except FileNotFoundError as error:
        raise CaptureError("missing_file", f"The image {path} is missing.", hint) from error
    image = (
        cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION) if len(data) else None
    )
    if image is None:
        raise CaptureError("corrupt_image", f"The image {path} cannot be read.", hint)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def crop_person(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """(256, 192, 3) uint8: the box (3,) of the frame, its centre at (96, 128), its width 192 wide;
    black outside the frame."""
    return crop(frame, np.array([*box, box[2] * CROP_HEIGHT / CROP_WIDTH]))


def coordinates(points: Tensor, box: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """What a lifter is given of (..., J, 2) pixels of the frame: (..., J, 2) frame coordinates,
    x / w from -1 to 1 and y by the same scale, and (..., J, 2) crop coordinates, -1 to 1.

    `box` is (..., 3) as in PoseSamples, `size` (..., 2) the frame's width and height.
    """
    width = size[..., None, :1]
    in_frame = (2 * points - size[..., None, :]) / width  # 2 x / w - 1 and 2 y / w - h / w
    half = torch.tensor([CROP_WIDTH / 2, CROP_HEIGHT / 2], dtype=points.dtype, device=points.device)
    scale = CROP_WIDTH / box[..., None, 2:]
    return in_frame, (points - box[..., None, :2]) * scale / half


def from_crop(points: Tensor, box: Tensor) -> Tensor:
    """(..., J, 2) pixels of the frame of (..., J, 2) pixels of the crop."""
    middle = points.new_tensor([CROP_WIDTH / 2, CROP_HEIGHT / 2])
    return (points - middle) * box[..., None, 2:] / CROP_WIDTH + box[..., None, :2]


def mirror_joints(joints: Tensor) -> Tensor:
    """(..., 17, 2 or 3) coordinates with x = 0 in the middle, of the person seen in a mirror."""
    sign = joints.new_ones(joints.shape[-1])
    sign[0] = -1
    return joints[..., list(SWAPPED), :] * sign


def mirror_reference(reference: Tensor) -> Tensor:
    """(..., 17, 2) crop coordinates after the crop's columns were reversed: pixel x -> 191 - x."""
    offset = reference.new_tensor([(CROP_WIDTH - 1) / (CROP_WIDTH / 2) - 2, 0.0])
    return mirror_joints(reference) + offset


def mirror(view: dict[str, Tensor]) -> dict[str, Tensor]:
    """A view, or a batch of views, of the mirrored world. Known keys are `crop` (..., 3, H, W),
    `keypoints`, `reference`, `joints`; `mirrored` (...) is toggled; others stay."""
    turned = {
        "crop": lambda crop: crop.flip(-1),
        "keypoints": mirror_joints,
        "reference": mirror_reference,
        "joints": mirror_joints,
        "mirrored": torch.logical_not,
    }
    return {key: turned[key](value) if key in turned else value for key, value in view.items()}
