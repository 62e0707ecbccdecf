# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python can run the worker."""

import shutil
import subprocess
import sys
from pathlib import Path

from ..core.errors import CaptureError
from .process import clean_environment

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""Python versions that all of the worker's packages have wheels for."""

_PROBE = (
    "import sys, venv;"  # ensurepip, which Debian takes out, can be done without
    "print(sys.implementation.name, *sys.version_info[:2], sys.maxsize > 2**32)"
)


def running_interpreter() -> str:
    """The Python that runs this code, as a program; inside Blender that is Blender's own."""
    here = Path(sys.executable or "")
    if here.stem.lower().startswith("python"):
        return str(here)
    prefix = Path(sys.base_exec_prefix)
    names = (f"bin/python3.{sys.version_info[1]}", "bin/python3", "bin/python.exe", "python.exe")
    for name in names:
        if (prefix / name).is_file():
            return str(prefix / name)
    raise CaptureError(
        "no_python", "Blender's own Python was not found.", "Choose a Python in the preferences."
    )


def worker_interpreter(explicit: str | None = None) -> str:
    """A CPython of `VERSIONS` that can make environments: `explicit`, else the one that runs this,
    else one on the PATH. Takes up to a second each; raises CaptureError `no_python`."""
    if explicit:
        version, reason = _probe(explicit)
        if version is None:
            raise CaptureError(
                "no_python",
                f"{explicit} cannot run the worker: {reason}.",
                "Choose a Python 3.11 to 3.14 that has the module venv.",
            )
        return explicit
    candidates = [getattr(sys, "_base_executable", None) or sys.executable]
    candidates += [shutil.which(f"python{version}") for version in VERSIONS]
    for candidate in candidates:
        if candidate and usable_version(candidate):
            return candidate
    raise CaptureError(
        "no_python",
        "No Python 3.11 to 3.14 that can make an environment was found.",
        "Install one (on Debian: python3 with python3-venv) or choose it in the preferences.",
    )


def usable_version(python: str) -> str | None:
    """ "3.11" and so on; None when it does not start or cannot run the worker."""
    version, _reason = _probe(python)
    return version


def _probe(python: str) -> tuple[str | None, str]:
    """The version, and without one the reason."""
    try:
        probe = subprocess.run(
            [python, "-I", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            env=clean_environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None, "it does not start"
    if probe.returncode:
        lines = probe.stderr.strip().splitlines()
        return None, lines[-1] if lines else "it does not start"
    name, major, minor, is_64_bit = probe.stdout.split()
    version = f"{major}.{minor}"
    if name != "cpython" or version not in VERSIONS or is_64_bit != "True":
        return None, f"it is {name} {version}, not a 64-bit CPython 3.11 to 3.14"
    return version, ""
