# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HRNet through mmpose: keypoint heatmaps and the lifter's four feature maps from one forward.

The only module that imports mmpose (1.3.2), and all that it takes to make it import.
"""

import logging
import sys
import types
import warnings
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from capf_blender.core.errors import CaptureError

WIDTHS = (32, 48)
INPUT_SIZE = (192, 256)  # pixels: width, height
HEATMAP_SIZE = (48, 64)
KEYPOINTS = 17


class HRNetOutput(NamedTuple):
    heatmaps: Tensor  # (B, 17, 64, 48) COCO order
    maps: tuple[Tensor, Tensor, Tensor, Tensor]
    """(B, C, 64, 48), (B, 2C, 32, 24), (B, 4C, 16, 12), (B, 8C, 8, 6); C = 32 or 48."""


class HRNetDetector(nn.Module):
    """mmpose's HRNet (Sun et al., CVPR 2019) with its heatmap head, under mmpose's names."""

    def __init__(self, width: int) -> None:
        """Raises CaptureError `hrnet_not_installed`."""
        super().__init__()
        hrnet, heatmap_head = _mmpose_classes()
        self.width = width
        self.backbone: nn.Module = hrnet(extra=_stages(width))
        self.head: nn.Module = heatmap_head(
            in_channels=width, out_channels=KEYPOINTS, deconv_out_channels=None
        )

    def forward(self, crops: Tensor) -> HRNetOutput:
        """Heatmaps and maps of (B, 3, 256, 192) RGB crops, normalised by `keypoints.normalise`.

        Map 0 is the fused output of stage 4, maps 1 to 3 are the outputs of branches 1 to 3 of its
        FIRST module, before that fuses them: what the paper's released lifters were trained on.
        """
        branches: list[Tensor] = []

        def keep(_branch: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            branches.append(output)

        first_module = self.backbone.get_submodule("stage4.0.branches")
        hooks = [branch.register_forward_hook(keep) for branch in list(first_module.children())[1:]]
        try:
            fused = self.backbone(crops)[0]
        finally:
            for hook in hooks:
                hook.remove()
        return HRNetOutput(self.head((fused,)), (fused, *branches))  # pyright: ignore


def load_hrnet(width: int, weights: Path | None = None) -> HRNetDetector:
    """HRNet-W32 or -W48 in eval mode; `weights` is a safetensors file with `backbone.*` and
    `head.*`, or a lifter's checkpoint, which has no head: then heatmaps are zero. None: random.

    Raises CaptureError `hrnet_not_installed`, or `bad_checkpoint` when the file does not hold this
    network.
    """
    if width not in WIDTHS:
        raise ValueError(f"HRNet of width {width}; known are {WIDTHS}")
    if weights is None:
        return HRNetDetector(width).eval()
    with torch.device("meta"):  # without the time that random weights take
        detector = HRNetDetector(width).eval()
    try:
        stored = {
            name: value
            for name, value in load_file(weights).items()
            if name.startswith(("backbone.", "head."))
        }
        if not any(name.startswith("head.") for name in stored):
            for name, value in detector.head.state_dict().items():
                stored[f"head.{name}"] = torch.zeros(value.shape)
        detector.load_state_dict(stored, assign=True)
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise CaptureError(
            "bad_checkpoint",
            f"{weights} does not hold an HRNet-W{width} ({reason}).",
            "Download or import it again.",
        ) from error
    return detector


def _stages(width: int) -> dict[str, dict]:
    """Architecture of the top-down COCO models (mmpose: td-hm_hrnet-w32_8xb64-210e_coco)."""

    def stage(modules: int, branches: int) -> dict:
        return {
            "num_modules": modules,
            "num_branches": branches,
            "block": "BASIC",
            "num_blocks": (4,) * branches,
            "num_channels": tuple(width << branch for branch in range(branches)),
        }

    first = {
        "num_modules": 1,
        "num_branches": 1,
        "block": "BOTTLENECK",
        "num_blocks": (4,),
        "num_channels": (64,),
    }
    return {"stage1": first, "stage2": stage(1, 2), "stage3": stage(4, 3), "stage4": stage(3, 4)}


# --- making mmpose import -----------------------------------------------------------------------

_UNUSED = {  # module: names that mmpose 1.3.2 takes from it, unguarded, and HRNet never uses
    "mmpose.visualization.simcc_vis": ("SimCCVisualizer",),  # needs torchvision
    "mmpose.models.heads.hybrid_heads.rtmo_head": ("RTMOHead",),  # needs mmdet
    "mmpose.models.heads.transformer_heads": ("EDPoseHead",),  # needs compiled mmcv ops
    "xtcocotools": (),  # no wheels past Python 3.11
    "xtcocotools.coco": ("COCO",),
    "xtcocotools.cocoeval": ("COCOeval",),
    "xtcocotools.mask": (),
}


def import_mmpose() -> None:
    """Makes `mmpose.models` importable and imports it, which takes seconds the first time.

    Raises CaptureError `hrnet_not_installed`.
    """
    for name, contents in _UNUSED.items():
        if name not in sys.modules:
            stand_in = types.ModuleType(name)
            stand_in.__dict__.update({each: type(each, (), {}) for each in contents})
            stand_in.__dict__["__path__"] = []
            sys.modules[name] = stand_in
    for name, module in list(sys.modules.items()):
        parent, _, child = name.rpartition(".")
        if name in _UNUSED and parent in _UNUSED:
            setattr(sys.modules[parent], child, module)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mmpose.models  # noqa: F401 # pyright: ignore
    except (ImportError, AssertionError) as error:  # mmpose asserts its neighbours' versions
        for name in _UNUSED:
            sys.modules.pop(name, None)
        logging.getLogger(__name__).info("mmpose: %s", error)
        raise CaptureError(
            "hrnet_not_installed",
            f"The HRNet models need mmpose, which this worker cannot load ({error}).",
            "Run Set Up in the add-on's preferences again, or choose the model BlazePose.",
        ) from error


def _mmpose_classes() -> tuple[type[nn.Module], type[nn.Module]]:
    import_mmpose()
    from mmpose.models.backbones import HRNet  # pyright: ignore
    from mmpose.models.heads import HeatmapHead  # pyright: ignore

    return HRNet, HeatmapHead
