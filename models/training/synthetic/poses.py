# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses to render: frames of the motion, and random ones within the joints' limits.

Random poses take the legs and the trunk from a rule (sitting, lying, ...) and most arms from the
motion, so that they stay plausible. Rotations are those of `rig.pose`: in rest axes, where bending
the hip turns the thigh about -x, bending the knee the shin about +x, and the trunk about +x.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from capf_blender.core.rotations import shortest_arc, unit

from .motion import Motion, jittered
from .rig import BONE, Posed, leg_length, pose
from .rotations import about, about_x, about_y, about_z

MOTION_SHARE = 0.65
LEANING_SHARE = 0.3  # of those
AIRBORNE_M = 0.12  # a motion whose lowest point is higher than this is in the air

Rng = np.random.Generator


@dataclass(frozen=True)
class ChosenPose:
    """A pose that fits every body."""

    kind: str
    clip: str  # "" without motion
    local: np.ndarray  # (31, 3, 3)
    root: np.ndarray | None  # (3,) for legs of 1 m, where the motion tells
    lift: float  # metres above the ground, where it does not


def sample_pose(motion: Motion, rest: np.ndarray, rng: Rng) -> ChosenPose:
    """`rest` (31, 3): a rest skeleton, for the directions of its arms."""
    if rng.random() < MOTION_SHARE:
        frame = motion.sample(rng)
        local = jittered(frame.local, rng, float(rng.uniform(0.3, 1.5)))
        kind = "motion"
        if rng.random() < LEANING_SHARE:
            kind = "leaning"
            _lean(local, rest, rng)
        return ChosenPose(kind, frame.clip, turned(local, rng), frame.root, 0.0)
    kind = str(rng.choice(list(_RULES), p=_CHANCES))
    frame = motion.sample(rng)
    local = frame.local.copy()
    local[0] = np.eye(3)
    _RULES[kind](local, rest, rng)
    lift = float(rng.uniform(0.0, 0.4)) if kind == "random" and rng.random() < 0.3 else 0.0
    return ChosenPose(kind, frame.clip, turned(jittered(local, rng, 1.0), rng), None, lift)


def turned(local: np.ndarray, rng: Rng) -> np.ndarray:
    """The whole body turned about the vertical."""
    result = local.copy()
    result[0] = about_y(rng.uniform(0, 2 * np.pi)) @ local[0]
    return result


def place(chosen: ChosenPose, rest: np.ndarray, lowest: Callable[[Posed], float]) -> Posed:
    """The pose on a body, standing on the ground y = 0 unless it is in the air.

    `lowest` gives the height of the lowest vertex of the posed body.
    """
    root = np.zeros(3) if chosen.root is None else chosen.root * leg_length(rest) * [0, 1, 0]
    posed = pose(rest, chosen.local, root)
    height = lowest(posed)
    wanted = chosen.lift
    if chosen.root is not None and height > AIRBORNE_M:
        wanted = min(height, 0.8)
    return posed.shifted(np.array([0.0, wanted - height, 0.0]))


# --- the rules ----------------------------------------------------------------------------------


def _degrees(rng: Rng, low: float, high: float) -> float:
    return float(np.radians(rng.uniform(low, high)))


def _sides(rng: Rng, same: float) -> list[Rng]:
    """A generator for each leg, equal ones with chance `same`."""
    seeds = rng.integers(2**32, size=2)
    if rng.random() < same:
        seeds[1] = seeds[0]
    return [np.random.default_rng(seed) for seed in seeds]


def _lean(local: np.ndarray, rest: np.ndarray, rng: Rng) -> None:
    """Out of balance, the whole body and the trunk against it, and arms that do not belong to it:
    or a lifter learns that whoever it sees from above stands upright."""
    _random_arms(local, rest, rng, 0.35)
    for bones, spread in (((0,), 14.0), ((BONE["LowerBack"], BONE["Spine"], BONE["Spine1"]), 5.0)):
        angle = rng.uniform(0, 2 * np.pi)
        tilt = about(np.array([np.cos(angle), 0.0, np.sin(angle)]), _degrees(rng, 0, 2 * spread))
        for bone in bones:
            local[bone] = tilt @ local[bone]


