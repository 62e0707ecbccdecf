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
    from .interface import Camera, Lifter, PoseEstimator


def load_estimator(
    name: str,
    weights_folder: Path,
    device: str,
    camera: "Camera",
    lifter_file: Path | None = None,
) -> "PoseEstimator":
    """The model `name` on a torch device ("cpu", "cuda", ...), ready for a clip of that camera;
    with a `lifter_file` of `run.py train blazepose`, which then takes its own lifter's place.

    Raises CaptureError `unknown_model`, `weights_missing`, `checksum_mismatch`, `bad_checkpoint`,
    `no_place` for that lifter, or `hrnet_not_installed`.
    """
    if card(name).checkpoints:
        _lifter_file(name, lifter_file)  # refuses one
        from .hrnet.estimator import HRNetEstimator

        return HRNetEstimator(name, weights_folder, device, camera)
    from .blazepose.estimator import BlazePoseEstimator

    lifter = load_lifter(name, device, lifter_file)
    return BlazePoseEstimator(weights_folder, device, camera, lifter)


def load_lifter(name: str, device: str, lifter_file: Path | None = None) -> "Lifter":
    """What lifts behind BlazePose in the model `name`; see `load_estimator`."""
    if file := _lifter_file(name, lifter_file):
        from .blazepose.context_lifter import load_lifter as load_context_lifter

        return load_context_lifter(file, device)
    from .blazepose.world_lifter import WorldLandmarkLifter

    return WorldLandmarkLifter()


def model_facts(name: str, weights_folder: Path, lifter_file: Path | None = None) -> dict[str, Any]:
    """What a take tells of the model: its name, the sha256 of each of its weight files, its licence
    and whether that allows commercial use, None where a lifter of one's own does not say so.

    Raises CaptureError as `require_weights` does.
    """
    require_weights(name, weights_folder, lifter_file)
    from .blazepose.weights import WEIGHT_FILES  # HRNet has its boxes from BlazePose

    known = card(name)
    files = [Path(weights_folder) / file for file in WEIGHT_FILES]
    files += [Path(weights_folder) / checkpoint.file for checkpoint in known.checkpoints]
    if lifter := _lifter_file(name, lifter_file):
        files.append(lifter)
    hashes = {}
    for file in files:
        with file.open("rb") as stream:
            hashes[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    facts = {"name": name, "weights": hashes}
    if lifter_file:
        return facts | {"licence": "a lifter of one's own", "commercial_use": None}
    return facts | {"licence": known.licence, "commercial_use": known.commercial_use}


def require_weights(name: str, weights_folder: Path, lifter_file: Path | None = None) -> None:
    """Raises CaptureError `unknown_model`, `no_place`, or `weights_missing`, which says how to get
    them."""
    from .blazepose.weights import SET_UP_HINT, WEIGHT_FILES

    lifter = _lifter_file(name, lifter_file)
    if lifter and not lifter.is_file():
        raise CaptureError(
            "weights_missing",
            f"The lifter's weights {lifter} are missing.",
            "Choose another file." if lifter_file else "Install the add-on again.",
        )
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


def _lifter_file(name: str, chosen: Path | None) -> Path | None:
    """The weights of the model's context lifter on BlazePose, if it has one."""
    if not card(name).context_lifter:
        if chosen is None:
            return None
        raise CaptureError(
            "no_place",
            f"The model {name} has no place for a lifter of your own.",
            "Choose the model blazepose.",
        )
    from .blazepose.context_lifter import WEIGHTS_FILE

    return Path(chosen) if chosen else WEIGHTS_FILE


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
