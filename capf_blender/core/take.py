# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The take: what a capture found, raw, kept for ever; everything else is computed from it."""

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CaptureError

TAKE_FILE = "take.npz"
REQUEST_FILE = "request.json"
PREVIEW_FILE = "preview.jpg"  # the newest frame with the people in it, while a capture runs
TAKE_VERSION = 1


@dataclass(frozen=True, eq=False)
class Take:
    """One person of one capture. Frames without that person are NaN in every per-frame array.

    F frames, K detector keypoints, J skeleton joints, P people that were seen. Pixels have their
    origin in the top left corner of the upright frame (rotation metadata applied), x right, y down,
    (0, 0) being the corner of the first pixel and not its centre.
    Camera axes: x right, y down, z forward.
    """

    time_s: np.ndarray  # (F,) seconds since the video's first frame, increasing
    bbox: np.ndarray  # (F, 4) pixels: left, top, right, bottom
    keypoints_2d: np.ndarray  # (F, K, 2) pixels, as the detector names them
    confidence: np.ndarray  # (F, K) 0..1
    keypoint_names: np.ndarray  # (K,) str
    joints: np.ndarray  # (F, J, 3) metres, camera axes, relative to the pelvis
    joints_2d: np.ndarray  # (F, J, 2) pixels: the same joints as seen in the image
    joints_confidence: np.ndarray  # (F, J) 0..1
    joint_names: np.ndarray  # (J,) str
    joint_parents: np.ndarray  # (J,) int, -1 for the root
    image_size: np.ndarray  # (2,) int: width, height of the upright frame in pixels
    focal_px: float  # focal length in pixels, NaN when neither given nor in the metadata
    person: int  # id of the person in this take
    people_ids: np.ndarray  # (P,) int: everybody who was seen
    people_bbox: np.ndarray  # (P, F, 4) pixels

    def __post_init__(self) -> None:
        frames, keypoints, joints, people = (
            len(self.time_s), len(self.keypoint_names), len(self.joint_names), len(self.people_ids)
        )  # fmt: skip
        expected = {
            "time_s": (frames,), "bbox": (frames, 4), "keypoints_2d": (frames, keypoints, 2),
            "confidence": (frames, keypoints), "joints": (frames, joints, 3),
            "joints_2d": (frames, joints, 2), "joints_confidence": (frames, joints),
            "joint_parents": (joints,), "image_size": (2,), "people_bbox": (people, frames, 4),
        }  # fmt: skip
        for name, shape in expected.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                raise ValueError(f"take array {name} has shape {found}, expected {shape}")
        if frames > 1 and not np.all(np.diff(self.time_s) > 0):
            raise ValueError("take times do not increase")

    @property
    def present(self) -> np.ndarray:
        """(F,) bool: the person was found in that frame."""
        return np.isfinite(self.joints.sum(axis=(1, 2)))


def write_atomically(path: Path, write, flush: bool = True) -> None:
    """Calls `write(file)` on a temporary binary file and moves it to `path` once it is on the disk;
    without `flush`, for what may be lost when the computer stops, once it is written.

    Raises CaptureError `disk_full` when there is no room; `path` is then as it was before.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb") as file:
            write(file)
            if flush:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(error, path) from error


def disk_error(error: OSError, path: Path) -> CaptureError:
    """The sentence for a file that could not be written."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CaptureError(
            "disk_full",
            f"The disk that holds {path.parent} is full.",
            "Free some space and start the capture again: it continues where it stopped.",
        )
    return CaptureError(
        "not_writable",
        f"{path} could not be written ({error.strerror}).",
        "Choose a folder that you may write to.",
    )


def save_take(folder: Path, take: Take) -> Path:
    """Writes `folder/take.npz` and returns its path."""
    path = Path(folder) / TAKE_FILE
    arrays: dict[str, Any] = {field.name: getattr(take, field.name) for field in fields(take)}
    write_atomically(path, lambda file: np.savez_compressed(file, version=TAKE_VERSION, **arrays))
    return path


def load_take(path: Path) -> Take:
    """Reads a take from its folder or from its .npz file.

    Raises CaptureError `no_take` (nothing there) or `bad_take` (unreadable, or another version).
    """
    path = Path(path)
    file = path / TAKE_FILE if path.is_dir() else path
    if not file.is_file():
        raise CaptureError("no_take", f"There is no finished take in {path}.", "Capture it first.")
    try:
        with np.load(file, allow_pickle=False) as data:
            version = int(data["version"])
            arrays = {field.name: data[field.name] for field in fields(Take)}
        arrays["focal_px"] = float(arrays["focal_px"])
        arrays["person"] = int(arrays["person"])
        take = Take(**arrays)
    except Exception as error:  # zip, numpy and key errors alike: the file is not a take
        raise CaptureError(
            "bad_take", f"{file} is damaged or no take ({error}).", "Capture the footage again."
        ) from error
    if version != TAKE_VERSION:
        raise CaptureError(
            "bad_take",
            f"{file} has take version {version}, this add-on reads {TAKE_VERSION}.",
            "Capture the footage again.",
        )
    return take


def load_request(folder: Path) -> dict:
    """The request that made the take in `folder`; {} when there is none."""
    try:
        return json.loads((Path(folder) / REQUEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
