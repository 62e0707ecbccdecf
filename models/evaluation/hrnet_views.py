# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HRNet as the detector behind a `ViewLifter`, and the paper's models."""


import torch
from torch import Tensor, nn

from ..hrnet.backbone import HRNetDetector
from ..hrnet.keypoints import DEVIATION, JOINTS_FROM_KEYPOINTS, MEAN, decode


class HRNetOnCrops(nn.Module):
    """Keypoints in Human3.6M's order, by COCO's, and maps of uint8 crops."""

    def __init__(self, detector: HRNetDetector) -> None:
        super().__init__()
        self.detector = detector
        constants = {"mean": MEAN, "deviation": DEVIATION}
        for name, values in constants.items():
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        rules = torch.from_numpy(JOINTS_FROM_KEYPOINTS).float()
        self.register_buffer("rules", rules, persistent=False)

    def forward(self, crops: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """As `view_lifter.Detector`."""
        output = self.detector((crops.float() - self.mean) / self.deviation)
        points, _scores = decode(output.heatmaps.float())
        return self.rules @ points, output.maps
