# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places the controls of limbs that are led by their ends, for a pose that is known already."""

import numpy as np

from .forward_kinematics import Posing
from .rig import IkLimb, Pole, Rig, RigMap
from .rotations import about, dot, perpendicular, unit

STRAIGHT = 0.05  # of the upper half: a knee that near to the line hardly tells a direction
BONES_OF_LIMB = {"arm": ("upper_arm", "forearm", "hand"), "leg": ("thigh", "shin", "foot")}


def place_controls(
    posing: Posing, rig_map: RigMap, limb: str, controls: IkLimb, hinge: np.ndarray
) -> list[str]:
    """Puts the target of `limb` ("arm.L") where its end is in `posing`, and the pole where the
    limb's plane is. Returns the names of the bones placed, none where bones are missing.

    `hinge` (3,): the axis about which the limb bends at rest, armature axes.
    """
    kind, side = limb.split(".")
    names = [rig_map.bone(f"{role}.{side}") for role in BONES_OF_LIMB[kind]]
    rig = posing.rig
    if not all(names) or controls.target not in rig.names:
        return []
    upper, lower, end = (rig.index(name) for name in names)
    placed = [controls.target]
    target = rig.index(controls.target)
    turn, wrist = posing.turn(end), posing.head(end)
    posing.set_turn(target, turn)
    offset = rig.heads[target] - rig.heads[end]
    posing.move(target, wrist + turn @ offset - posing.head(target))
    if controls.pole in rig.names:
        _place_pole(posing, rig.index(controls.pole), (upper, lower, end), hinge)
        placed.append(controls.pole)
        if known := rig.poles.get(controls.pole):
            _start_solver(posing, known, (upper, lower, end))
            placed.append(rig.names[known.lower])
    return placed


def _place_pole(posing: Posing, pole: int, limb: tuple[int, int, int], hinge: np.ndarray) -> None:
    """Beside the knee or elbow, so far as at rest, where it makes the solver put that."""
    rig = posing.rig
    root, middle, end = (posing.head(bone) for bone in limb)
    line = unit(end - root)
    knee = perpendicular(middle - root, line)
    out = np.cross(line, unit(posing.turn(limb[0]) @ hinge))  # where a straight limb would bend to
    length = np.linalg.norm(middle - root, axis=-1, keepdims=True)
    knee = unit(
        np.where(np.linalg.norm(knee, axis=-1, keepdims=True) < STRAIGHT * length, out, knee)
    )
    known = rig.poles.get(rig.names[pole])
    if known is None:  # as it lies to the limb's plane at rest
        rest_root, rest_middle, rest_end = (rig.heads[bone] for bone in limb)
        rest_line = unit(rest_end - rest_root)
        rest_out = np.cross(rest_line, hinge)
        angle = _angle(rest_line, rest_out, rig.heads[pole] - rest_middle)
    else:
        angle = _solver_angle(rig, known, rig.heads[limb[2]], np.linalg.norm(end - root, axis=-1))
    direction = (about(line, angle) @ knee[..., None])[..., 0]
    level = root + dot(middle - root, line)[..., None] * line
    distance = float(np.linalg.norm(rig.heads[pole] - rig.heads[limb[1]]))
    posing.move(pole, level + distance * direction - posing.head(pole))


def _start_solver(posing: Posing, pole: Pole, limb: tuple[int, int, int]) -> None:
    """Bends the solver's lower bone as the limb is bent.

    A solver whose bones may stretch, as Rigify's may, shortens them on its way from rest to a bent
    limb: knees come 20 mm off the joints. It stays where it starts if that is right already.
    """
    rig = posing.rig
    root, _, end = (posing.head(bone) for bone in limb)
    turn = _bend(rig, pole, rig.heads[limb[2]], np.linalg.norm(end - root, axis=-1))
    rest = rig.matrices[pole.lower]
    posing.set_rotation(pole.lower, rest.T @ about(unit(pole.hinge), turn) @ rest)


def _solver_angle(rig: Rig, pole: Pole, rest_end: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """(F,) radians about a limb's line from its knee to what the solver turns towards the pole,
    when the limb is bent to `reach` (F,)."""
    upper = rig.heads[pole.lower] - rig.heads[pole.upper]
    lower = rest_end - rig.heads[pole.lower]
    turn = _bend(rig, pole, rest_end, reach)
    line = unit(upper + (about(unit(pole.hinge), turn) @ lower[:, None])[..., 0])
    return _angle(line, perpendicular(np.broadcast_to(upper, line.shape), line), pole.up)


def _bend(rig: Rig, pole: Pole, rest_end: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """(F,) radians about its hinge by which the lower bone turns since rest at a `reach` (F,)."""
    upper = rig.heads[pole.lower] - rig.heads[pole.upper]
    lower = rest_end - rig.heads[pole.lower]
    axis = unit(pole.hinge)
    # |upper + lower turned by angle| = reach: a cos + b sin = c
    flat = perpendicular(lower, axis)
    a, b = dot(upper, flat), dot(upper, np.cross(axis, flat))
    along = dot(upper, lower - flat)
    c = 0.5 * (reach**2 - dot(upper, upper) - dot(lower, lower)) - along
    middle = np.arctan2(b, a)
    away = np.arccos(np.clip(c / max(float(np.hypot(a, b)), 1e-12), -1.0, 1.0))
    return middle + away if middle < 0 else middle - away  # the limb's rest is at 0


def _angle(line: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(...) radians about the unit `line` (..., 3) from `start` to `end`, seen along it."""
    start, end = unit(start), perpendicular(np.broadcast_to(end, line.shape), line)
    return np.arctan2(dot(np.cross(start, end), line), dot(start, end))
