# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the camera's axes to the world: z up, metres, feet on z = 0.

Of a camera that nobody knows, the world is made: level, the person first facing -Y above the
origin. A known camera brings its world along.
"""

import numpy as np

from .armature import RestPose
from .camera import CameraPath, inverse, transformed
from .errors import CaptureError
from .gravity import up_direction
from .rotations import unit
from .settings import SolveSettings
from .skeleton import JOINT

SCALE_STEP_S = 0.15  # over which planted feet are compared: longer than noise, shorter than a step
SCALE_ROUNDS = 10


def place(
    joints: np.ndarray,
    time_s: np.ndarray,
    soles: np.ndarray,
    settings: SolveSettings,
    cameras: CameraPath | None = None,
) -> np.ndarray:
    """World from camera for `joints` (F, J, 3), metres in camera axes: (4, 4), or (F, 4, 4) for a
    camera that moves, NaN in frames where it is not known.

    `soles` (3,) metres: height of heel, toe and ankle above the ground when the foot is flat.
    Frames with NaN are passed over; at least one is needed.
    """
    if cameras is None:
        return world_from_camera(joints, time_s, soles, settings)
    path = cameras.at(time_s)
    if not cameras.metric:
        path = path.copy()
        path[:, :3, 3] *= metres_per_unit(joints, time_s, path, soles if cameras.level else None)
    if not cameras.level:
        # what one camera at rest, where this one was half-way, would have seen
        middle = path[np.isfinite(path).all(axis=(1, 2))]
        since = inverse(middle[len(middle) // 2]) @ path
        seen = transformed(joints, since)
        return world_from_camera(seen, time_s, soles, settings) @ since
    return path if len(cameras.time_s) > 1 else path[0]


def world_from_camera(
    joints: np.ndarray,
    time_s: np.ndarray,
    soles: np.ndarray,
    settings: SolveSettings | None = None,
) -> np.ndarray:
    """(4, 4) matrix from the axes of a camera at rest to a level world, for `joints` (F, J, 3),
    metres in camera axes.

    The first pelvis is above the origin. `settings` may give the camera's pitch and roll, a turn
    of the world about its z axis and a height of the floor; what it does not give is estimated.
    """
    settings = settings or SolveSettings()
    known = np.isfinite(joints).all(axis=(1, 2))
    joints, time_s = joints[known], time_s[known]
    up = tilted(up_direction(joints, time_s), settings.camera_pitch, settings.camera_roll)
    facing = _facing(joints[: max(1, int(np.sum(time_s <= time_s[0] + 0.2)))], up)
    rotation = np.stack([np.cross(up, facing), -facing, up])  # rows: world axes in camera axes
    cosine, sine = np.cos(settings.yaw), np.sin(settings.yaw)
    rotation = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]) @ rotation
    turned = joints @ rotation.T
    floor = np.percentile(foot_heights(turned, soles), 5.0) - settings.floor_m
    origin = np.array([*turned[0, JOINT["pelvis"], :2], floor])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = -origin
    return matrix


def pitch_and_roll(up: np.ndarray) -> tuple[float, float]:
    """Radians by which a camera that sees `up` (3,) looks down, and is turned clockwise as seen
    from behind."""
    return float(np.arcsin(-up[2])), float(np.arctan2(-up[0], -up[1]))


def tilted(up: np.ndarray, pitch: float | None, roll: float | None) -> np.ndarray:
    """`up` (3,) in camera axes with the camera's `pitch` or `roll`, radians, where given."""
    found = pitch_and_roll(up)
    pitch, roll = (found[0] if pitch is None else pitch), (found[1] if roll is None else roll)
    level = np.cos(pitch)
    return np.array([-np.sin(roll) * level, -np.cos(roll) * level, -np.sin(pitch)])


