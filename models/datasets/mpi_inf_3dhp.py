# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MPI-INF-3DHP's test set as its authors pack it (Mehta et al., 3DV 2017).

    DIR/mpi_inf_3dhp_test_set/TS1/annot_data.mat, or DIR/TS1/annot_data.mat
    .../TS1/imageSequence/img_000001.jpg; the first image is number 1

annot_data.mat is MATLAB 7.3, which is HDF5: reading it needs h5py, no part of the worker.
"""

import logging
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from capf_blender.core.errors import CaptureError

from .h36m import box_around
from .samples import JOINTS, PoseSamples

logger = logging.getLogger(__name__)

SEQUENCES = ("TS1", "TS2", "TS3", "TS4", "TS5", "TS6")
H36M_ORDER = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
"""3DHP's 17 joints (head top, neck, right arm, left arm, right leg, left leg, pelvis, spine, head)
in Human3.6M's order; its "head" stands for Human3.6M's neck/nose."""

PCK_JOINTS = (1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16)
"""The joints, in Human3.6M's order, over which the data set's own scripts average PCK and AUC: all
but pelvis, spine and head."""


@dataclass(frozen=True)
class SequenceLabels:
    """What is read of one annot_data.mat, F frames; h5py shows MATLAB's dimensions in reverse."""

    annot2: np.ndarray  # (F, 1, 17, 2) pixels
    annot3: np.ndarray  # (F, 1, 17, 3) millimetres, camera axes
    univ_annot3: (
        np.ndarray
    )  # (F, 1, 17, 3) the same, each person scaled to the size that scores use
    valid_frame: np.ndarray  # (F, 1) not 0: the frame counts

    @classmethod
    def read(cls, path: Path) -> "SequenceLabels":
        """Raises CaptureError `h5py_missing` or `bad_labels`, which names what is missing."""
        try:
            import h5py
        except ImportError as error:
            raise CaptureError(
                "h5py_missing",
                f"{path.name} is an HDF5 file, and this Python cannot read these.",
                f"Install the reader: {sys.executable} -m pip install h5py",
            ) from error
        try:
            with h5py.File(path, "r") as file:
                labels = cls(*(_dataset(file, f.name, path) for f in fields(cls)))
        except OSError as error:
            raise _bad(f"{path} is no MATLAB 7.3 file ({error}).") from error
        for name, axes in (("annot2", 2), ("annot3", 3), ("univ_annot3", 3)):
            found, expected = (
                getattr(labels, name).shape,
                (labels.valid_frame.size, 1, JOINTS, axes),
            )
            if found != expected:
                raise _bad(f"{name} in {path} has shape {found}, expected {expected}.")
        if not labels.valid_frame.any():
            raise _bad(f"{path} has no valid frame.")
        return labels


def read_3dhp(folder: Path, keypoints: str = "auto") -> PoseSamples:
    """The valid frames of the test sequences that are there, grouped by sequence.

    `keypoints`: "annot2" for the true 2D joints, as many papers do; otherwise a detector finds
    them. Raises CaptureError `missing_file`, `h5py_missing` or `bad_labels`.
    """
    if keypoints not in ("auto", "detector", "annot2"):
        raise _bad(f"There are no 2D joints called {keypoints!r}, only annot2.")
    inside = folder / "mpi_inf_3dhp_test_set"
    folder = inside if inside.is_dir() else folder
    there = [name for name in SEQUENCES if (folder / name / "annot_data.mat").is_file()]
    if not there:
        raise CaptureError(
            "missing_file",
            f"{folder} has no TS1/annot_data.mat to TS6/annot_data.mat.",
            "Give the folder that holds mpi_inf_3dhp_test_set.",
        )
    if missing := set(SEQUENCES) - set(there):
        logger.warning("not there, so not evaluated: %s", ", ".join(sorted(missing)))
    parts = [_sequence(folder, name, keypoints == "annot2") for name in there]
    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts]) for name in parts[0]
    }
    return PoseSamples(folder=folder, group_names=SEQUENCES, video=columns["group"], **columns)


def _sequence(folder: Path, name: str, with_keypoints: bool) -> dict[str, np.ndarray]:
    labels = SequenceLabels.read(folder / name / "annot_data.mat")
    rows = np.flatnonzero(labels.valid_frame.reshape(-1))
    points = labels.annot2[rows, 0][:, H36M_ORDER]  # (N, 17, 2)
    seen = labels.annot3[rows, 0][:, H36M_ORDER] / 1000  # (N, 17, 3) metres
    scored = labels.univ_annot3[rows, 0][:, H36M_ORDER] / 1000
    focal, middle = fit_camera(seen, points)
    boxes = np.stack([box_around(pelvis, focal, middle) for pelvis in seen[:, 0]])
    known = points if with_keypoints else np.full_like(points, np.nan)
    return {
        "images": np.array([f"{name}/imageSequence/img_{row + 1:06d}.jpg" for row in rows]),
        "joints": (scored - scored[:, :1]).astype(np.float32),
        "keypoints": known.astype(np.float32),
        "boxes": boxes.astype(np.float32),
        "focal": np.full(len(rows), focal[0], np.float32),
        "group": np.full(len(rows), SEQUENCES.index(name)),
        "frame": rows,
    }


def fit_camera(joints: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Focal lengths (2,) and principal point (2,) in pixels that project (N, J, 3) joints in camera
    axes to (N, J, 2) pixels with the least squares: the labels name no camera."""
    solved = []
    for axis in range(2):
        ratio = (joints[..., axis] / joints[..., 2]).ravel()
        system = np.column_stack((ratio, np.ones_like(ratio)))
        solved.append(np.linalg.lstsq(system, points[..., axis].ravel())[0])
    (fx, cx), (fy, cy) = solved
    return np.array([fx, fy]), np.array([cx, cy])


def _dataset(file: Any, name: str, path: Path) -> np.ndarray:
    if name not in file:
        raise _bad(f"{path} has no variable {name!r}, only {', '.join(file)}.")
    return np.asarray(file[name], np.float64)


def _bad(message: str) -> CaptureError:
    hint = "It has to be as MPI-INF-3DHP's authors pack it; fetch it again."
    return CaptureError("bad_labels", message, hint)
