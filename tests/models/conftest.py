# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real frames and the real networks."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

# as in the worker: threads that wait must not keep other processes from the cores
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import av

from models.blazepose.estimator import BlazePoseEstimator
from models.blazepose.network import GraphNetwork
from models.blazepose.weights import DETECTOR_FILE, LANDMARKS_FILE, load_network
from models.interface import Camera


@pytest.fixture(scope="session")
def weights(worker_home: Path) -> Path:
    return worker_home / "models"


@pytest.fixture(scope="session")
def detector(weights: Path) -> GraphNetwork:
    return GraphNetwork(load_network(weights, DETECTOR_FILE))


@pytest.fixture(scope="session")
def landmark_network(weights: Path) -> GraphNetwork:
    return GraphNetwork(load_network(weights, LANDMARKS_FILE))


@pytest.fixture(scope="session")
def frames_of(shared: Path) -> Callable[[str, int], list[np.ndarray]]:
    """The first (H, W, 3) uint8 RGB frames of a reference clip, by its name."""

    def read(clip: str, count: int) -> list[np.ndarray]:
        frames = []
        with av.open(str(shared / "footage" / f"{clip}.mp4")) as container:
            for frame in container.decode(video=0):
                if len(frames) == count:
                    break
                frames.append(frame.to_ndarray(format="rgb24"))
        return frames

    return read


@pytest.fixture
def estimator_for(weights: Path) -> Callable[[np.ndarray], BlazePoseEstimator]:
    """A fresh estimator for clips with frames like the given one."""

    def make(frame: np.ndarray) -> BlazePoseEstimator:
        height, width = frame.shape[:2]
        camera = Camera(width, height, 1.2 * max(width, height))
        return BlazePoseEstimator(weights, "cpu", camera)

    return make
