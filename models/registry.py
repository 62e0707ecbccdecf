# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose models by name. Importing this is cheap; a model's code is imported when it is asked for."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capf_blender.core.errors import CaptureError
from capf_blender.core.model_cards import MODEL_CARDS

if TYPE_CHECKING:
    from .interface import Camera, PoseEstimator


def load_estimator(
    name: str, weights_folder: Path, device: str, camera: "Camera"
) -> "PoseEstimator":
    """The model `name` on a torch device ("cpu", "cuda", ...), ready for a clip of that camera.

    Raises CaptureError `unknown_model`, `weights_missing` or `checksum_mismatch`.
    """
    _check_name(name)
    from .blazepose.estimator import BlazePoseEstimator

    return BlazePoseEstimator(weights_folder, device, camera)


def model_facts(name: str, weights_folder: Path) -> dict[str, Any]:
    """What identifies the model in a take: its name and the sha256 of each of its weight files.

    Raises CaptureError `unknown_model` or `weights_missing`.
    """
    _check_name(name)
    from .blazepose.weights import SET_UP_HINT, WEIGHT_FILES

    hashes = {}
    for file in WEIGHT_FILES:
        path = Path(weights_folder) / file
        if not path.is_file():
            raise CaptureError("weights_missing", f"The model file {path} is missing.", SET_UP_HINT)
        hashes[file] = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": name, "weights": hashes}


def _check_name(name: str) -> None:
    known = [card.name for card in MODEL_CARDS]
    if name not in known:
        raise CaptureError(
            "unknown_model", f"There is no model {name!r}.", f"Choose one of: {', '.join(known)}."
        )
