# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotation matrices about axes."""

import numpy as np

from capf_blender.core.rotations import matrix_from_quaternion, unit


def about(axis: np.ndarray, angle: float | np.ndarray) -> np.ndarray:
    """(..., 3, 3) about (..., 3) axes of any length but 0 by (...) radians, right-handed."""
    half = np.asarray(angle)[..., None] / 2
    axis = unit(np.asarray(axis, float))
    return matrix_from_quaternion(np.concatenate([np.cos(half), np.sin(half) * axis], -1))


def about_x(angle: float) -> np.ndarray:
    return about(np.array([1.0, 0.0, 0.0]), angle)


def about_y(angle: float) -> np.ndarray:
    return about(np.array([0.0, 1.0, 0.0]), angle)


def about_z(angle: float) -> np.ndarray:
    return about(np.array([0.0, 0.0, 1.0]), angle)
