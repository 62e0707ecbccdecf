# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that stand on the ground as a person's do, on legs and soles of other proportions.

A planted foot rolls without sliding over its own heel, sole and ball; its ankle goes where that
takes it, and the leg is bent in its own plane to reach there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .anatomy import SEGMENT
from .body_turns import BodyTurns
from .contacts import Contact
from .filters import frame_interval, smoothstep
from .forward_kinematics import Posing
from .placement import Placement
from .rest_joints import RestBody
from .rig import RigMap
from .rotations import dot, fraction, frame_yx, perpendicular, shortest_arc, unit
from .skeleton import JOINT

BLEND_S = 0.15  # before and after a contact in which a foot goes back to its free path
REACH = 0.999  # of a leg's length: it does not snap straight
LOWER_S = 0.3  # over how long the hips go down for a leg that does not reach
ROLLED = 0.12  # sine of the pitch at which a foot stands on its heel or toe alone


@dataclass(frozen=True, eq=False)
class _Foot:
    side: str
    p: str
    bones: list[int]  # thigh, shin, foot, toe; -1 without one
    turn: np.ndarray  # (F, 3, 3) of the foot since rest, armature axes
    heel: np.ndarray  # (F, 3) world, from the ankle to the sole's ends as the foot is turned
    front: np.ndarray


def plant(
    posing: Posing,
    rig_map: RigMap,
    body: RestBody,
    turned: BodyTurns,
    placed: Placement,
    time_s: np.ndarray,
    contacts: Sequence[Contact],
    mover: int,
) -> None:
    """Moves the legs in `posing`, and with bone `mover` the body, so that the feet stand during
    `contacts`. `time_s` (F,) as in `placed`."""
    plans = []
    for side, name in ((".L", "l"), (".R", "r")):
        spans = _spans(time_s, [contact for contact in contacts if contact.foot == name])
        weights = np.array([_weight(time_s, span) for span in spans])
        foot = _foot(posing, rig_map, body, turned, placed, side, weights) if spans else None
        if foot is not None:
            plans.append((foot, _path(posing, foot, placed, spans, weights), weights.max(axis=0)))
    if not plans:
        return
    _lower(posing, placed, time_s, plans, mover)
    for foot, target, weight in plans:
        _bend(posing, foot, body, turned, placed, target, weight)


def _spans(time_s: np.ndarray, contacts: Sequence[Contact]) -> list[slice]:
    """The frames of each contact that has any."""
    slack = 0.25 * frame_interval(time_s) if len(time_s) > 1 else 1e-6
    spans = []
    for contact in contacts:
        inside = (time_s >= contact.start_s - slack) & (time_s <= contact.end_s + slack)
        if inside.any():
            first, last = np.flatnonzero(inside)[[0, -1]]
            spans.append(slice(int(first), int(last) + 1))
    return spans


def _weight(time_s: np.ndarray, span: slice) -> np.ndarray:
    """(F,) how much a contact holds: 1 in its frames, and easing in and out around them."""
    away = np.maximum(time_s[span][0] - time_s, time_s - time_s[span][-1])
    return _quintic(1 - np.maximum(away, 0.0) / BLEND_S)


def _foot(
    posing: Posing,
    rig_map: RigMap,
    body: RestBody,
    turned: BodyTurns,
    placed: Placement,
    side: str,
    weights: np.ndarray,
) -> _Foot | None:
    names = [rig_map.bone(role + side) for role in ("thigh", "shin", "foot", "toe")]
    if not all(names[:3]):
        return None
    bones = [posing.rig.index(name) if name else -1 for name in names]
    p = "l_" if side == ".L" else "r_"
    up = body.axes[:, 1]
    ankle, heel, front = (body.joints[JOINT[p + name]] for name in ("ankle", "heel", "toe"))
    if bones[3] >= 0:
        front = posing.rig.heads[bones[3]]  # the ball, over which a foot with toes rolls
    matrix = placed.world_from_armature[:3, :3]
    turn = _level(turned.turns[names[2]], front - heel, up, placed, weights.max(axis=0))

    def on_sole(point: np.ndarray) -> np.ndarray:
        level = point - (point @ up - body.floor) * up
        return (turn @ (level - ankle)) @ matrix.T

    return _Foot(side, p, bones, turn, on_sole(heel), on_sole(front))


