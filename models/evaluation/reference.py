# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""3D references of real clips: a person's joints in the axes of the camera that filmed the clip,
measured with several cameras. The README says how such a file is laid out."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT

LIMBS: tuple[str, ...] = (
    "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle",
    "l_shoulder", "l_elbow", "l_wrist", "r_shoulder", "r_elbow", "r_wrist",
)  # fmt: skip
"""Joints that every convention defines about alike; errors are means over these twelve."""

LIMB_ROWS = [JOINT[name] for name in LIMBS]
HIPS = (LIMBS.index("l_hip"), LIMBS.index("r_hip"))
SHOULDERS = (LIMBS.index("l_shoulder"), LIMBS.index("r_shoulder"))

_KEYS = ("joints", "names", "frames", "uv", "K", "camera_from_world")


@dataclass(frozen=True, eq=False)
class Reference:
    """F frames of a clip in which one person's limbs are known."""

    joints: np.ndarray  # (F, 12, 3) metres, camera axes, the joints of LIMBS
    pixels: np.ndarray  # (F, 12, 2) the same in the upright frame
    person_px: np.ndarray  # (F,) longer side of the box around all joints of the file
    frames: np.ndarray  # (F,) numbers of the clip's frames, increasing
    focal_px: float  # of the upright frame
    up: np.ndarray  # (3,) the world's up axis in camera axes, unit length


def from_mid_hip(limbs: np.ndarray) -> np.ndarray:
    """(..., 12, 3) joints of LIMBS relative to the middle of the hips."""
    return limbs - limbs[..., list(HIPS), :].mean(-2, keepdims=True)


def read_reference(file: Path) -> Reference:
    """Raises CaptureError `missing_file` or `bad_reference`."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError as error:
        raise CaptureError(
            "missing_file", f"{file} does not exist.", "Name the reference's .npz file."
        ) from error
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise _refused(file, "is damaged or no .npz file") from error
    for key in _KEYS:
        if key not in arrays:
            raise _refused(file, f"has no array {key!r}")
    names = [str(name) for name in np.atleast_1d(arrays["names"])]
    if missing := [name for name in map(_layout_name, LIMBS) if name not in names]:
        raise _refused(file, f"names no joint {missing[0]!r}")
    count = len(np.atleast_1d(arrays["frames"]))
    shapes = {
        "joints": (count, len(names), 3), "uv": (count, len(names), 2), "frames": (count,),
        "K": (3, 3), "camera_from_world": (3, 4),
    }  # fmt: skip
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise _refused(file, f"has {key} of shape {arrays[key].shape} instead of {shape}")
        if not np.issubdtype(arrays[key].dtype, np.number) or not np.isfinite(arrays[key]).all():
            raise _refused(file, f"has {key} that are not all numbers")
    frames = arrays["frames"].astype(int)
    if not count or frames[0] < 0 or (np.diff(frames) <= 0).any():
        raise _refused(file, "has frame numbers that do not increase from 0 or later")
    rows = [names.index(_layout_name(name)) for name in LIMBS]
    pixels = arrays["uv"].astype(float)
    return Reference(
        joints=arrays["joints"][:, rows].astype(float),
        pixels=pixels[:, rows],
        person_px=np.ptp(pixels, axis=1).max(axis=1),
        frames=frames,
        focal_px=float(np.diag(arrays["K"])[:2].mean()),
        up=_unit(arrays["camera_from_world"][:, 2].astype(float), file),
    )


def _layout_name(name: str) -> str:
    """ "l_hip" -> "LHip"."""
    return "".join(part.capitalize() for part in name.split("_"))


def _unit(vector: np.ndarray, file: Path) -> np.ndarray:
    length = np.linalg.norm(vector)
    if length < 1e-6:
        raise _refused(file, "has a camera_from_world that is no rotation")
    return vector / length


def _refused(file: Path, what: str) -> CaptureError:
    return CaptureError(
        "bad_reference", f"{file} {what}.", "Give a reference in the layout of the README."
    )
