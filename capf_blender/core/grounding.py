# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion that stands: a level floor, a path that agrees with its footprints, feet that hold."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .armature import RestPose
from .camera import transformed
from .cleaning import weighted_median
from .contacts import (
    FEET,
    FOOT_JOINTS,
    LIMITS,
    ROUGH,
    Contact,
    Limits,
    detect,
    in_order,
    lowest_points,
    seen_speed,
    sole_heights,
    tidied,
)
from .filters import fill_gaps, hampel, segments
from .footing import Footing, footings
from .motion import Motion
from .pins import pin
from .root_path import solve_path
from .rotations import shortest_arc, unit
from .settings import SolveSettings
from .skeleton import JOINT
from .take import Take

SLOPE_SIGMA = np.radians(10.0)  # of the level that was found without contacts
PRINT_SIGMA_M = 0.10  # height of a footprint: mostly the error of its distance
PRINT_S = 0.5
CLIMB_M = 0.7  # on a floor that slopes by an error of the camera's tilt
RAISED_M = 0.35  # who stands this far above the floor stands on something,
STEP_M = 0.2  # or this far once the floor is level
STILL_SPEED = 0.15  # metres a second
LEAST_STILLNESS = 0.02
OUTLIER_PX = 3.0


def ground(
    motion: Motion,
    take: Take,
    settings: SolveSettings,
    contacts: Sequence[Contact] | None = None,
    floor_known: bool = False,
) -> Motion:
    """`motion` with its contacts, and feet that stand where they are in contact.

    `contacts` are obeyed exactly; None finds them as `settings.contact_mode` says. `floor_known`
    keeps the world as it is: the floor is at z = 0 for sure, as a known camera tells.
    """
    mode = settings.contact_mode
    level = 0.0 if floor_known else settings.floor_m
    if contacts is None and mode == "NEVER":
        return replace(motion, contacts=())
    if contacts is None and mode == "GROUNDING":
        return replace(motion, joints=_on_the_floor(motion, level), contacts=())
    rest = motion.rest
    eye, seen = sight(motion, take, settings)
    runs = segments(motion.present & np.isfinite(motion.joints).all(axis=(1, 2)))
    speed = np.full((len(motion.time_s), 2), np.nan)
    for run in runs:
        feet = motion.joints[run][:, FOOT_JOINTS]
        speed[run] = seen_speed(feet, seen[run], eye[run], motion.time_s[run])
    # on a slope that is an error of the camera's tilt feet that stand seem to rise: level it by
    # those that are still, whatever their height, before heights are judged
    given = None if contacts is None else tidied(contacts)
    rough = _detected(motion, rest, runs, speed, ROUGH) if given is None else given
    up = np.array([0.0, 0.0, 1.0])  # as found without contacts
    if not floor_known:
        matrix = _levelled(motion, rest, runs, rough, settings, level, up, CLIMB_M)
        up = matrix[:3, :3] @ up
        motion, eye = _moved(motion, matrix), eye @ matrix[:3, :3].T + matrix[:3, 3]
    found = _detected(motion, rest, runs, speed, LIMITS[mode]) if given is None else given
    if not floor_known:
        matrix = _levelled(motion, rest, runs, found, settings, level, up, RAISED_M)
        motion, eye = _moved(motion, matrix), eye @ matrix[:3, :3].T + matrix[:3, 3]
    joints = motion.joints.copy()
    for run in runs:
        joints[run] = _standing(motion, rest, run, found, eye[run], speed[run], level)
    return replace(motion, joints=joints, contacts=found)


def sight(motion: Motion, take: Take, settings: SolveSettings) -> tuple[np.ndarray, np.ndarray]:
    """The camera's place (F, 3), and in which direction it sees heels and toes (F, 2, 2, 3), unit
    vectors in world axes; where it does not see one, the direction in which the motion has it."""
    world = np.broadcast_to(motion.world_from_camera, (len(motion.time_s), 4, 4))
    pixels = hampel(take.joints_2d[:, FOOT_JOINTS], take.time_s, least=OUTLIER_PX)
    pixels = fill_gaps(pixels, take.time_s, settings.longest_gap_s)
    ray = (pixels - motion.camera.centre) / motion.camera.focal_px
    ray = np.concatenate([ray, np.ones_like(ray[..., :1])], axis=-1)
    eye = world[:, :3, 3]
    direction = np.einsum("fij,fabj->fabi", world[:, :3, :3], ray)
    solved = motion.joints[:, FOOT_JOINTS] - eye[:, None, None]
    return eye, unit(np.where(np.isfinite(direction), direction, solved))


def _detected(
    motion: Motion, rest: RestPose, runs: list[slice], speed: np.ndarray, limits: Limits
) -> tuple[Contact, ...]:
    found: list[Contact] = []
    for run in runs:
        joints = motion.joints[run]
        soles, lowest = sole_heights(joints, _sole(rest)), lowest_points(joints, rest.height)
        found += detect(soles, speed[run], lowest, motion.time_s[run], limits)
    return in_order(found)


def _moved(motion: Motion, matrix: np.ndarray) -> Motion:
    """`motion` in a world that is moved by `matrix` (4, 4)."""
    return replace(
        motion,
        joints=transformed(motion.joints, matrix),
        world_from_camera=matrix @ motion.world_from_camera,
    )


