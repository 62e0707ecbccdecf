# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads and imports of published weights, with the worker's progress events."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.model_cards import Checkpoint
from .events import CancelledError

Emit = Callable[[dict[str, Any]], None]

_PROGRESS_INTERVAL_S = 0.1


def download(
    name: str, models_folder: Path, emit: Emit, is_cancelled: Callable[[], bool]
) -> Checkpoint:
    """Fetches a checkpoint of the registry. Raises CaptureError and CancelledError."""
    from models import checkpoints

    emitted_at = 0.0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal emitted_at
        if is_cancelled():
            raise CancelledError
        now = time.monotonic()
        if now - emitted_at >= _PROGRESS_INTERVAL_S or done == total:
            emitted_at = now
            megabytes = [round(value / 1e6, 1) for value in (done, total)]
            emit(_event(stage, *megabytes))

    checkpoints.fetch(name, models_folder, progress)
    return checkpoints.published_checkpoint(name)


def import_file(file: Path, models_folder: Path, emit: Emit) -> Checkpoint:
    """Imports a file that the user fetched. Raises CaptureError."""
    emit(_event("Checking Weights", 0, 0))
    from models.checkpoint_import import import_checkpoint

    return import_checkpoint(file, models_folder)


def _event(stage: str, done: float, total: float) -> dict[str, Any]:
    numbers = {"done": done, "total": total, "fps": None, "eta_s": None}
    return {"type": "progress", "stage": stage, **numbers}