def metres_per_unit(
    joints: np.ndarray, time_s: np.ndarray, path: np.ndarray, soles: np.ndarray | None
) -> float:
    """The scale of a camera solve, whose unit means nothing by itself, from a person of known
    height: `joints` (F, J, 3), metres in camera axes; `path` (F, 4, 4), places in units.

    With `soles` (3,) the solve's floor is at z = 0 and somebody stands on it, which takes as many
    metres below the camera as the camera has units above the floor. Without, feet that stand do
    not move: of all scales the one with the least movement of the lower foot, by iteratively
    reweighted least squares as feet that swing are outliers. 1 where the camera does not move
    enough to tell.
    """
    known = np.isfinite(joints).all(axis=(1, 2)) & np.isfinite(path).all(axis=(1, 2))
    joints, path, time_s = joints[known], path[known], time_s[known]
    turned = np.einsum("fij,fkj->fki", path[:, :3, :3], joints)
    if soles is not None:
        below = -foot_heights(turned, soles)
        level = path[:, 2, 3]
        standing = (level > 1e-6) & (below > 0.1)
        if not standing.any():
            return 1.0
        return float(np.percentile((below / np.where(level > 0, level, 1.0))[standing], 95.0))
    later = np.searchsorted(time_s, time_s + SCALE_STEP_S)
    first = np.flatnonzero(later < len(time_s))
    moved = path[later[first], :3, 3] - path[first, :3, 3]  # (P, 3) units
    feet = [
        0.5 * (turned[:, JOINT[p + "heel"]] + turned[:, JOINT[p + "toe"]]) for p in ("l_", "r_")
    ]
    steps = np.concatenate([foot[later[first]] - foot[first] for foot in feet])  # metres
    moved = np.concatenate([moved, moved])
    if len(moved) == 0 or np.linalg.norm(moved, axis=1).max() < 1e-6:
        return 1.0
    weight = np.ones(len(moved))
    scale = 1.0
    for _ in range(SCALE_ROUNDS):
        scale = -(weight @ (moved * steps).sum(axis=1)) / (weight @ (moved**2).sum(axis=1))
        weight = 1.0 / np.maximum(np.linalg.norm(steps + scale * moved, axis=1), 0.01)
    return float(scale) if scale > 0 else 1.0


def flat_soles(rest: RestPose) -> np.ndarray:
    """(3,) metres: height of heel, toe and ankle above the ground when the foot is flat."""
    return rest.joints[[JOINT["l_heel"], JOINT["l_toe"], JOINT["l_ankle"]], 2]


def height_on_floor(
    joints: np.ndarray, soles: np.ndarray, eye: np.ndarray, height_m: float
) -> float:
    """The height at which a person solved with `height_m` stands on z = 0 and still looks the same
    to the camera: bodies of other sizes do so in proportion to their distance.

    `joints` (F, J, 3) metres, z up; `soles` (3,) as for `place`; `eye` (F, 3) the camera's places.
    Raises CaptureError `below_floor`.
    """
    known = np.isfinite(joints).all(axis=(1, 2)) & np.isfinite(eye).all(axis=1)
    level = eye[known, 2]
    below = level - foot_heights(joints[known], soles)
    if not known.any() or np.median(level) <= 0.0 or np.median(below) <= 0.1:
        raise CaptureError(
            "below_floor", "The camera is not above the floor on which the person would stand.",
            "Raise the camera over z = 0, or give the height by hand.",
        )  # fmt: skip
    # the feet that are lowest are those that stand
    return height_m * float(np.percentile(level / np.maximum(below, 0.1), 5.0))


def foot_heights(joints: np.ndarray, soles: np.ndarray) -> np.ndarray:
    """(F,) height of the lowest sole, metres, for `joints` (F, J, 3) with z up."""
    points = [
        joints[:, JOINT[side + name], 2] - sole
        for side in ("l_", "r_")
        for name, sole in zip(("heel", "toe", "ankle"), soles, strict=True)
    ]
    return np.min(points, axis=0)


def _facing(joints: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(3,) unit vector, level, in which the pelvis faces on average over `joints` (F, J, 3)."""
    left = unit(joints[:, JOINT["l_hip"]] - joints[:, JOINT["r_hip"]])
    trunk = unit(joints[:, JOINT["spine"]] - joints[:, JOINT["pelvis"]])
    # forward is left x up; who lies on a side has no level hip line, but faces level all the same
    for forward in (np.cross(left, up), np.cross(left, trunk), -trunk):
        level = forward - (forward @ up)[:, None] * up
        mean = level.mean(axis=0)
        if np.linalg.norm(mean) > 0.3:
            return unit(mean)
    towards_camera = np.array([0.0, 0.0, -1.0])
    return unit(towards_camera - (towards_camera @ up) * up)
