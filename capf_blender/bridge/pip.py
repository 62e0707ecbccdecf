# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip as a child process: what it says becomes progress, what goes wrong one sentence."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from ..core.errors import CaptureError
from .setup_contents import gigabytes_needed

_SIZES = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}
_DOWNLOADING = re.compile(r"\s*Downloading (\S+) \(([\d.]+) (bytes|kB|MB|GB)\)")
_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ConnectionError|ConnectionReset|ProxyError"
    r"|Max retries exceeded|connection broken|Network is unreachable|Connection refused"
    r"|Name or service not known|name resolution|getaddrinfo failed|SSLError|Could not fetch URL"
)
_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|\[Errno (28|122)\]")
_NOT_FOUND = re.compile(r"No matching distribution found for (\S+)")


def install_arguments(
    python: Path, requirements: Path, offline_folder: Path | None, whole: bool = False
) -> list[str]:
    """Installs the pinned requirements. Wheels only: nothing is compiled on a user's machine.
    `whole`: the list names all there is to install, what packages ask for is ignored."""
    return [
        *(str(python), "-I", "-m", "pip", "install", *_OPTIONS, "--no-warn-script-location"),
        *(("--no-deps",) if whole else ()),
        *_sources(offline_folder),
        *("--requirement", str(requirements)),
    ]


def download_arguments(
    python: Path, entry: dict[str, str], folder: Path, offline_folder: Path | None
) -> list[str]:
    """Fetches the wheel of a model file, whatever platform it is made for: only data is taken."""
    return [
        *(str(python), "-I", "-m", "pip", "download", *_OPTIONS, "--no-deps"),
        *("--platform", entry["wheel_platform"], "--python-version", entry["wheel_python"]),
        *("--implementation", "cp", "--dest", str(folder)),
        *_sources(offline_folder),
        entry["wheel"],
    ]


_OPTIONS = (
    "--disable-pip-version-check", "--no-input", "--only-binary", ":all:",
    "--progress-bar", "off", "--retries", "3",
)  # fmt: skip


def _sources(offline_folder: Path | None) -> list[str]:
    return ["--no-index", "--find-links", str(offline_folder)] if offline_folder else []


class PipProgress:
    """Turns pip's lines into stages. pip says nothing while it downloads or installs, so the size
    of its temporary file and the number of installed packages are looked at."""

    def __init__(
        self,
        report: Callable[[str, float, float], None],
        temporary: Path,
        venv: Path,
        packages: int,
        what: str = "Packages",
    ) -> None:
        self._report = report
        self._temporary = temporary
        self._venv = venv
        self._packages = packages
        self._what = what
        self._collected = 0
        self._file, self._megabytes = "", 0.0
        self._installing = False

    def line(self, text: str) -> None:
        if text.startswith(("Collecting ", "Processing ", "Requirement already satisfied")):
            self._collected = min(self._collected + 1, self._packages)
            self._file = ""
        elif found := _DOWNLOADING.match(text):
            self._file = found[1].rsplit("/", 1)[-1].split("-")[0]
            self._megabytes = float(found[2]) * _SIZES[found[3]]
        elif text.startswith("Installing collected packages"):
            self._installing = True

    def tick(self) -> None:
        if self._installing:
            done = min(_installed_count(self._venv), self._packages)
            self._report("Installing Packages", done, self._packages)
        elif self._file and self._megabytes >= 1:
            done = min(_newest_size(self._temporary) / 1e6, self._megabytes)
            self._report(f"Downloading {self._file}", round(done, 1), self._megabytes)
        else:
            self._report(f"Downloading {self._what}", self._collected, self._packages)


def _installed_count(venv: Path) -> int:
    """Packages in the environment. Only names are listed: pip moves folders away meanwhile."""
    places = [venv / "Lib" / "site-packages", *(venv / "lib").glob("python*/site-packages")]
    names = [name for place in places if place.is_dir() for name in os.listdir(place)]
    return sum(name.endswith(".dist-info") for name in names)


def _newest_size(folder: Path) -> int:
    """Bytes of the file that pip is writing."""
    newest = (0.0, 0)
    for place, _folders, files in os.walk(folder):
        for file in files:
            try:
                status = os.stat(os.path.join(place, file))
            except OSError:
                continue
            newest = max(newest, (status.st_mtime, status.st_size))
    return newest[1]


def pip_error(log: str, offline_folder: Path | None, home: Path) -> CaptureError:
    """The sentence for a pip that failed with this log.

    Codes: `disk_full`, `offline`, `package_not_found`, `install_failed`.
    """
    if _DISK_FULL.search(log):
        return disk_full(home)
    if _NO_NETWORK.search(log):
        return offline()
    if found := _NOT_FOUND.search(log):
        return not_found(found[1], offline_folder or "the package index")
    errors = [line for line in log.splitlines() if line.startswith("ERROR:")]
    return CaptureError(
        "install_failed",
        errors[-1].removeprefix("ERROR: ") if errors else "The packages could not be installed.",
        f"Run Set Up again; the details are in {home / 'logs'}.",
    )


def offline() -> CaptureError:
    return CaptureError(
        "offline",
        "The package index cannot be reached.",
        "Connect to the Internet and run Set Up again, or give it an offline folder.",
    )


def not_found(package: str, place: object) -> CaptureError:
    return CaptureError(
        "package_not_found",
        f"There is no {package} for this computer in {place}.",
        "Choose another Python in the preferences, or complete the offline folder.",
    )


def disk_full(home: Path) -> CaptureError:
    return CaptureError(
        "disk_full",
        f"The disk that holds {home} is full.",
        f"Free {gigabytes_needed():g} GB and run Set Up again (it continues where it stopped), or "
        "choose another folder.",
    )
