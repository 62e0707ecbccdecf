# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of every environment share. `python3 run.py test` provides all of it."""

import os
import sys
from pathlib import Path

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


@pytest.fixture(scope="session")
def worker_home() -> Path:
    """A worker that the add-on's own set-up has set up."""
    home = Path(os.environ.get("CAPF_HOME") or REPO / "build" / "worker")
    if not (home / "models").is_dir():
        pytest.fail("the worker is not set up: start the tests with python3 run.py test")
    return home
