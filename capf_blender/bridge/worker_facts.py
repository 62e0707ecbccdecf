# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker said of itself when it was last started: kept in its home, so that preferences
and panels know versions and devices without starting it."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import CaptureError

_FILE = "worker.json"
_KINDS = {"cpu": "CPU", "cuda": "CUDA", "mps": "Metal"}


@dataclass(frozen=True)
class Device:
    name: str  # cpu, cuda, cuda:1, mps
    label: str
    memory: int  # bytes, 0 where unknown

    @property
    def kind(self) -> str:
        return _KINDS.get(self.name.split(":")[0], self.name)

    @property
    def sentence(self) -> str:
        """ "CUDA: NVIDIA H200, 139.8 GB" """
        label = self.label if self.label.startswith(self.kind) else f"{self.kind}: {self.label}"
        return f"{label}, {self.memory / 2**30:.1f} GB" if self.memory else label


@dataclass(frozen=True)
class WorkerFacts:
    version: str  # of the add-on whose worker it is
    python: str
    torch: str
    devices: tuple[Device, ...]  # best first
    size: int  # bytes on the disk
    looked_at: float  # seconds since the epoch


def read_facts(home: Path) -> WorkerFacts | None:
    """None when no set-up or check has written them. A small file: a panel may ask."""
    try:
        values = json.loads((home / _FILE).read_text(encoding="utf-8"))
        devices = tuple(Device(**device) for device in values.pop("devices"))
        return WorkerFacts(**values, devices=devices)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_facts(home: Path, ready: dict[str, Any]) -> None:
    """Keeps what matters of the worker's `ready` event, and how big `home` is. Raises OSError."""
    facts = WorkerFacts(
        str(ready.get("version", "")),
        str(ready.get("python", "")),
        str(ready.get("torch", "")),
        tuple(Device(d["name"], d["label"], d["memory"]) for d in ready.get("devices", ())),
        size_on_disk(home),
        time.time(),
    )
    temporary = home / f"{_FILE}.part"
    temporary.write_text(json.dumps(asdict(facts), indent=2), encoding="utf-8")
    temporary.replace(home / _FILE)


def missing_device(home: Path, name: str) -> CaptureError | None:
    """The sentence `bad_device` when the worker in `home` is known to lack that device, else None.
    Reads a small file: a panel may ask."""
    facts = read_facts(home)
    if name == "auto" or facts is None or name in [device.name for device in facts.devices]:
        return None
    found = ", ".join(device.sentence for device in facts.devices)
    return CaptureError(
        "bad_device",
        f"The worker found no {_KINDS.get(name, name)} device on this computer, only {found}.",
        "Choose the device Automatic, or click Check in the add-on's preferences to look again.",
    )


def size_on_disk(folder: Path) -> int:
    """Bytes of what set-up and models take of it; takes are the user's. Under a second."""
    total = 0
    for place, folders, files in os.walk(folder):
        if Path(place) == folder and "takes" in folders:
            folders.remove("takes")
        for file in files:
            try:
                status = os.lstat(os.path.join(place, file))
            except OSError:  # gone meanwhile
                continue
            total += status.st_size
    return total
