# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places the controls of limbs that are led by their ends, for a pose that is known already."""

import numpy as np

from .forward_kinematics import Posing
from .rig import IkLimb, RigMap
from .rotations import dot, perpendicular, unit

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
        pole = rig.index(controls.pole)
        points = posing.head(upper), posing.head(lower), wrist
        rest = tuple(rig.heads[bone] for bone in (upper, lower, end))
        direction = _pole_direction(
            points, posing.turn(upper) @ hinge, rest, hinge, rig.heads[pole]
        )
        distance = float(np.linalg.norm(rig.heads[pole] - rest[1]))
        posing.move(pole, points[1] + distance * direction - posing.head(pole))
        placed.append(controls.pole)
    return placed


def _pole_direction(
    points: tuple[np.ndarray, ...],
    axis: np.ndarray,
    rest: tuple[np.ndarray, ...],
    rest_axis: np.ndarray,
    rest_pole: np.ndarray,
) -> np.ndarray:
    """(F, 3) unit vectors from the knee or elbow, across the limb's line.

    As the rig's own pole lies at rest to the limb's plane, so that its pole angle holds.
    """
    _, out, side = _plane(points, axis)
    rest_line, rest_out, rest_side = _plane(rest, rest_axis)
    pole = perpendicular(rest_pole - rest[1], rest_line)
    if np.linalg.norm(pole) < 1e-6:
        return out
    pole = unit(pole)
    return dot(pole, rest_out)[..., None] * out + dot(pole, rest_side)[..., None] * side


def _plane(
    points: tuple[np.ndarray, ...], axis: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors along a limb from end to end, across it towards its knee or elbow, and about
    which it bends."""
    line = unit(points[2] - points[0])
    out = unit(np.cross(line, axis))
    return line, out, np.cross(out, line)
