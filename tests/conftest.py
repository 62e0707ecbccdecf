# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of every environment share. `python3 run.py test` provides all of it."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))
# As in the worker itself: before torch is imported, or tests crawl while others use the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def repo() -> Path:
    return REPO


@pytest.fixture(scope="session")
def shared() -> Path:
    """Clips and reference outputs that cannot be part of this repository."""
    folder = REPO.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder of reference clips is not beside the repository")
    return folder


@pytest.fixture(scope="session")
def demo_video() -> Path:
    """The Sports2D demo clip: 1768 x 994, 30 fps, 230 frames, two people."""
    path = REPO / "build" / "footage" / "demo.mp4"
    if not path.is_file():
        pytest.fail("the demo clip is missing: start the tests with python3 run.py test")
    return path


@dataclass(frozen=True)
class SyntheticClip:
    """A rendered clip and exactly what happens in it (`tests/fixtures/README.md`)."""

    video: Path
    truth: dict[str, np.ndarray]


@pytest.fixture(scope="session")
def synthetic_clip() -> SyntheticClip:
    """One man in 1280 x 720, 30 fps, 112 frames."""
    folder = REPO / "tests" / "fixtures"
    with np.load(folder / "synthetic_person.npz", allow_pickle=False) as stored:
        return SyntheticClip(folder / "synthetic_person.mp4", {k: stored[k] for k in stored.files})


@pytest.fixture(scope="session")
def worker_home() -> Path:
    """A worker that the add-on's own set-up has set up."""
    home = Path(os.environ.get("CAPF_HOME") or REPO / "build" / "worker")
    if not (home / "models").is_dir():
        pytest.fail("the worker is not set up: start the tests with python3 run.py test")
    return home
