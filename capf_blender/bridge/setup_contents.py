# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a set-up downloads, for the eyes of who is about to click it. The packages themselves are
named by the manifest's lists; the sizes here are those of the wheels that they pin."""

import sys
from dataclasses import dataclass
from pathlib import Path

_MARKERS = {'platform_system == "Windows"': sys.platform == "win32"}


@dataclass(frozen=True)
class Download:
    label: str
    licences: str
    megabytes: int


def downloads(platform: str = sys.platform) -> list[Download]:
    """The largest first. On Linux PyTorch is built for CUDA and brings its libraries."""
    torch = {"linux": 2600, "win32": 122, "darwin": 111}.get(platform, 200)
    cuda = ", NVIDIA's for the CUDA libraries" if platform == "linux" else ""
    return [
        Download("PyTorch", f"BSD-3-Clause{cuda}", torch),
        Download("MMPose and SciPy, for the HRNet models", "Apache-2.0, BSD, MIT", 66),
        Download("OpenCV", "Apache-2.0", 60),
        Download("PyAV with FFmpeg", "BSD-3-Clause, LGPL-2.1", 36),
        Download("BlazePose models, in MediaPipe", "Apache-2.0", 36),
        Download("NumPy, SymPy and small packages", "BSD, MIT, Apache-2.0", 28),
    ]


def gigabytes_needed(platform: str = sys.platform) -> float:
    """Free disk space that a set-up asks for: what is installed and, meanwhile, downloaded."""
    return 9.0 if platform == "linux" else 3.0


def pins(requirements: Path) -> dict[str, str]:
    """Package name in lower case with dashes: pinned version, of those for this system.

    Raises OSError, and ValueError for a line that set-up's lists do not have.
    """
    found = {}
    for line in requirements.read_text(encoding="utf-8").splitlines():
        requirement, _, marker = (part.strip() for part in line.split("#")[0].partition(";"))
        if not requirement or (marker and not _MARKERS[marker]):
            continue
        name, version = requirement.split("==")
        found[name.lower().replace("_", "-")] = version
    return found
