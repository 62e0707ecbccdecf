# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The context-aware lifter in the Lifter slot, and the files of its weights."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from capf_blender.core.errors import CaptureError

from .. import side_by_side
from ..interface import Camera, Detections, LiftedPose
from .context_network import Architecture, ContextNetwork
from .world_lifter import camera_from_crop

WEIGHTS_FILE = Path(__file__).resolve().parents[1] / "weights" / "blazepose_lifter.safetensors"
"""Ours, shipped with the code."""

FORMAT_KEY, FORMAT = "format", "capf_blazepose_lifter_1"
ARCHITECTURE_KEY = "architecture"


class ContextLifter:
    """Lifts within each crop and turns the pose into camera axes.

    What it finds in a crop does not depend on where in the frame that lay. A joint's confidence is
    the probability that it is within 100 mm of the truth, both relative to the pelvis.
    """

    name = "blazepose"

    def __init__(self, network: ContextNetwork) -> None:
        self.network = network.eval().requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, detections: Detections, camera: Camera) -> LiftedPose:
        """28 joints; `detections` must bring world landmarks, presence and the maps."""
        if detections.world is None or detections.presence is None:
            raise ValueError("the detections carry no world landmarks or no presence")
        region = detections.region.float()
        lifted = side_by_side.alone(
            self.network,
            detections.keypoints_crop.float(),
            torch.stack((detections.confidence, detections.presence), -1).float(),
            detections.world.float(),
            region[:, 2] / (2 * camera.focal_px),
            detections.maps,
        )
        turn = camera_from_crop(region, camera)  # (N, 3, 3)
        return LiftedPose(
            joints=lifted.joints @ turn.transpose(1, 2),
            joints_2d=_in_frame(lifted.joints_2d, region),
            confidence=self.network.confidence(lifted.scale),
        )


def _in_frame(points: Tensor, region: Tensor) -> Tensor:
    """(N, J, 2) pixels of the frame for (N, J, 2) points -1..1 in crops."""
    x, y = (points * region[:, None, 2:3] / 2).unbind(-1)
    cos, sin = region[:, 3:].cos(), region[:, 3:].sin()
    return torch.stack((cos * x - sin * y, sin * x + cos * y), -1) + region[:, None, :2]


def metadata(architecture: Architecture) -> dict[str, str]:
    """What `load_network` wants to find in a file beside the tensors."""
    return {FORMAT_KEY: FORMAT, ARCHITECTURE_KEY: json.dumps(asdict(architecture))}


def load_network(path: Path) -> ContextNetwork:
    """The network in a file of `run.py train blazepose`, in eval mode.

    Raises CaptureError `weights_missing` or `bad_checkpoint`.
    """
    path = Path(path)
    if not path.is_file():
        raise CaptureError(
            "weights_missing",
            f"The lifter's weights {path} are missing.",
            "Install the add-on again, or choose the model blazepose_world, which needs none.",
        )
    try:
        with safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if facts.get(FORMAT_KEY) != FORMAT:
            raise ValueError("it holds no lifter for BlazePose of this version")
        network = ContextNetwork(Architecture(**json.loads(facts[ARCHITECTURE_KEY])))
        network.load_state_dict(tensors)
    except (SafetensorError, OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        reason = reason if len(reason) <= 200 else f"{reason[:200]}..."
        raise CaptureError(
            "bad_checkpoint",
            f"{path} cannot be used as a lifter's weights: {reason}.",
            "Give a file that run.py train blazepose has written.",
        ) from error
    return network.eval().requires_grad_(False)


def load_lifter(path: Path = WEIGHTS_FILE, device: str = "cpu") -> ContextLifter:
    """The lifter in a file, by default the one that ships, on a torch device.

    Raises CaptureError `weights_missing` or `bad_checkpoint`.
    """
    return ContextLifter(load_network(path).to(device))
