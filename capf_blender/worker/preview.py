# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest frame with everybody found in it, as a small picture in the job folder."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from models.interface import PersonPose

from ..core.skeleton import JOINT_PARENTS
from ..core.take import PREVIEW_FILE, write_atomically

INTERVAL_S = 0.5
LONGER_SIDE_PX = 512
QUALITY = 80  # of the JPEG
LEAST_CONFIDENCE = 0.2  # of joints that are drawn
_COLOURS = ((64, 200, 255), (255, 160, 64), (128, 255, 96), (255, 96, 200), (255, 240, 80))  # RGB


class Preview:
    """Writes the picture, at most every `INTERVAL_S` seconds."""

    def __init__(self, job_folder: Path) -> None:
        self._file = job_folder / PREVIEW_FILE
        self._written_at = -math.inf

    def show(self, image: np.ndarray, people: Sequence[PersonPose]) -> None:
        """`image` (H, W, 3) uint8 RGB stays as it is. Raises CaptureError when the disk is full."""
        now = time.monotonic()
        if now - self._written_at < INTERVAL_S:
            return
        self._written_at = now
        drawn = draw_people(image, people)
        options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), options)
        write_atomically(self._file, lambda file: file.write(encoded.tobytes()), flush=False)


def draw_people(image: np.ndarray, people: Sequence[PersonPose]) -> np.ndarray:
    """A copy of `image`, its longer side `LONGER_SIDE_PX` at most, with box, id and skeleton of
    each person."""
    height, width = image.shape[:2]
    scale = min(1.0, LONGER_SIDE_PX / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image.copy()
    for pose in people:
        colour = _COLOURS[pose.person % len(_COLOURS)]
        _draw_box(small, np.nan_to_num(pose.bbox * scale), pose.person, colour)
        _draw_bones(small, pose.joints_2d * scale, pose.joints_confidence, colour)
    return small


def _draw_box(
    image: np.ndarray, box: np.ndarray, person: int, colour: tuple[int, int, int]
) -> None:
    left, top, right, bottom = (int(value) for value in np.clip(box, -10_000, 10_000))
    cv2.rectangle(image, (left, top), (right, bottom), colour, 1, cv2.LINE_AA)
    place = max(2, left), max(14, top - 4)
    for width, ink in ((3, (0, 0, 0)), (1, colour)):  # legible on bright and on dark
        cv2.putText(
            image, str(person), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, width, cv2.LINE_AA
        )


def _draw_bones(
    image: np.ndarray, joints: np.ndarray, confidence: np.ndarray, colour: tuple[int, int, int]
) -> None:
    sure = np.isfinite(joints).all(axis=1) & (confidence >= LEAST_CONFIDENCE)
    pixels = np.clip(np.nan_to_num(joints), -10_000, 10_000).astype(int)
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0 and sure[joint] and sure[parent]:
            start, end = pixels[parent].tolist(), pixels[joint].tolist()
            cv2.line(image, start, end, colour, 2, cv2.LINE_AA)
