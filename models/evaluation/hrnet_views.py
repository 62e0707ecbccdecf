# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HRNet as the detector of a `ViewLifter`: the paper's checkpoints, and lifters trained here."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from capf_blender.core.errors import CaptureError

from ..context_pose_former import ContextAwarePoseFormer
from ..hrnet.backbone import load_hrnet
from ..hrnet.keypoints import DEVIATION, JOINTS_FROM_KEYPOINTS, MEAN, decode
from ..hrnet.released import checkpoint_file, read_released
from .view_lifter import ViewLifter


class HRNetOnCrops(nn.Module):
    """Keypoints in Human3.6M's order, made of COCO's, and maps of uint8 crops."""

    mean: Tensor
    deviation: Tensor
    rules: Tensor

    def __init__(self, detector: nn.Module, map_detector: nn.Module | None = None) -> None:
        """`map_detector`: another detector whose maps the lifter was trained on."""
        super().__init__()
        self.detector, self.map_detector = detector, map_detector
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        rules = torch.from_numpy(JOINTS_FROM_KEYPOINTS).float()
        self.register_buffer("rules", rules, persistent=False)

    def forward(self, crops: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(B, 17, 2) pixels of the crop, and the four maps, of (B, 3, 256, 192) uint8 RGB."""
        images = (crops.float() - self.mean) / self.deviation
        output = self.detector(images)
        points, _scores = decode(output.heatmaps.float())
        maps = output.maps if self.map_detector is None else self.map_detector(images).maps
        return self.rules @ points, maps


def new_lifter(width: int, context: bool = True, drop_path: float = 0.2) -> ContextAwarePoseFormer:
    """The paper's lifter for HRNet's maps, with weights to begin training from."""
    channels = [width << level for level in range(4)]
    return ContextAwarePoseFormer(map_channels=channels, drop_path=drop_path, context=context)


def lifter_facts(width: int, context: bool) -> dict[str, str]:
    """Metadata by which `load_trained` knows the lifter in a weight file."""
    return {"lifter": "ContextAwarePoseFormer", "width": str(width), "context": str(context)}


def load_view_lifter(
    width: int, weights_folder: Path, own_keypoints: bool, lifter_file: Path | None = None
) -> ViewLifter:
    """The paper's model, or with `lifter_file` one trained here, behind HRNet.

    `own_keypoints` says that HRNet is to find 2D joints too, for which the paper's files lack the
    head. Raises CaptureError `weights_missing`, `bad_checkpoint` or `hrnet_not_installed`.
    """
    if lifter_file is not None:
        detector = load_hrnet(width, checkpoint_file(f"hrnet_w{width}_coco", weights_folder))
        return ViewLifter(load_trained(lifter_file, width), HRNetOnCrops(detector))
    networks = read_released(width, weights_folder, needs_heatmaps=own_keypoints)
    return ViewLifter(networks.lifter, HRNetOnCrops(networks.detector, networks.map_detector))


def load_trained(file: Path, width: int) -> ContextAwarePoseFormer:
    """A lifter that `run.py train` has saved. Raises CaptureError `weights_missing` or
    `bad_checkpoint`."""
    if not file.is_file():
        raise CaptureError("weights_missing", f"{file} does not exist.", "Give another --lifter.")
    try:
        with safe_open(file, "pt") as stored:
            facts = stored.metadata() or {}
            if facts.get("width") != str(width):
                raise KeyError(f"its maps are those of HRNet-W{facts.get('width')}")
            lifter = new_lifter(width, facts["context"] == "True")
        lifter.load_state_dict(load_file(file))
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise CaptureError(
            "bad_checkpoint",
            f"{file} holds no lifter for HRNet-W{width} ({str(error).splitlines()[0]}).",
            "Give a best.safetensors of run.py train.",
        ) from error
    return lifter
