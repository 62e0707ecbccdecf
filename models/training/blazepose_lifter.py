# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own training: the context-aware lifter behind the frozen BlazePose, on synthetic people."""

import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from capf_blender.core.errors import CaptureError

from ..blazepose.context_lifter import load_network, metadata
from ..blazepose.context_network import CORRECT_M, Architecture, ContextNetwork, Lifted
from ..metrics import joint_errors
from .blazepose_features import Features, open_features
from .blazepose_objective import CropObjective, fit_temperature
from .config import bad_config, options_from
from .crop_views import CropViews, Disturbance
from .tasks import Task

LICENCE = "Apache-2.0"  # as the detector whose features it reads; commercial use permitted
_NORMALISED_ON = 512  # pictures from which means and spreads of the maps are taken


@dataclass(frozen=True)
class BlazePoseTask:
    """With the fields of `Architecture` and `Disturbance`, what [task] may say."""

    features: str  # folder with `train` and `validation`, as run.py features leaves them
    validation_pictures: int = 1500  # of the validation's, evenly spread
    shipped_share: float = 0.5  # of the learnt correction in space; see `write_shipped`
    min_score: float = 0.5  # of the landmark network; at run time nobody is lifted below


def make_task(options: dict[str, Any], seed: int) -> Task:
    """Raises CaptureError `bad_config` and `features_missing`."""
    parts = []
    rest = dict(options)
    for kind in (Architecture, Disturbance):
        own = {field.name for field in fields(kind)} & set(rest)
        parts.append(options_from(kind, {name: rest.pop(name) for name in own}, "[task]"))
    architecture, disturbance = parts
    wanted = options_from(BlazePoseTask, rest, "[task]")
    folder = Path(wanted.features)
    training = open_features(folder / "train")
    validation = open_features(folder / "validation")
    rows = _rows(training, wanted.min_score)
    all_validation = _rows(validation, wanted.min_score)
    count = min(wanted.validation_pictures, len(all_validation))
    some_validation = all_validation[np.linspace(0, len(all_validation) - 1, count).astype(int)]
    try:
        torch.manual_seed(seed)
        network = ContextNetwork(architecture)
    except ValueError as error:
        raise bad_config(f"[task] describes no network: {error}.") from error
    normalise(network, training, rows)

    def ship(best: Path, facts: dict[str, str], target: Path) -> None:
        views = CropViews(validation, all_validation, architecture.context)
        facts = facts | {"data": _description(training, rows)}
        write_shipped(best, views, wanted.shipped_share, facts, target)

    return Task(
        network=LifterOnViews(network),
        trained=network,
        training=CropViews(training, rows, architecture.context, disturbance, seed),
        validation=CropViews(validation, some_validation, architecture.context),
        facts=metadata(architecture),
        objective=CropObjective(),
        ship=ship,
    )


class LifterOnViews(nn.Module):
    """The network on batches of `CropViews`."""

    def __init__(self, network: ContextNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, view: dict[str, Any]) -> Lifted:
        return self.network(
            view["keypoints"], view["trust"], view["world"], view["half_angle"], view["maps"]
        )


def normalise(network: ContextNetwork, features: Features, rows: np.ndarray) -> None:
    """Sets the network's ranges of the maps to those of the training pictures."""
    if not network.architecture.context:
        return
    count = min(_NORMALISED_ON, len(rows))
    maps = features.maps(np.sort(rows[np.linspace(0, len(rows) - 1, count).astype(int)]))
    scales = features.quantisation
    for fit, level, low, step in zip(network.ranges, maps, scales.low, scales.step, strict=True):
        ends = torch.from_numpy(low), torch.from_numpy(low + 255 * step)
        fit.fit(level, *ends)  # pyright: ignore[reportCallIssue]


@torch.inference_mode()
def write_shipped(
    best: Path, views: CropViews, share: float, facts: dict[str, str], target: Path
) -> None:
    """Writes the weights in `best` once more, with their confidence calibrated on `views` and with
    all that has to be known of them as metadata. Raises CaptureError `not_writable`.

    Only `share` of what they would add to the detector's own 3D is kept: the detector errs more on
    renders than on the footage that it was trained on, so that there the whole would be too much.
    """
    network = load_network(best)
    head = network.lifter.head[-1]
    assert isinstance(head, nn.Linear)
    head.weight[:3] *= share  # the residual comes first and is linear in these
    head.bias[:3] *= share
    distances, scales = [], []
    for first in range(0, len(views), 128):
        view = views.collate(views.__getitems__(range(first, min(first + 128, len(views)))))
        lifted = LifterOnViews(network)(view)
        errors = joint_errors(lifted.joints, view["joints"])  # (B, J), the pelvis' own is 0
        distances.append(errors[:, 1:].flatten())
        scales.append(lifted.scale[:, 1:].flatten())
    temperature = fit_temperature(torch.cat(distances), torch.cat(scales), CORRECT_M)
    network.temperature.fill_(temperature)
    with safe_open(best, framework="pt") as file:
        facts = file.metadata() | facts  # architecture, epoch and its error
    facts |= {
        "licence": LICENCE,
        "shipped_share": str(share),
        "confidence": f"probability of being within {1000 * CORRECT_M:.0f} mm, relative to the "
        f"pelvis; temperature {temperature:.3f} fitted on {len(views)} validation pictures",
        "input": "per crop: 33 keypoints in -1..1 with visibility and presence, world landmarks, "
        "half_angle; channel ranges of the maps are in the tensors ranges.*",
    }
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / target.name
            save_file(tensors, part, facts)
            part.chmod(0o644)  # safetensors lets only the owner read it
            part.replace(target)
    except OSError as error:
        raise CaptureError(
            "not_writable", f"{target} could not be written ({error}).", "Choose another place."
        ) from error


def _rows(features: Features, min_score: float) -> np.ndarray:
    """Those that could be lifted at run time. Raises CaptureError `features_missing`."""
    finite = np.isfinite(features.truth_joints).all((1, 2)) & np.isfinite(features.truth_2d).all(
        (1, 2)
    )
    rows = np.flatnonzero((features.score >= min_score) & finite)
    if not len(rows):
        raise CaptureError(
            "features_missing",
            f"Nobody of {len(features)} pictures was found by the detector.",
            "Look at the renders, or lower min_score in the config.",
        )
    return rows


def _description(features: Features, rows: np.ndarray) -> str:
    return (
        f"{len(rows)} pictures of {len(np.unique(features.actor[rows]))} synthetic people in "
        f"{len(np.unique(features.clip[rows]))} motion clips (MakeHuman, CC0; CMU and others' "
        "motion capture, free for commercial use)"
    )