def _level(
    turn: np.ndarray, along: np.ndarray, up: np.ndarray, placed: Placement, weight: np.ndarray
) -> np.ndarray:
    """`turn` (F, 3, 3) of a foot without the roll about its length, as far as `weight` (F,): the
    sole of a foot that stands lies across on the floor."""
    along = along - (along @ up) * up
    rest = frame_yx(along, np.cross(up, along))
    now = turn @ rest
    level = frame_yx(now[..., 1], np.cross(placed.up, now[..., 1]))
    level = now @ fraction(np.swapaxes(now, -1, -2) @ level, weight)
    return level @ rest.T


def _path(
    posing: Posing, foot: _Foot, placed: Placement, spans: list[slice], weights: np.ndarray
) -> np.ndarray:
    """(F, 3) where the ankle has to be while the foot stands, and around that, world."""
    free = placed.to_world(posing.head(foot.bones[2]))
    heel, toe = (placed.world[:, JOINT[foot.p + name]] for name in ("heel", "toe"))
    pitch = (heel - toe)[:, 2] / np.maximum(np.linalg.norm(heel - toe, axis=1), 1e-9)
    on_front = smoothstep(-ROLLED, ROLLED, pitch)
    shift = np.zeros_like(free)
    for span, weight in zip(spans, weights, strict=True):
        ankle = _rolled(foot, placed, heel[span], toe[span], on_front[span], pitch[span], span)
        offset = np.empty_like(free)
        offset[span] = ankle - free[span]
        offset[: span.start] = offset[span.start]
        offset[span.stop :] = offset[span.stop - 1]
        shift += weight[:, None] * offset
    return free + shift / np.maximum(weights.sum(axis=0), 1e-9)[:, None]


def _rolled(
    foot: _Foot,
    placed: Placement,
    heel: np.ndarray,
    toe: np.ndarray,
    on_front: np.ndarray,
    pitch: np.ndarray,
    part: slice,
) -> np.ndarray:
    """(K, 3) the ankle's way in one contact, world: the sole's end that carries moves as the
    person's does, that is hardly at all; the lower end is as high as the person's."""
    between = 0.5 * (on_front[1:] + on_front[:-1])[:, None]
    step = np.zeros_like(heel)
    moves = np.diff(toe, axis=0) - np.diff(foot.front[part], axis=0)
    step[1:] = between * moves
    moves = np.diff(heel, axis=0) - np.diff(foot.heel[part], axis=0)
    step[1:] += (1 - between) * moves
    ankle = np.cumsum(step, axis=0)
    flattest = int(np.argmin(np.abs(pitch)))
    person = placed.world[part, JOINT[foot.p + "ankle"]]
    ankle += person[flattest] - ankle[flattest]
    low = placed.floor + np.minimum(heel, toe)[:, 2] - placed.sole
    ankle[:, 2] = low - np.minimum(foot.heel[part, 2], foot.front[part, 2])
    return ankle


def _lower(
    posing: Posing,
    placed: Placement,
    time_s: np.ndarray,
    plans: list[tuple[_Foot, np.ndarray, np.ndarray]],
    mover: int,
) -> None:
    """Brings the body down by the least that lets planted feet be reached."""
    down = -placed.up
    needed = np.zeros(len(time_s))
    for foot, target, weight in plans:
        reach = REACH * sum(_leg(posing, foot))
        to_ankle = placed.to_armature(target) - posing.head(foot.bones[0])
        drop = dot(to_ankle, down)
        across = np.linalg.norm(perpendicular(to_ankle, down), axis=1)
        allowed = np.sqrt(np.maximum(reach**2 - across**2, 0.0))
        needed = np.maximum(needed, weight * np.maximum(drop - allowed, 0.0))
    if needed.max() > 0:
        posing.move(mover, _eased(needed, time_s)[:, None] * down)


