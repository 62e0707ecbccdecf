# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's models by name, as evaluation needs them: views in, 17 joints out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from torch.utils.data import Dataset

from capf_blender.core.errors import CaptureError

from ..datasets.person_views import PersonViews
from ..datasets.samples import PoseSamples

PREDICTORS = ("hrnet_w32", "hrnet_w48", "blazepose")


@dataclass(frozen=True)
class Predictor:
    """A loaded model."""

    views: Callable[[PoseSamples], Dataset[dict[str, Tensor]]]
    predict: Callable[[dict[str, Tensor]], Tensor]
    """A batch of views to (B, 17, 3) metres, camera axes, relative to the pelvis."""

    mirrors: bool = True  # the views can be mirrored for a flip test


def load_predictor(name: str, weights_folder: Path, device: str) -> Predictor:
    """Raises CaptureError `unknown_model`, or what loading the model raises."""
    if name in ("hrnet_w32", "hrnet_w48"):
        from .hrnet_views import load_view_lifter

        model = load_view_lifter(int(name[-2:]), weights_folder).to(device).eval()
        return Predictor(PersonViews, model)
    if name == "blazepose":
        from .blazepose_views import BlazePoseOnViews, WideViews

        return Predictor(WideViews, BlazePoseOnViews(weights_folder, device), mirrors=False)
    raise CaptureError(
        "unknown_model",
        f"There is no model {name!r} to evaluate.",
        f"Choose one of: {', '.join(PREDICTORS)}.",
    )
