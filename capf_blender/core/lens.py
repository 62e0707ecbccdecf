# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Focal lengths in pixels."""

import math

DEFAULT_FOCAL_PER_LONGER_SIDE = 1.0
"""What is assumed of footage that does not tell: 53 degrees over the longer side, about what
phones and wide zooms have."""

_DIAGONAL_35MM = math.hypot(36.0, 24.0)  # mm


def default_focal_px(width: int, height: int) -> float:
    """The focal length assumed for a frame of `width` x `height` pixels."""
    return DEFAULT_FOCAL_PER_LONGER_SIDE * max(width, height)


def focal_from_35mm(focal_mm: float, width: int, height: int) -> float:
    """Pixels for a 35 mm equivalent focal length, which relates to the diagonals (CIPA DCG-001)."""
    return focal_mm * math.hypot(width, height) / _DIAGONAL_35MM