def _eased(needed: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(F,) a smooth line that is never below `needed`: its running maximum, averaged."""
    interval = frame_interval(time_s)
    half = round(LOWER_S / interval) if len(time_s) > 1 and interval > 0 else 0
    half = min(half, len(time_s) - 1)
    padded = np.pad(needed, 2 * half, mode="edge")
    window = 2 * half + 1
    highest = np.lib.stride_tricks.sliding_window_view(padded, window).max(axis=1)
    bell = np.hanning(window + 2)[1:-1]
    return np.convolve(highest, bell / bell.sum(), mode="valid")


def _bend(
    posing: Posing,
    foot: _Foot,
    body: RestBody,
    turned: BodyTurns,
    placed: Placement,
    target: np.ndarray,
    weight: np.ndarray,
) -> None:
    """Turns thigh and shin so that the ankle is at `target` (F, 3), world, as far as `weight`."""
    thigh, shin, ankle_bone, toe = foot.bones
    upper_length, lower_length = _leg(posing, foot)
    hip = posing.head(thigh)
    free = posing.head(ankle_bone)
    ankle = free + weight[:, None] * (placed.to_armature(target) - free)
    segments = SEGMENT["thigh" + foot.side], SEGMENT["shin" + foot.side]
    upper, lower = (turned.frames[:, segment] for segment in segments)

    line = ankle - hip
    reach = np.linalg.norm(line, axis=1)
    shortest = abs(upper_length - lower_length)
    reach = np.clip(reach, 1.001 * shortest, REACH * (upper_length + lower_length))
    line = unit(line)
    axis = (shortest_arc(unit(free - hip), line) @ upper[..., :1])[..., 0]
    axis = unit(perpendicular(axis, line))
    along = (upper_length**2 - lower_length**2 + reach**2) / (2 * reach)
    out = np.sqrt(np.maximum(upper_length**2 - along**2, 0.0))
    knee = along[:, None] * line + out[:, None] * np.cross(line, axis)
    solved = frame_yx(knee, axis), frame_yx(reach[:, None] * line - knee, axis)
    # a free leg stays as it is, and goes over into the solved one where its blend begins
    share = smoothstep(0.0, 0.2, weight)
    for bone, segment, was, wanted in zip(
        (thigh, shin), segments, (upper, lower), solved, strict=True
    ):
        frame = was @ fraction(np.swapaxes(was, -1, -2) @ wanted, share)
        posing.set_turn(bone, frame @ turned.rest_frames[segment].T)
    posing.set_turn(ankle_bone, foot.turn)
    if toe >= 0:
        posing.set_turn(toe, _flat_toes(foot, body, placed, weight))


def _flat_toes(foot: _Foot, body: RestBody, placed: Placement, weight: np.ndarray) -> np.ndarray:
    """(F, 3, 3) turn of the toes: with the foot, but flat on the ground while its heel is up."""
    raised = (foot.heel - foot.front)[:, 2] / np.linalg.norm(foot.heel - foot.front, axis=1)
    flat = shortest_arc(foot.turn @ body.axes[:, 1], placed.up) @ foot.turn
    share = weight * smoothstep(0.0, ROLLED, raised)
    return foot.turn @ fraction(np.swapaxes(foot.turn, -1, -2) @ flat, share)


def _leg(posing: Posing, foot: _Foot) -> tuple[float, float]:
    """Lengths of thigh and shin at rest, from head to head."""
    hip, knee, ankle = (posing.rig.heads[bone] for bone in foot.bones[:3])
    return float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))


def _quintic(values: np.ndarray) -> np.ndarray:
    s = np.clip(values, 0.0, 1.0)
    return s**3 * (10 + s * (6 * s - 15))
