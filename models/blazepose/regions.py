# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotated square regions of a frame: from alignment points, cropped, and back to the frame.

A region is (centre x, centre y, side, rotation): pixels and radians; the rotation turns the image's
up axis to the person's, clockwise as seen. Pixels are counted as MediaPipe does.
"""

import cv2
import numpy as np

MARGIN = 1.25  # of MediaPipe's pose graphs, around the circle that encloses the person


def regions_from_alignment(centre: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(N, 4) regions around `centre` (N, 2), with the circle through `end` (N, 2) inside them and
    the axis from `centre` to `end` pointing up (MediaPipe: AlignmentPointsRectsCalculator)."""
    offset = np.asarray(end, float) - centre
    side = 2 * MARGIN * np.hypot(offset[:, 0], offset[:, 1])
    rotation = np.arctan2(offset[:, 0], -offset[:, 1])
    return np.column_stack((centre, side, rotation))


def crop(
    frame: np.ndarray,
    region: np.ndarray,
    size: int,
    border: int = cv2.BORDER_REPLICATE,
) -> np.ndarray:
    """(size, size, 3) uint8: the region (4,) of the (H, W, 3) frame, upright and resampled
    bilinearly (MediaPipe: ImageToTensorCalculator)."""
    x, y, side, rotation = (float(value) for value in region)
    step = side / size
    cos, sin = step * np.cos(rotation), step * np.sin(rotation)
    half = size / 2
    frame_from_crop = np.array(
        [[cos, -sin, x - half * (cos - sin)], [sin, cos, y - half * (sin + cos)]]
    )
    return cv2.warpAffine(
        frame,
        frame_from_crop,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )


def to_frame(points: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """(N, K, 2) pixels of the frame for (N, K, 2) points in crops, 0..1 from edge to edge."""
    offset = (points - 0.5) * regions[:, None, 2:3]
    cos, sin = np.cos(regions[:, 3, None]), np.sin(regions[:, 3, None])
    x, y = offset[..., 0], offset[..., 1]
    turned = np.stack((cos * x - sin * y, sin * x + cos * y), axis=-1)
    return turned + regions[:, None, :2]