def _sole(rest: RestPose) -> float:
    """Metres: heel and toe points of a flat foot over the ground."""
    return float(rest.joints[JOINT["l_heel"], 2])


def _on_the_floor(motion: Motion, level: float) -> np.ndarray:
    """The joints (F, J, 3), each frame raised or lowered so that its lowest point is at `level`."""
    joints = motion.joints.copy()
    joints[..., 2] -= (lowest_points(joints, motion.rest.height) - level)[:, None]
    return joints


def _levelled(
    motion: Motion,
    rest: RestPose,
    runs: list[slice],
    contacts: tuple[Contact, ...],
    settings: SolveSettings,
    level: float,
    up: np.ndarray,
    highest: float,
) -> np.ndarray:
    """(4, 4) that turns and lifts the world so that its footprints lie on one floor, at `level`.

    The slope is a maximum a posteriori plane through the contacts' places: drawn to be level as
    `up` (3,) says, robust against those that stand on something, and without those that are more
    than `highest` metres above the floor. The user's pitch and roll of the camera are kept. Without
    any contact the body's lowest point lies on the floor.
    """
    matrix = np.eye(4)
    sole = level + _sole(rest)
    prints, weights = _footprints(motion, rest, runs, contacts)
    on_floor = prints[:, 2] - sole < highest
    prints, weights = prints[on_floor], weights[on_floor]
    if not len(contacts):
        lowest = lowest_points(motion.joints[motion.present], rest.height)
        matrix[2, 3] = level - np.nanpercentile(lowest, 5.0)
    if not len(prints):
        return matrix
    steepness = -up[:2] / up[2]
    if settings.camera_pitch is None and settings.camera_roll is None:
        steepness = _slope(prints, weights, steepness)
    middle = np.average(prints, axis=0, weights=weights)
    normal = unit(np.array([-steepness[0], -steepness[1], 1.0]))
    matrix[:3, :3] = shortest_arc(normal, np.array([0.0, 0.0, 1.0]))
    matrix[:3, 3] = middle - matrix[:3, :3] @ middle
    heights = prints @ matrix[2, :3] + matrix[2, 3]
    matrix[2, 3] += sole - weighted_median(heights, weights)
    return matrix


def _footprints(
    motion: Motion, rest: RestPose, runs: list[slice], contacts: tuple[Contact, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """(K, 3) median place of the point that stays during each contact, and weights (K,): how many
    independent looks at it there were."""
    prints, weights = [], []
    for run in runs:
        joints, time_s = motion.joints[run], motion.time_s[run]
        for footing in footings(contacts, joints, time_s, rest):
            prints.append(np.median(_points(footing, joints), axis=0))
            weights.append(1.0 + float(np.ptp(time_s[footing.frames])) / PRINT_S)
    return np.array(prints).reshape(-1, 3), np.array(weights)


def _slope(prints: np.ndarray, weights: np.ndarray, level: np.ndarray) -> np.ndarray:
    """(2,) dz/dx and dz/dy of the floor through `prints` (K, 3), drawn to `level` (2,)."""
    slope = level
    robust = weights / PRINT_SIGMA_M**2
    for _ in range(5):
        centred = prints - np.average(prints, axis=0, weights=robust)
        across, up = centred[:, :2], centred[:, 2]
        normal = (across * robust[:, None]).T @ across + np.eye(2) / SLOPE_SIGMA**2
        right = (across * robust[:, None]).T @ up + level / SLOPE_SIGMA**2
        slope = np.linalg.solve(normal, right)
        miss = (up - across @ slope) / PRINT_SIGMA_M
        robust = weights / PRINT_SIGMA_M**2 / (1.0 + miss**2)
    return slope


def _standing(
    motion: Motion,
    rest: RestPose,
    run: slice,
    contacts: tuple[Contact, ...],
    eye: np.ndarray,
    speed: np.ndarray,
    level: float,
) -> np.ndarray:
    """The joints (n, J, 3) of one run of frames with a path and legs that follow the contacts."""
    joints, time_s = motion.joints[run], motion.time_s[run]
    held = footings(contacts, joints, time_s, rest)
    if not held:
        return joints
    feet = [_points(footing, joints) for footing in held]
    heights = np.array([np.median(points[:, 2]) for points in feet])
    sole = level + _sole(rest)
    floors = np.where(heights - sole < STEP_M, sole, np.nan)
    body = joints[:, JOINT["pelvis"]] - eye
    distance = np.linalg.norm(body, axis=-1)
    stillness = np.maximum(1.0 / (1.0 + (speed / STILL_SPEED) ** 4), LEAST_STILLNESS)
    correction, anchors = solve_path(feet, held, stillness, floors, unit(body), distance, time_s)
    anchors[:, 2] = np.where(np.isfinite(floors), floors, anchors[:, 2])
    return pin(joints + correction[:, None], time_s, held, anchors, sole)


def _points(footing: Footing, joints: np.ndarray) -> np.ndarray:
    """(n, 3) where the point that stays is, by the uncorrected joints."""
    ankle = joints[footing.frames, JOINT[FEET[footing.side] + "_ankle"]]
    return ankle + footing.seen_anchor
