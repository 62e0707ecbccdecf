# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the networks run on."""

import gc
import os
from typing import Any

import torch

from ..core.errors import CaptureError

_FRAMES_A_BATCH = {"cpu": 8, "mps": 16, "cuda": 32}


def list_devices() -> list[dict[str, Any]]:
    """The devices of this computer, best first: name, label and memory in bytes (0 = unknown)."""
    devices = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            name = "cuda" if index == 0 else f"cuda:{index}"
            devices.append({"name": name, "label": facts.name, "memory": facts.total_memory})
    if torch.backends.mps.is_available():
        memory = torch.mps.recommended_max_memory()
        devices.append({"name": "mps", "label": "Apple GPU", "memory": memory})
    label = f"CPU, {torch.get_num_threads()} threads"
    devices.append({"name": "cpu", "label": label, "memory": _memory()})
    return devices


def _memory() -> int:
    """Bytes of the computer's memory; 0 where the system does not say (Windows)."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def choose_device(wanted: str) -> torch.device:
    """The device called `wanted`, the best one for "auto". Raises CaptureError `bad_device`."""
    names = [device["name"] for device in list_devices()]
    if wanted == "auto":
        return torch.device(names[0])
    if wanted not in names:
        raise CaptureError(
            "bad_device",
            f"The worker has no device {wanted!r}, only {', '.join(reversed(names))}.",
            "Choose one of them, or auto.",
        )
    return torch.device(wanted)


def batch_size(device: torch.device) -> int:
    """How many frames to hand over at once. Results do not depend on it."""
    return _FRAMES_A_BATCH.get(device.type, 8)


def is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "out of memory" in str(error)  # mps says only this
    )


def free_memory(device: torch.device) -> None:
    """To be called outside the except block: the exception keeps the tensors alive."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
