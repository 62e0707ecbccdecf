# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A frozen detector and a lifter as one network on the views of a data set."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..datasets.samples import CROP_WIDTH, coordinates, from_crop, mirror, mirror_joints


class ViewLifter(nn.Module):
    """Views of persons (`PersonViews`, batched) to 3D poses.

    The detector makes of (B, 3, 256, 192) uint8 RGB crops the keypoints (B, 17, 2), pixels of the
    crop in Human3.6M's order, and the feature maps.
    The detector never learns: no gradient, and it stays in eval mode, so that the statistics of its
    normalisation stay what they are. Views that bring `maps` need no detector.
    """

    def __init__(self, lifter: nn.Module, detector: nn.Module | None = None) -> None:
        super().__init__()
        self.lifter, self.detector = lifter, detector
        if detector is not None:
            detector.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "ViewLifter":
        super().train(mode)
        if self.detector is not None:
            self.detector.eval()
        return self

    def forward(self, view: dict[str, Tensor]) -> Tensor:
        """(B, 17, 3) metres, camera axes, relative to the pelvis; of a mirrored view the mirrored
        pose. `keypoints` that are NaN are the detector's own."""
        keypoints, reference = view["keypoints"], view["reference"]
        if self.detector is None:
            return self.lifter(keypoints, reference, view["maps"])
        with torch.no_grad():
            points, maps = self.detector(view["crop"])
            unknown = keypoints.isnan().flatten(1).any(1)[:, None, None]  # (B, 1, 1)
            found, found_reference = _found(points.to(keypoints), view)
        keypoints = torch.where(unknown, found, keypoints)
        reference = torch.where(unknown, found_reference, reference)
        return self.lifter(keypoints, reference, maps)


def _found(points: Tensor, view: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Coordinates of (B, 17, 2) pixels of crops, some of which are mirrored. The detector has named
    the mirrored person's sides by what it saw, so joints keep their names here."""
    mirrored = view["mirrored"][:, None, None]
    columns = CROP_WIDTH - 1 - points[..., :1]
    unmirrored = torch.cat((torch.where(mirrored, columns, points[..., :1]), points[..., 1:]), -1)
    pixels = from_crop(unmirrored, view["box"])
    keypoints, _ = coordinates(pixels, view["box"], view["size"])
    sign = keypoints.new_tensor([-1.0, 1.0])
    keypoints = torch.where(mirrored, keypoints * sign, keypoints)
    _, reference = coordinates(from_crop(points, view["box"]), view["box"], view["size"])
    return keypoints, reference


def flip_test(model: Callable[[dict[str, Tensor]], Tensor], view: dict[str, Tensor]) -> Tensor:
    """The mean of the pose and of the un-mirrored pose of the mirrored view."""
    return (model(view) + mirror_joints(model(mirror(view)))) / 2
