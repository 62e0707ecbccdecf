# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python3 run.py train CONFIG [--out DIR] [--processes N]`: trains a lifter or goes on with it."""

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from capf_blender.core.errors import CaptureError

from .config import TrainingConfig, read_config
from .loop import BEST_FILE, train
from .processes import join, launch, launched
from .tasks import Task, make_task


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code. Raises CaptureError."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    config = read_config(options.config, options.set)
    out = options.out or Path("out") / "training" / config.name
    processes = options.processes or max(1, torch.cuda.device_count())
    if processes > 1 and not launched():
        return launch(processes, arguments)
    with join(options.device) as process:
        task = make_task(config.task, config.run.seed)
        position = train(task, config, out, process)
        if process.leads:
            print(f"{position.epoch} epochs, best {position.best_mm:.1f} mm: {out / BEST_FILE}")
            if options.ship:
                _ship(task, config, out / BEST_FILE, options.ship, arguments)
    return 0


def _ship(
    task: Task, config: TrainingConfig, best: Path, target: Path, arguments: Sequence[str]
) -> None:
    if task.ship is None:
        raise CaptureError(
            "bad_config",
            f"Lifters of the kind {config.task['kind']} are not prepared for shipping.",
            f"Use {best} as it is.",
        )
    command = shlex.join(["python3", "run.py", "train", *arguments])
    task.ship(best, {"command": command, "seed": str(config.run.seed)}, target)
    print(f"Ready to ship: {target}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py train",
        description="Trains a lifter; started again with the same --out it goes on.",
    )
    parser.add_argument("config", help="a TOML file, or the name of one in models/training/configs")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: out/training/NAME")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="ENTRY=VALUE",
        help="another value than the config's: task.context=false",
    )
    parser.add_argument(
        "--ship", type=Path, metavar="FILE", help="then write the best epoch's weights to ship"
    )
    parser.add_argument(
        "--processes", type=int, metavar="N", help="on this machine; default: one for each GPU"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    return parser