def _legs(
    local: np.ndarray, rng: Rng, flexion: tuple[float, float], spread: tuple[float, float],
    knee: tuple[float, float], ankle: tuple[float, float] = (-20, 20),
    turn: tuple[float, float] = (-15, 35), same: float = 0.5,
) -> None:  # fmt: skip
    """Ranges in degrees: hip flexion, abduction, knee flexion, ankle up, outward turn."""
    for (side, sign), own in zip((("Left", 1), ("Right", -1)), _sides(rng, same), strict=True):
        thigh = about_z(sign * _degrees(own, *spread)) @ about_x(-_degrees(own, *flexion))
        local[BONE[f"{side}UpLeg"]] = thigh @ about_y(sign * _degrees(own, *turn))
        local[BONE[f"{side}Leg"]] = about_x(_degrees(own, *knee))
        local[BONE[f"{side}Foot"]] = about_x(-_degrees(own, *ankle))


def _trunk(local: np.ndarray, rng: Rng, bend: tuple[float, float], twist: float = 25) -> None:
    """Forward bend and largest twist and side bend, degrees, shared by three joints."""
    forward, turn, side = (
        _degrees(rng, *bend), _degrees(rng, -twist, twist), _degrees(rng, -twist, twist) * 0.6,
    )  # fmt: skip
    for bone in ("LowerBack", "Spine", "Spine1"):
        local[BONE[bone]] = about_y(turn / 3) @ about_z(side / 3) @ about_x(forward / 3)


def _arm(local: np.ndarray, rest: np.ndarray, rng: Rng, side: str, direction: np.ndarray) -> None:
    """The upper arm along `direction` (rest axes of the trunk), a random twist and elbow."""
    shoulder, elbow, wrist = rest[[BONE[f"{side}{part}"] for part in ("Arm", "ForeArm", "Hand")]]
    upper, fore = elbow - shoulder, wrist - elbow
    twist = about(direction, _degrees(rng, -70, 70))
    local[BONE[f"{side}Shoulder"]] = np.eye(3)
    local[BONE[f"{side}Arm"]] = twist @ shortest_arc(unit(upper), unit(direction))
    bend = _degrees(rng, -40, 90)
    local[BONE[f"{side}ForeArm"]] = about(np.cross(upper, fore), bend)
    local[BONE[f"{side}Hand"]] = about(rng.normal(size=3), _degrees(rng, 0, 40))


def _direction(rng: Rng, sign: int, low: tuple[float, float, float]) -> np.ndarray:
    """A random unit vector, components (outward, up, forward) no less than `low`."""
    while True:
        vector = rng.normal(size=3)
        vector /= np.linalg.norm(vector)
        if (vector >= low).all():
            return vector * [sign, 1, 1]


def _random_arms(
    local: np.ndarray, rest: np.ndarray, rng: Rng, chance: float,
    low: tuple[float, float, float] = (-0.35, -1, -0.45),
) -> None:  # fmt: skip
    for side, sign in (("Left", 1), ("Right", -1)):
        if rng.random() < chance:
            _arm(local, rest, rng, side, _direction(rng, sign, low))


def _sitting(local: np.ndarray, rest: np.ndarray, rng: Rng) -> None:
    """On a chair, or on the ground with the legs forward or crossed."""
    _trunk(local, rng, (-15, 45))
    _random_arms(local, rest, rng, 0.3)
    local[0] = about_x(_degrees(rng, -30, 25))
    style = rng.random()
    if style < 0.55:
        _legs(local, rng, (65, 105), (-5, 30), (40, 110))
    elif style < 0.8:
        _legs(local, rng, (60, 100), (0, 35), (0, 60))
    else:
        _legs(local, rng, (75, 110), (15, 45), (95, 135), turn=(25, 60), same=0.8)


