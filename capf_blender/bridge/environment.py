# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the worker lives, and whether it is ready.

Its home folder does not depend on the Blender version: `venv` (its Python), `models` (converted
weights), `downloads` (model files as published), `logs`, `takes` (of unsaved files), `stamp.json`,
which says how far the set-up came and what it was made from, and `worker.json`, what the worker
said of itself.
"""

import hashlib
import json
import os
import sys
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ..core.errors import CaptureError
from ..core.model_cards import MODEL_CARDS, Checkpoint

PACKAGE = Path(__file__).resolve().parents[1]
"""The add-on's own folder: capf_blender."""

REQUIREMENTS_FILE = "worker_requirements.txt"
HRNET_REQUIREMENTS_FILE = "worker_requirements_hrnet.txt"
MODEL_FILES_FILE = "model_files.json"
_KEPT_LOGS = 20
_SET_UP_HINT = "Run Set Up in the add-on's preferences."


def home_folder(explicit: str | Path | None = None) -> Path:
    """The worker's home: `explicit`, else the variable CAPF_HOME, else the user's data folder."""
    if chosen := explicit or os.environ.get("CAPF_HOME"):
        return Path(os.path.abspath(Path(chosen).expanduser()))
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(base) / "capf_blender"


def venv_python(home: Path) -> Path:
    scripts = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    return home / "venv" / scripts


def models_folder(home: Path) -> Path:
    return home / "models"


def new_log_file(home: Path, kind: str) -> Path:
    """A new, empty file in the home's logs folder; the oldest ones go."""
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    old = sorted(folder.glob("*.log"), key=lambda log: log.stat().st_mtime)
    for log in old[: max(0, len(old) - _KEPT_LOGS + 1)]:
        log.unlink(missing_ok=True)
    number = 1
    while (log := folder / f"{kind}-{os.getpid()}-{number}.log").exists():
        number += 1
    log.touch()
    return log


def manifest_file(name: str) -> Path:
    """A file of the add-on's manifest: within the installed add-on, beside it in the source."""
    installed = PACKAGE / name
    return installed if installed.exists() else PACKAGE.parent / "addon_manifest" / name


def addon_version() -> str:
    try:
        manifest = manifest_file("blender_manifest.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(manifest)["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"


def worker_command(home: Path, *arguments: str) -> list[str]:
    """The command line that starts the worker; -B, since nothing is written into the add-on."""
    main = PACKAGE / "worker" / "__main__.py"
    return [str(venv_python(home)), "-I", "-B", str(main), "--home", str(home), *arguments]


def hash_files(*files: Path) -> str:
    """One sha256 of several small text files' contents, whatever their line ends."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def requirements_hash() -> str:
    names = (REQUIREMENTS_FILE, HRNET_REQUIREMENTS_FILE, MODEL_FILES_FILE)
    return hash_files(*map(manifest_file, names))


@dataclass
class Stamp:
    """How far the set-up of a home came."""

    complete: bool = False
    requirements: str = ""  # hash of what a complete set-up was made from
    finished: dict[str, str] = field(default_factory=dict)  # step: hash of what it was made from
    installing: bool = False  # pip was at work when this was written
    finished_at: float = 0.0  # of the last complete set-up, seconds since the epoch
    sha256: dict[str, str] = field(default_factory=dict)  # of each converted model file


def read_stamp(home: Path) -> Stamp | None:
    """The home's stamp, None when there is none or it is unreadable."""
    try:
        values = json.loads((home / "stamp.json").read_text(encoding="utf-8"))
        known = {each.name for each in fields(Stamp)}  # a newer add-on may have written more
        return Stamp(**{name: value for name, value in values.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def write_stamp(home: Path, stamp: Stamp) -> None:
    """Raises OSError."""
    temporary = home / "stamp.json.part"
    temporary.write_text(json.dumps(asdict(stamp), indent=2), encoding="utf-8")
    temporary.replace(home / "stamp.json")


def findings(home: Path) -> list[CaptureError]:
    """What keeps the worker in `home` from working, one sentence each; [] when it is ready.

    Reads a few small files only, so a panel may ask. Codes: `worker_not_set_up`,
    `worker_incomplete`, `worker_outdated`.
    """
    stamp = read_stamp(home)
    if stamp is None:
        return [
            CaptureError(
                "worker_not_set_up", f"There is no capture worker in {home} yet.", _SET_UP_HINT
            )
        ]
    if not stamp.complete:
        return [
            CaptureError(
                "worker_incomplete",
                f"The capture worker in {home} is not complete.",
                "Run Set Up again: it continues where it stopped.",
            )
        ]
    missing = [venv_python(home), *(models_folder(home) / name for name in model_outputs())]
    found = [
        CaptureError(
            "worker_incomplete",
            f"{path} is missing from the capture worker.",
            "Run Set Up again to restore it.",
        )
        for path in missing
        if not path.exists()
    ]
    if stamp.requirements != requirements_hash():
        found.append(
            CaptureError(
                "worker_outdated",
                "The capture worker was set up for another version of this add-on.",
                "Run Set Up again: only what changed is renewed.",
            )
        )
    return found


def require_ready(home: Path) -> None:
    """Raises the first of `findings`."""
    for finding in findings(home):
        raise finding


def missing_checkpoints(home: Path, model: str) -> list[Checkpoint]:
    """Weights of the model that set-up does not bring and that are not there; a panel may ask."""
    card = next(card for card in MODEL_CARDS if card.name == model)
    folder = models_folder(home)
    return [each for each in card.checkpoints if not (folder / each.file).is_file()]


def model_outputs() -> list[str]:
    """File names that a complete models folder holds."""
    files = json.loads(manifest_file(MODEL_FILES_FILE).read_text(encoding="utf-8"))
    return [entry["output"] for entry in files]
