# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be trained, by name: a network, its data and nothing of how it is trained."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.data import Dataset

from .config import bad_config
from .objective import Objective, PoseObjective

TASKS = {
    "blazepose": "models.training.blazepose_lifter",
    "h36m_hrnet": "models.training.h36m_hrnet",
}
"""Module of each kind; its `make_task(options, seed)` gets the section [task] without `kind`."""


@dataclass(frozen=True)
class Task:
    """`network` maps a batch, a dict of tensors, to what `objective` compares with the batch.

    Data sets are map-style, their items dicts of tensors or of lists of tensors; or they make whole
    batches, see `datasets.loading`. One that has `set_epoch` is told each epoch, for augmentation
    that depends on nothing else.
    """

    network: nn.Module
    trained: nn.Module  # the part of it that learns and is saved
    training: Dataset[dict[str, Any]]
    validation: Dataset[dict[str, Any]]
    facts: dict[str, str] = field(default_factory=dict)  # metadata of the weights' file
    objective: Objective = field(default_factory=PoseObjective)
    # what makes of the best epoch's file, with more facts, the one to ship: (best, facts, target)
    ship: Callable[[Path, dict[str, str], Path], None] | None = None


def make_task(options: dict[str, Any], seed: int) -> Task:
    """The task that the section [task] of a config describes. Raises CaptureError `bad_config` and
    what reading the data and the frozen weights raises."""
    kind = options["kind"]
    if kind not in TASKS:
        raise bad_config(f"There is no task {kind!r}, only {', '.join(TASKS)}.")
    rest = {name: value for name, value in options.items() if name != "kind"}
    return importlib.import_module(TASKS[kind]).make_task(rest, seed)
