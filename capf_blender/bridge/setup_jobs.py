# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-up, check, move and deletion of the worker as jobs, in a process of their own."""

import tempfile
from pathlib import Path

from ..core.errors import CaptureError
from . import environment
from .interpreters import running_interpreter
from .job import Job, new_log_file
from .setup_folder import require_own
from .setup_steps import unusable_folder

_SETUP = environment.PACKAGE / "bridge" / "setup.py"


def set_up_job(home: Path, python: str = "", offline_folder: str = "") -> Job:
    """Starts the set-up of `home`: `python` runs the worker ("" = found), packages and models come
    from `offline_folder` ("" = the network). Raises CaptureError."""
    try:
        require_own(home)  # before the log makes a folder there
    except OSError as error:
        raise unusable_folder(home, error) from error
    return _job(home, new_log_file(home, "setup"), *_choices(python, offline_folder))


def check_job(home: Path, python: str = "") -> Job:
    """Starts a check; its result event holds `findings`. Raises CaptureError."""
    return _job(home, _log_elsewhere(), "--check", *_choices(python, ""))


def delete_job(home: Path) -> Job:
    """Starts the deletion of what set-up made in `home`. Raises CaptureError."""
    return _job(home, _log_elsewhere(), "--delete")


def move_job(home: Path, target: Path) -> Job:
    """Starts the move of what set-up made in `home` to `target`. Raises CaptureError."""
    return _job(home, _log_elsewhere(), "--move-to", str(target))


def _choices(python: str, offline_folder: str) -> list[str]:
    words = ["--python", python] if python else []
    return [*words, "--offline-folder", offline_folder] if offline_folder else words


def _job(home: Path, log_file: Path, *arguments: str) -> Job:
    python = running_interpreter()
    return Job([python, "-I", "-B", str(_SETUP), "--home", str(home), *arguments], log_file)


def _log_elsewhere() -> Path:
    """The home may not be there, and an open log in it would keep Windows from deleting it."""
    try:
        return Path(tempfile.mkdtemp(prefix="capf-blender-")) / "setup.log"
    except OSError as error:
        raise CaptureError(
            "not_writable",
            f"The folder {tempfile.gettempdir()} for temporary files cannot be written "
            f"({error.strerror}).",
            "Free some space there.",
        ) from error
