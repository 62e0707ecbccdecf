# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras around a person, and the square window of their picture that is rendered."""

from dataclasses import dataclass

import numpy as np

from capf_blender.core.rotations import shortest_arc, unit

from .rotations import about_x, about_y, about_z

FIELD_OF_VIEW = (20.0, 90.0)  # degrees, vertical
ASPECTS = (16 / 9, 9 / 16, 4 / 3, 3 / 4, 1.0)
MARGIN = (0.12, 0.2)  # of the window's side, on each side of the body's longer extent
_NEAREST_M = 0.5  # no part of the body comes closer


@dataclass(frozen=True)
class View:
    """A pinhole camera's square window. Camera axes: x right, y down, z forward."""

    camera_from_world: np.ndarray  # (3, 3)
    position: np.ndarray  # (3,) world, metres
    focal_px: float  # of the window
    principal: np.ndarray  # (2,) px in the window, maybe outside
    size: int  # px, a side

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) world -> camera axes, metres."""
        return (points - self.position) @ self.camera_from_world.T

    def project(self, camera_points: np.ndarray) -> np.ndarray:
        """(..., 2) px in the window."""
        return self.focal_px * camera_points[..., :2] / camera_points[..., 2:] + self.principal


def sample_view(vertices: np.ndarray, size: int, rng: np.random.Generator) -> View:
    """A camera that has the whole body (V, 3) in front of it, its middle inside the frame."""
    columns = np.ascontiguousarray(vertices[::2].T, float)  # every second one is enough
    low, high = columns.min(1), columns.max(1)
    middle, reach = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    vertical = float(np.radians(rng.uniform(*FIELD_OF_VIEW)))
    frame = np.array([float(rng.choice(ASPECTS)), 1.0]) * np.tan(vertical / 2)  # half, at 1 m
    share = rng.uniform(0.25, 0.95)  # of the frame's shorter side that the body takes
    distance = reach / (share * frame.min())
    distance = float(np.clip(distance, reach + _NEAREST_M, 25.0))
    toward = _direction(middle[1], distance, rng)
    limit = (1 - 0.6 * share) * frame
    spot = rng.uniform(-limit, limit) * rng.choice([0.5, 1.0])
    ray = np.array([*spot, 1.0])
    roll = rng.normal(0, 4) if rng.random() < 0.85 else rng.normal(0, 15)
    turn = (
        about_z(np.radians(roll))
        @ shortest_arc(np.array([0.0, 0.0, 1.0]), unit(ray))
        @ _look(toward)
    )
    position = middle - distance * toward
    camera_points = turn @ (columns - position[:, None])
    flat = camera_points[:2] / camera_points[2].clip(min=0.05)
    corner, end = flat.min(1), flat.max(1)
    side = float((end - corner).max()) / (1 - 2 * rng.uniform(*MARGIN))
    focal = size / side
    principal = size / 2 - focal * (corner + end) / 2
    return View(turn, position, focal, principal, size)


def _direction(height: float, distance: float, rng: np.random.Generator) -> np.ndarray:
    """(3,) unit vector from the camera to the body, whose middle is `height` above the floor."""
    pick = rng.random()
    if pick < 0.65:
        camera = rng.uniform(0.8, 1.9)
    elif pick < 0.78:
        camera = rng.uniform(0.05, 0.8)
    else:
        camera = 1.9 + 0.8 * distance * rng.random() ** 2
    rise = np.clip((camera - height) / distance, -0.9, 0.96)
    flat = np.sqrt(1 - rise**2)
    azimuth = rng.uniform(0, 2 * np.pi)
    return np.array([flat * np.sin(azimuth), -rise, flat * np.cos(azimuth)])


def _look(toward: np.ndarray) -> np.ndarray:
    """(3, 3) camera_from_world that looks along `toward`, upright."""
    azimuth = np.arctan2(toward[0], toward[2])
    down = np.arcsin(-toward[1])
    upright = np.diag([-1.0, -1.0, 1.0])  # world x left, y up -> camera x right, y down
    return upright @ about_x(-down) @ about_y(-azimuth)
