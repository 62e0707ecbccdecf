# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a confidence means what it says: of joints given 0.8, eight in ten should be right."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from capf_blender.core.errors import CaptureError

BINS = 10
SIDE, MARGIN = 480, 64  # pixels of the plot's square and around it
_COLOURS = ((44, 110, 214), (180, 119, 31), (44, 160, 44), (140, 86, 148), (90, 90, 90))  # BGR


@dataclass(frozen=True, eq=False)
class Reliability:
    """By bins of equal width of the confidence; bins without joints hold NaN."""

    count: np.ndarray  # (10,)
    predicted: np.ndarray  # (10,) mean confidence
    observed: np.ndarray  # (10,) share that was right

    @property
    def expected_error(self) -> float:
        """Mean distance of predicted and observed over the joints, "expected calibration error"
        (Guo et al., ICML 2017, equation 3)."""
        distance = np.nan_to_num(np.abs(self.predicted - self.observed))
        return float((self.count * distance).sum() / max(1, self.count.sum()))


def reliability(confidence: np.ndarray, right: np.ndarray) -> Reliability:
    """Of `confidence` (N,) 0..1 and whether each was `right` (N,) bool. Raises ValueError."""
    if confidence.shape != right.shape:
        raise ValueError(f"{confidence.shape} confidences, {right.shape} outcomes")
    if len(confidence) and not (confidence.min() >= 0 and confidence.max() <= 1):
        raise ValueError("a confidence lies outside 0 to 1")
    number = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(number, minlength=BINS)
    with np.errstate(invalid="ignore"):
        means = [
            np.bincount(number, weights=values, minlength=BINS) / count
            for values in (confidence, right.astype(float))
        ]
    return Reliability(count, *means)


def draw_reliability(found: Mapping[str, Reliability], file: Path) -> None:
    """A picture of observed shares over predicted ones, a curve for each name; a dot's area is the
    share of the joints. Raises CaptureError `not_writable`."""
    size = SIDE + 2 * MARGIN
    image = np.full((size, size, 3), 255, np.uint8)

    def place(x: float, y: float) -> tuple[int, int]:
        return round(MARGIN + SIDE * x), round(MARGIN + SIDE * (1 - y))

    def write(text: str, x: int, y: int, colour: tuple[int, int, int] = (60, 60, 60)) -> None:
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(image, text, (x, y), font, 0.5, colour, 1, cv2.LINE_AA)

    for tick in np.linspace(0, 1, 6):
        cv2.line(image, place(tick, 0), place(tick, 1), (230, 230, 230))
        cv2.line(image, place(0, tick), place(1, tick), (230, 230, 230))
        write(f"{tick:.1f}", place(tick, 0)[0] - 12, size - MARGIN + 20)
        write(f"{tick:.1f}", MARGIN - 34, place(0, tick)[1] + 5)
    cv2.line(image, place(0, 0), place(1, 1), (150, 150, 150), 1, cv2.LINE_AA)
    write("confidence", size // 2 - 45, size - 16)
    write("share that is right", 8, 24)
    for row, (name, each) in enumerate(found.items()):
        colour = _COLOURS[row % len(_COLOURS)]
        known = each.count > 0
        points = [
            place(x, y) for x, y in zip(each.predicted[known], each.observed[known], strict=True)
        ]
        for one, next_one in pairwise(points):
            cv2.line(image, one, next_one, colour, 2, cv2.LINE_AA)
        for point, count in zip(points, each.count[known], strict=True):
            radius = max(3, round(24 * np.sqrt(count / each.count.sum())))
            cv2.circle(image, point, radius, colour, -1, cv2.LINE_AA)
        text = f"{name}, calibration error {each.expected_error:.3f}"
        write(text, MARGIN + 12, MARGIN + 22 + 20 * row, colour)
    _, data = cv2.imencode(".png", image)
    try:
        file.write_bytes(data.tobytes())  # cv2.imwrite cannot write to every path on Windows
    except OSError as error:
        raise CaptureError(
            "not_writable", f"{file} cannot be written ({error.strerror}).", "Name another file."
        ) from error
