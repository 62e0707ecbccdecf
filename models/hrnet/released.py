# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paper's released networks out of the worker's models folder, ready for inference."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from capf_blender.core.errors import CaptureError
from capf_blender.core.model_cards import CHECKPOINTS

from ..checkpoint_import import LIFTER_PREFIX
from ..context_pose_former import ContextAwarePoseFormer
from ..fast import optimise_for_inference
from .backbone import HRNetDetector, load_hrnet

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Released:
    """One detector gives keypoints and maps, unless the lifter was trained on another's maps."""

    detector: nn.Module  # forwards as HRNetDetector's
    map_detector: nn.Module | None  # only its maps: the checkpoint has no heatmap head
    lifter: nn.Module  # forwards as ContextAwarePoseFormer's

    def detect(self, crops: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Heatmaps and the lifter's maps of (B, 3, 256, 192) crops, as `HRNetDetector`'s."""
        output = self.detector(crops)
        if self.map_detector is None:
            return output.heatmaps, output.maps
        return output.heatmaps, self.map_detector(crops).maps


def load_released(width: int, models_folder: Path, device: str | torch.device) -> Released:
    """`read_released`, in the form for inference on `device`."""
    networks = read_released(width, models_folder)
    place = torch.device(device)
    return Released(
        optimise_for_inference(networks.detector, place),
        networks.map_detector and optimise_for_inference(networks.map_detector, place),
        optimise_for_inference(networks.lifter, place),
    )


def read_released(width: int, models_folder: Path, needs_heatmaps: bool = True) -> Released:
    """The detector `hrnet_wN_coco` and the lifter `capf_hrnet_wN`.

    A lifter reads only the maps that it was trained on, and a head only fits its own backbone. The
    released lifters' backbone is the original HRNet: with that file imported as the detector one
    forward does both; behind OpenMMLab's retrained one the lifter gets a backbone of its own.
    Without `needs_heatmaps` the lifter's file is enough, and the heatmaps mean nothing.
    Raises CaptureError `weights_missing`, `bad_checkpoint` or `hrnet_not_installed`.
    """
    lifter_file = checkpoint_file(f"capf_hrnet_w{width}", models_folder)
    try:
        tensors = load_file(lifter_file)
    except SafetensorError as error:
        raise CaptureError(
            "bad_checkpoint", f"{lifter_file} is damaged ({error}).", "Import it again."
        ) from error
    map_detector = None
    if needs_heatmaps:
        detector = load_hrnet(width, checkpoint_file(f"hrnet_w{width}_coco", models_folder))
        if not _is_backbone_of(detector, tensors):
            logger.info("%s has a backbone of its own: two forwards a crop", lifter_file.name)
            map_detector = load_hrnet(width, lifter_file)
    else:
        detector = load_hrnet(width, lifter_file)
    lifter = ContextAwarePoseFormer(map_channels=[width << level for level in range(4)])
    try:
        lifter.load_state_dict({
            name.removeprefix(LIFTER_PREFIX): value
            for name, value in tensors.items()
            if name.startswith(LIFTER_PREFIX)
        })  # fmt: skip
    except RuntimeError as error:
        raise CaptureError(
            "bad_checkpoint", f"{lifter_file} holds another lifter.", "Import it again."
        ) from error
    return Released(detector, map_detector, lifter)


def checkpoint_file(name: str, models_folder: Path) -> Path:
    """The converted checkpoint. Raises CaptureError `weights_missing`."""
    checkpoint = CHECKPOINTS[name]
    path = Path(models_folder) / checkpoint.file
    if not path.is_file():
        raise CaptureError(
            "weights_missing",
            f"{checkpoint.label} is not there ({path}).",
            f"Fetch {checkpoint.published} from {checkpoint.publisher} and import it.",
        )
    return path


def _is_backbone_of(detector: HRNetDetector, tensors: dict[str, Tensor]) -> bool:
    """Whether the detector's backbone is the one in `tensors`, number by number."""
    return all(
        (other := tensors.get(f"backbone.{name}")) is not None and torch.equal(value, other)
        for name, value in detector.backbone.state_dict().items()
        if not name.endswith("num_batches_tracked")
    )
