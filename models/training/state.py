# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a training run needs to go on as if it had never stopped, in one file."""

import logging
import os
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from capf_blender.core.errors import CaptureError

from .config import TrainingConfig
from .processes import Process

logger = logging.getLogger(__name__)

MAY_CHANGE = {"epochs", "workers", "checkpoint_steps"}  # in [run], between stop and resumption


@dataclass
class Position:
    """How far a run has come."""

    epoch: int = 0  # whole ones
    step: int = 0  # in this epoch
    loss_sum: float = 0.0  # in this epoch, metres x persons
    persons: int = 0
    best_mm: float = float("inf")
    history: list[dict[str, float]] = field(default_factory=list)  # one entry an epoch


@dataclass
class Machinery:
    """What learns, with everything that has a state."""

    trained: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler


def save_state(
    path: Path,
    machinery: Machinery,
    position: Position,
    config: TrainingConfig,
    process: Process,
) -> None:
    """Writes the whole file or nothing. Every process has to call it, the first one writes."""
    random = process.collect(_random_state(process.device))
    if process.leads:
        content = {name: part.state_dict() for name, part in vars(machinery).items()}
        content |= {"position": asdict(position), "config": asdict(config), "random": random}
        _replace(path, lambda part: torch.save(content, part))
    process.wait()  # else one that ends early and begins again could read the older file


def load_state(
    path: Path, machinery: Machinery, config: TrainingConfig, process: Process
) -> Position:
    """Puts everything back as `save_state` found it. Raises CaptureError `bad_state` or
    `config_changed`."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if _comparable(content["config"]) != _comparable(asdict(config)):
            raise CaptureError(
                "config_changed",
                f"{path} belongs to a run with another config.",
                "Give another --out, or delete that folder.",
            )
        for name, part in vars(machinery).items():
            part.load_state_dict(content[name])
        random, position = content["random"], Position(**content["position"])
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, EOFError,
            pickle.UnpicklingError) as error:  # fmt: skip
        reason = (str(error).splitlines() or ["empty"])[0]
        raise CaptureError(
            "bad_state", f"{path} cannot be read ({reason}).", "Delete it to begin anew."
        ) from error
    if len(random) == process.count:
        _set_random_state(random[process.rank], process.device)
    else:
        logger.warning("another number of processes than before: other random numbers")
    return position


def save_weights(path: Path, trained: nn.Module, facts: dict[str, str]) -> None:
    """The weights of `trained` as safetensors, with `facts` as its metadata."""
    tensors = {
        name: value.detach().cpu().contiguous() for name, value in trained.state_dict().items()
    }
    _replace(path, lambda part: save_file(tensors, part, facts))


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    """A crash or a full disk leaves the old file. Raises CaptureError `disk_full`."""
    part = path.with_name(path.name + ".part")
    try:
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except Exception as error:  # torch and safetensors wrap what the file system says
        part.unlink(missing_ok=True)
        raise CaptureError(
            "disk_full",
            f"{path} could not be written ({error}).",
            "Free some space and start again: the run goes on from its last checkpoint.",
        ) from error


def _random_state(device: torch.device) -> list[Tensor]:
    states = [torch.get_rng_state()]
    return states + [torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def _set_random_state(states: list[Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    if device.type == "cuda" and len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)


def _comparable(config: dict[str, Any]) -> dict[str, Any]:
    run = {name: value for name, value in config["run"].items() if name not in MAY_CHANGE}
    return {"task": config["task"], "optimiser": config["optimiser"], "run": run}
