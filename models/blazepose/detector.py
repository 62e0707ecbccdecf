# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds people in a frame: BlazePose's detector on square windows of it.

Constants and decoding follow MediaPipe's pose_detection graph (0.10.21).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from .network import GraphNetwork
from .regions import regions_from_alignment

INPUT_SIZE = 224  # pixels
MIN_SCORE = 0.5
MIN_OVERLAP = 0.3  # intersection over union above which two boxes are the same person
BOXES, SCORES = 441, 429  # output tensors of pose_detection.tflite


@dataclass(frozen=True, eq=False)
class Candidates:
    """People that the detector sees, best first."""

    boxes: np.ndarray  # (N, 4) pixels of the frame: left, top, right, bottom of the head
    points: np.ndarray  # (N, 4, 2) pixels: mid-hip, end of the body's circle, the same of the chest
    scores: np.ndarray  # (N,) 0..1

    @property
    def regions(self) -> np.ndarray:
        """(N, 4) regions around the whole bodies."""
        return regions_from_alignment(self.points[:, 0], self.points[:, 1])


def anchor_centres() -> np.ndarray:
    """(2254, 2) centres of the anchors in the window, 0..1 (MediaPipe: SsdAnchorsCalculator with
    strides 8, 16, 32, 32, 32, two anchors a layer, fixed size)."""
    layers = []
    for cells, anchors in ((28, 2), (14, 2), (7, 6)):
        rows, columns = np.mgrid[:cells, :cells]
        centres = (np.stack((columns, rows), axis=-1).reshape(-1, 2) + 0.5) / cells
        layers.append(np.repeat(centres, anchors, axis=0))
    return np.concatenate(layers)


ANCHORS = anchor_centres()


def whole_frame(width: int, height: int) -> np.ndarray:
    """(1, 3) the square window around the frame: left, top, side in pixels."""
    side = max(width, height)
    return np.array([[(width - side) / 2, (height - side) / 2, side]])


def tiles(width: int, height: int, side: int) -> np.ndarray:
    """(T, 3) windows of that side which cover the frame and overlap by at least a third."""

    def starts(length: int) -> np.ndarray:
        if length <= side:
            return np.array([(length - side) / 2])
        count = int(np.ceil((length - side) / (side * 2 / 3))) + 1
        return np.linspace(0, length - side, count)

    return np.array([(x, y, side) for y in starts(height) for x in starts(width)], float)


def detect(network: GraphNetwork, frame: np.ndarray, windows: np.ndarray) -> Candidates:
    """The people in (W, 3) windows of the (H, W, 3) uint8 frame, each once."""
    images = np.stack([_window_image(frame, window) for window in windows])
    device = next(network.buffers()).device
    tensor = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        raw, logits = (t.double().cpu().numpy() for t in network.spread(tensor, (BOXES, SCORES)))
    scores = 1 / (1 + np.exp(-np.clip(logits[..., 0], -100, 100)))
    window, anchor = np.nonzero(scores >= MIN_SCORE)
    values = raw[window, anchor].reshape(-1, 6, 2) / INPUT_SIZE
    origin, side = windows[window, None, :2], windows[window, 2, None, None]
    points = (values[:, [0, 2, 3, 4, 5]] + ANCHORS[anchor, None]) * side + origin
    half = values[:, 1] * side[:, 0] / 2
    boxes = np.concatenate((points[:, 0] - half, points[:, 0] + half), axis=1)
    return _suppress(boxes, points[:, 1:], scores[window, anchor])


def _window_image(frame: np.ndarray, window: np.ndarray) -> np.ndarray:
    """(224, 224, 3): the window, black outside of the frame."""
    left, top, side = window
    scale = INPUT_SIZE / side
    height, width = frame.shape[:2]
    x0, x1 = max(round(left), 0), min(round(left + side), width)
    y0, y1 = max(round(top), 0), min(round(top + side), height)
    # rounded to pixels of the frame, the window's edges may lie outside of the image by one
    a, c, b, d = (
        min(max(round(scale * offset), 0), INPUT_SIZE)
        for offset in (x0 - left, x1 - left, y0 - top, y1 - top)
    )
    image = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    if x0 >= x1 or y0 >= y1 or a >= c or b >= d:  # beside the frame, or hardly in it
        return image
    # areas are averaged: people a few pixels wide would be lost between the samples otherwise
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image[b:d, a:c] = cv2.resize(frame[y0:y1, x0:x1], (c - a, d - b), interpolation=interpolation)
    return image


def _suppress(boxes: np.ndarray, points: np.ndarray, scores: np.ndarray) -> Candidates:
    """Boxes that overlap the best one are averaged with it, weighted by score (MediaPipe:
    NonMaxSuppressionCalculator, algorithm WEIGHTED)."""
    kept_boxes, kept_points, kept_scores = [], [], []
    order = np.argsort(-scores, kind="stable")
    while len(order):
        best = order[0]
        same = overlap(boxes[best], boxes[order]) > MIN_OVERLAP
        same[0] = True
        group = order[same]
        weights = scores[group] / scores[group].sum()
        kept_boxes.append(weights @ boxes[group])
        kept_points.append(np.tensordot(weights, points[group], axes=1))
        kept_scores.append(scores[best])
        order = order[~same]
    return Candidates(
        np.array(kept_boxes).reshape(-1, 4),
        np.array(kept_points).reshape(-1, 4, 2),
        np.array(kept_scores),
    )


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N,) intersection over union of one (4,) box with (N, 4) others."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / np.maximum(np.prod(box[2:] - box[:2]) + areas - shared, 1e-9)
