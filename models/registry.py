# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pose models by name. Importing this is cheap; a model's code is imported when it is asked for."""

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capf_blender.core.errors import CaptureError
from capf_blender.core.model_cards import MODEL_CARDS, ModelCard

if TYPE_CHECKING:
    from .interface import Camera, PoseEstimator


def load_estimator(
    name: str, weights_folder: Path, device: str, camera: "Camera"
) -> "PoseEstimator":
    """The model `name` on a torch device ("cpu", "cuda", ...), ready for a clip of that camera.

    Raises CaptureError `unknown_model`, `weights_missing`, `checksum_mismatch`, `bad_checkpoint`
    or `hrnet_not_installed`.
    """
    if card(name).checkpoints:
        from .hrnet.estimator import HRNetEstimator

        return HRNetEstimator(name, weights_folder, device, camera)
    from .blazepose.estimator import BlazePoseEstimator

    return BlazePoseEstimator(weights_folder, device, camera)


def model_facts(name: str, weights_folder: Path) -> dict[str, Any]:
    """What identifies the model in a take: its name and the sha256 of each of its weight files.

    Raises CaptureError `unknown_model` or `weights_missing`.
    """
    require_weights(name, weights_folder)
    from .blazepose.weights import WEIGHT_FILES  # HRNet has its boxes from BlazePose

    hashes = {}
    for file in (*WEIGHT_FILES, *(checkpoint.file for checkpoint in card(name).checkpoints)):
        with (Path(weights_folder) / file).open("rb") as stream:
            hashes[file] = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": name, "weights": hashes}


def require_weights(name: str, weights_folder: Path) -> None:
    """Raises CaptureError `unknown_model`, or `weights_missing`, which says how to get them."""
    from .blazepose.weights import SET_UP_HINT, WEIGHT_FILES

    for file in WEIGHT_FILES:
        path = Path(weights_folder) / file
        if not path.is_file():
            raise CaptureError("weights_missing", f"The model file {path} is missing.", SET_UP_HINT)
    missing = [c for c in card(name).checkpoints if not (Path(weights_folder) / c.file).is_file()]
    if missing:
        ways = [
            f"download {checkpoint.published} (python3 run.py download {checkpoint.name})"
            if checkpoint.source
            else f"fetch {checkpoint.published} from {checkpoint.publisher} and import it "
            "(python3 run.py import FILE)"
            for checkpoint in missing
        ]
        labels = " and of ".join(checkpoint.label for checkpoint in missing)
        raise CaptureError(
            "weights_missing",
            f"The model {name} lacks the weights of {labels}.",
            f"To get them, {' and '.join(ways)}; the CAPF panel has buttons for it.",
        )


def available(weights_folder: Path) -> list[str]:
    """Names of the models whose weights are there."""
    names = []
    for each in MODEL_CARDS:
        with contextlib.suppress(CaptureError):
            require_weights(each.name, weights_folder)
            names.append(each.name)
    return names


def card(name: str) -> ModelCard:
    """The model's card. Raises CaptureError `unknown_model`."""
    cards = {each.name: each for each in MODEL_CARDS}
    if name not in cards:
        raise CaptureError(
            "unknown_model", f"There is no model {name!r}.", f"Choose one of: {', '.join(cards)}."
        )
    return cards[name]
