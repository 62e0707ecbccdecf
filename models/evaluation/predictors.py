# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's models by name, as evaluation needs them: views in, 17 joints out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from capf_blender.core.errors import CaptureError

from ..datasets.person_views import PersonViews
from ..datasets.samples import PoseSamples

PREDICTORS = ("hrnet_w32", "hrnet_w48", "blazepose", "blazepose_world")


@dataclass(frozen=True)
class Predictor:
    """A loaded model."""

    views: Callable[[PoseSamples], Dataset[dict[str, Any]]]
    predict: Callable[[dict[str, Tensor]], Tensor]
    """A batch of views to (B, 17, 3) metres, camera axes, relative to the pelvis."""

    mirrors: bool = True  # the views can be mirrored for a flip test


def load_predictor(
    name: str,
    weights_folder: Path,
    device: str,
    own_keypoints: bool = True,
    lifter: Path | None = None,
) -> Predictor:
    """The model `name`, with the `lifter` in a file of `run.py train` in the place of its own.

    `own_keypoints`: there are samples without 2D joints. Raises CaptureError `unknown_model`, or
    what loading the model raises.
    """
    if name in ("hrnet_w32", "hrnet_w48"):
        from .hrnet_views import load_view_lifter

        model = load_view_lifter(int(name[-2:]), weights_folder, own_keypoints, lifter)
        return Predictor(PersonViews, model.to(device).eval())
    if name in ("blazepose", "blazepose_world"):
        from ..registry import load_lifter
        from .blazepose_views import BlazePoseOnViews, WideViews

        views = BlazePoseOnViews(weights_folder, device, load_lifter(name, device, lifter))
        return Predictor(WideViews, views, mirrors=False)
    raise CaptureError(
        "unknown_model",
        f"There is no model {name!r} to evaluate.",
        f"Choose one of: {', '.join(PREDICTORS)}.",
    )


def worker_weights(chosen: str | Path | None) -> Path:
    """`chosen`, else the folder of the worker, whose home run.py names. Raises CaptureError
    `weights_missing`."""
    if chosen:
        return Path(chosen)
    if home := os.environ.get("CAPF_HOME"):
        return Path(home) / "models"
    raise CaptureError(
        "weights_missing",
        "It is not known where the weight files are.",
        "Name their folder, or start this through run.py.",
    )


def choose_device(wanted: str) -> str:
    """A torch device by name, or "auto". Raises CaptureError `bad_device`."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        message = f"There is no device {wanted!r} here ({str(error).splitlines()[0]})."
        raise CaptureError("bad_device", message, "Choose another one, or auto.") from error
    return wanted
