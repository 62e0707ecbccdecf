# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a training run is, read from a TOML file."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from capf_blender.core.errors import CaptureError

CONFIGS = Path(__file__).parent / "configs"
PRECISIONS = ("fp32", "bf16", "fp16")
SCHEDULES = ("exponential", "cosine")
Options = TypeVar("Options")


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW (Loshchilov & Hutter, ICLR 2019); the defaults are the paper's."""

    lr: float = 6.4e-4
    weight_decay: float = 0.1
    schedule: str = "exponential"  # one of SCHEDULES
    decay: float = 0.99  # exponential: of lr, each epoch
    warm_up: float = 0.0  # epochs in which lr rises from 0
    clip: float = 0.0  # longest gradient; 0: any


@dataclass(frozen=True)
class RunConfig:
    epochs: int
    batch: int = 512  # over all processes
    precision: str = "fp32"  # of the forward pass: one of PRECISIONS
    seed: int = 0
    workers: int = 4  # processes that read data, for each training process
    checkpoint_steps: int = 0  # also save after so many steps within an epoch; 0: after epochs only


@dataclass(frozen=True)
class TrainingConfig:
    name: str
    task: dict[str, Any]  # `kind`, one of tasks.TASKS, and what that kind wants to know
    run: RunConfig
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


def read_config(file: str | Path, changes: Sequence[str] = ()) -> TrainingConfig:
    """The run described by a TOML file, or by one of those that ship, given by its bare name.

    `changes` replace entries: "task.context=false". Raises CaptureError `missing_file` or
    `bad_config`, which names what is wrong.
    """
    path = Path(file)
    if not path.suffix and not path.exists():
        path = CONFIGS / f"{file}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(config.stem for config in CONFIGS.glob("*.toml")))
        raise CaptureError(
            "missing_file", f"There is no config {path}.", f"Give a TOML file or one of: {known}."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise bad_config(f"{path} is no TOML file: {error}.") from error
    for change in changes:
        _apply(change, content)
    if unknown := set(content) - {"task", "optimiser", "run"}:
        raise bad_config(f"{path} has an unknown section [{sorted(unknown)[0]}].")
    if "kind" not in content.get("task", {}):
        raise bad_config(f"{path} has no section [task] with a `kind`.")
    run = options_from(RunConfig, content.get("run", {}), f"[run] of {path}")
    if run.precision not in PRECISIONS:
        raise bad_config(f"Precision {run.precision!r} is none of {', '.join(PRECISIONS)}.")
    if run.batch < 1 or run.epochs < 1:
        raise bad_config(f"[run] of {path} needs a batch and epochs of at least 1.")
    optimiser = options_from(
        OptimiserConfig, content.get("optimiser", {}), f"[optimiser] of {path}"
    )
    if optimiser.schedule not in SCHEDULES:
        raise bad_config(f"Schedule {optimiser.schedule!r} is none of {', '.join(SCHEDULES)}.")
    return TrainingConfig(path.stem, content["task"], run, optimiser)


def _apply(change: str, content: dict[str, Any]) -> None:
    """Replaces one entry of a config by what "section.name=value" says; a value that is no TOML is
    a text."""
    name, is_change, value = change.partition("=")
    section, has_section, entry = name.strip().partition(".")
    if not (is_change and has_section and entry):
        raise bad_config(f"{change!r} does not read section.name=value.")
    try:
        value = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        value = value.strip()
    content.setdefault(section, {})[entry] = value


def options_from(kind: type[Options], content: dict[str, Any], where: str) -> Options:
    """An instance of the dataclass `kind`, whose fields are int, float, str or bool.

    Raises CaptureError `bad_config` that names an unknown, missing or wrong entry.
    """
    known = {option.name: option for option in fields(kind)}  # pyright: ignore[reportArgumentType]
    values = {}
    for name, value in content.items():
        if name not in known:
            raise bad_config(f"{where} has an unknown entry {name!r}; known: {', '.join(known)}.")
        wanted = known[name].type
        value = float(value) if wanted is float and type(value) is int else value
        if type(value) is not wanted:
            kinds = f"{type(value).__name__}, not {getattr(wanted, '__name__', wanted)}"
            raise bad_config(f"{name} in {where} is {value!r}, a {kinds}.")
        values[name] = value
    try:
        return kind(**values)
    except TypeError as error:  # its words name the entries without default
        raise bad_config(f"{where} is not complete: {error}.") from error


def bad_config(message: str) -> CaptureError:
    return CaptureError("bad_config", message, "Correct the file; configs/ has examples.")
