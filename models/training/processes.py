# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of one training run, started by torch's launcher, and what they tell each other."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from capf_blender.core.errors import CaptureError

ENTRY = Path(__file__).resolve().parents[1] / "__main__.py"


@dataclass(frozen=True)
class Process:
    """This process among all of the run."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes files and talks."""
        return self.rank == 0

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of `values` over all processes, on each of them."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.count > 1:
            dist.barrier()

    def collect(self, value: Any) -> list[Any]:
        """The `value` of each process, in the order of ranks."""
        values = [value]
        if self.count > 1:
            values = [None] * self.count
            dist.all_gather_object(values, value)
        return values


def launched() -> bool:
    """Whether torch's launcher has started this process."""
    return "LOCAL_RANK" in os.environ and "WORLD_SIZE" in os.environ


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Runs `train` with the same arguments in so many processes; returns the exit code."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(processes), "--no-python"),
        *(sys.executable, "-I", "-B", str(ENTRY), "train", *arguments),
    ]
    return subprocess.run(command, check=False).returncode


@contextmanager
def join(device: str) -> Iterator[Process]:
    """This process as the launcher's environment says; alone without launcher.

    `device` is "auto", or a torch device, which processes started by the launcher share. Raises
    CaptureError `bad_device`.
    """
    local = int(os.environ.get("LOCAL_RANK", 0))
    if device == "auto":
        device = f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    try:
        here = torch.empty(0, device=device).device
        if here.type == "cuda":
            torch.cuda.set_device(here)
    except (RuntimeError, AssertionError) as error:
        message = f"There is no device {device!r} here ({str(error).splitlines()[0]})."
        raise CaptureError("bad_device", message, "Choose another one, or auto.") from error
    if not launched():
        yield Process(0, 1, here)
        return
    dist.init_process_group("nccl" if here.type == "cuda" else "gloo")
    try:
        yield Process(dist.get_rank(), dist.get_world_size(), here)
    finally:
        dist.destroy_process_group()
