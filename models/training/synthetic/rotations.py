# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotation matrices from quaternions, axes and directions."""

import numpy as np


def from_quaternions(quaternions: np.ndarray) -> np.ndarray:
    """(..., 3, 3) from (..., 4) wxyz of any length but 0."""
    w, x, y, z = np.moveaxis(
        quaternions / np.linalg.norm(quaternions, axis=-1, keepdims=True), -1, 0
    )
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def about(axis: np.ndarray, angle: float | np.ndarray) -> np.ndarray:
    """(..., 3, 3) about (..., 3) axes of any length but 0 by (...) radians, right-handed."""
    axis = np.asarray(axis, float)
    unit = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    half = np.asarray(angle)[..., None] / 2
    return from_quaternions(np.concatenate([np.cos(half), np.sin(half) * unit], -1))


def about_x(angle: float) -> np.ndarray:
    return about(np.array([1.0, 0.0, 0.0]), angle)


def about_y(angle: float) -> np.ndarray:
    return about(np.array([0.0, 1.0, 0.0]), angle)


def about_z(angle: float) -> np.ndarray:
    return about(np.array([0.0, 0.0, 1.0]), angle)


def between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(3, 3) smallest rotation that takes the direction `start` to `end`."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    half = np.concatenate([[1 + start @ end], np.cross(start, end)])
    if half[0] < 1e-6:  # opposite directions: half a turn about any perpendicular
        half = np.array([0.0, *np.cross(start, np.roll(start, 1) + [0.1, 0.0, 0.2])])
    return from_quaternions(half)
