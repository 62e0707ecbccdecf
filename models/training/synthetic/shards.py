# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of renders: encoded pictures and their ground truth. Reading needs numpy and OpenCV."""

import os
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Render:
    """A person alone, seen through a square window of a camera's picture.

    Camera axes: x right, y down, z forward; metres.
    """

    rgba: np.ndarray  # (S, S, 4) uint8, straight alpha
    focal_px: float  # window pixels
    principal: np.ndarray  # (2,) window pixels, maybe outside the window
    joints: np.ndarray  # (28, 3) float32, order JOINT_NAMES
    joints_2d: np.ndarray  # (28, 2) float32 window pixels
    visible: np.ndarray  # (28,) bool
    camera_up: np.ndarray  # (3,) float32: the world's up
    camera_height: float  # of the camera above the floor
    actor: str
    clip: str  # whose motion the pose, or the arms of a random pose, come from
    pose_kind: str


SIZE = 320  # px, a side of the window

_TRUTH = [field.name for field in fields(Render) if field.name != "rgba"]


def write(path: Path, pictures: list[bytes], truths: list[dict[str, object]]) -> None:
    """Stores encoded square RGBA pictures (of any size: `read` scales them) with all of Render's
    other fields."""
    columns = {name: np.array([truth[name] for truth in truths]) for name in _TRUTH}
    ends = np.cumsum([len(picture) for picture in pictures])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        joined = np.frombuffer(b"".join(pictures), np.uint8)
        np.savez(file, allow_pickle=False, pictures=joined, ends=ends, **columns)
    part.replace(path)


def read(path: Path) -> list[Render]:
    import cv2

    with np.load(path, allow_pickle=False) as stored:
        columns = {name: stored[name] for name in _TRUTH}
        starts = np.concatenate([[0], stored["ends"]])
        pictures = stored["pictures"]
    renders = []
    for row in range(len(starts) - 1):
        bgra = cv2.imdecode(pictures[starts[row] : starts[row + 1]], cv2.IMREAD_UNCHANGED)
        if bgra is None:
            raise ValueError(f"{path}: picture {row} cannot be decoded")
        truth = {name: column[row] for name, column in columns.items()}
        for name in ("actor", "clip", "pose_kind"):
            truth[name] = str(truth[name])
        for name in ("focal_px", "camera_height"):
            truth[name] = float(truth[name])
        renders.append(Render(rgba=_scaled(bgra), **truth))
    return renders


def _scaled(bgra: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE, 4) RGBA: pixels of the larger picture averaged. Those are either opaque or black
    and transparent, so that the mean of all colours is the one of the opaque times their share."""
    import cv2

    rgba = cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA)
    small = cv2.resize(rgba, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    edge = (small[..., 3] > 0) & (small[..., 3] < 255)
    colours = small[edge, :3] * (255.0 / small[edge, 3:])
    small[edge, :3] = colours.round().clip(0, 255)
    return small