def _lying(local: np.ndarray, rest: np.ndarray, rng: Rng) -> None:
    """On the back, the belly or a side; legs straight or drawn up."""
    _trunk(local, rng, (-15, 25))
    _random_arms(local, rest, rng, 0.6)
    drawn = (0, 90) if rng.random() < 0.5 else (-10, 25)
    _legs(local, rng, drawn, (-5, 30), (0, 110) if drawn[1] > 50 else (0, 40), same=0.3)
    side = rng.choice([0.0, np.pi, np.pi / 2, -np.pi / 2], p=[0.4, 0.25, 0.175, 0.175])
    tilt = about_x(-np.pi / 2 + _degrees(rng, -15, 15))
    local[0] = tilt @ about_y(side + _degrees(rng, -15, 15))


def _crouching(local: np.ndarray, rest: np.ndarray, rng: Rng) -> None:
    _trunk(local, rng, (10, 60))
    _random_arms(local, rest, rng, 0.3)
    _legs(local, rng, (70, 130), (0, 35), (80, 145), ankle=(5, 35), same=0.7)
    local[0] = about_x(_degrees(rng, 5, 40))


def _kneeling(local: np.ndarray, rest: np.ndarray, rng: Rng) -> None:
    """On both knees, upright or on the heels, or on one knee, or on all fours."""
    _trunk(local, rng, (-10, 35))
    _random_arms(local, rest, rng, 0.3)
    style = rng.random()
    if style < 0.5:
        _legs(local, rng, (-10, 55), (0, 25), (80, 140), ankle=(-50, 0), same=0.9)
    elif style < 0.75:
        _legs(local, rng, (-5, 15), (0, 15), (85, 110), ankle=(-40, 20), same=1.0)
        front = str(rng.choice(["Left", "Right"]))
        local[BONE[f"{front}UpLeg"]] = about_x(-_degrees(rng, 75, 105))
        local[BONE[f"{front}Leg"]] = about_x(_degrees(rng, 70, 110))
    else:
        _legs(local, rng, (75, 105), (0, 20), (75, 110), ankle=(-50, 0), same=0.6)
        local[0] = about_x(_degrees(rng, 70, 100))
        for side, sign in (("Left", 1), ("Right", -1)):
            _arm(local, rest, rng, side, np.array([0.2 * sign, rng.uniform(-0.4, 0.3), 1.0]))


def _handstand(local: np.ndarray, rest: np.ndarray, rng: Rng) -> None:
    _trunk(local, rng, (-25, 20), twist=15)
    _legs(local, rng, (-25, 80), (-5, 45), (0, 70), same=0.3)
    for side, sign in (("Left", 1), ("Right", -1)):
        reach = np.array([sign * rng.uniform(-0.1, 0.35), 1.0, rng.uniform(-0.1, 0.4)])
        _arm(local, rest, rng, side, reach)
    local[0] = about_z(np.pi + _degrees(rng, -25, 25)) @ about_x(_degrees(rng, -25, 25))


def _reaching(local: np.ndarray, rest: np.ndarray, rng: Rng) -> None:
    """Arms up, out or to the ground, trunk bent and twisted, legs standing or in a lunge."""
    _trunk(local, rng, (-25, 80), twist=40)
    _random_arms(local, rest, rng, 0.9, low=(-0.5, -0.5, -0.4))
    local[0] = about_x(_degrees(rng, -10, 40))
    _legs(local, rng, (-15, 70), (-5, 35), (0, 70), same=0.4)


def _random(local: np.ndarray, rest: np.ndarray, rng: Rng) -> None:
    """Every joint anywhere within its limits, the body in any orientation now and then."""
    _trunk(local, rng, (-30, 60), twist=35)
    _random_arms(local, rest, rng, 1.0, low=(-0.4, -1, -0.6))
    _legs(local, rng, (-25, 115), (-10, 50), (0, 135), ankle=(-40, 25), turn=(-30, 45), same=0.1)
    axis = rng.normal(size=3)
    local[0] = about(axis, _degrees(rng, 0, 180 if rng.random() < 0.4 else 30))


_RULES: dict[str, Callable[[np.ndarray, np.ndarray, Rng], None]] = {
    "sitting": _sitting, "lying": _lying, "crouching": _crouching, "kneeling": _kneeling,
    "handstand": _handstand, "reaching": _reaching, "random": _random,
}  # fmt: skip
_CHANCES = (0.2, 0.18, 0.14, 0.12, 0.06, 0.16, 0.14)
