# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a foot stands: where its heel, toe and ankle are while it is planted.

A planted foot is the rigid triangle of the rest pose. Flat, it lies on the ground, its anchor is
the point under the ankle. When the heel strikes first it rolls over the heel, when it lifts off it
rolls over the toe; the anchor stays where it is, so one point follows for the whole contact.
"""

from dataclasses import dataclass

import numpy as np

from .armature import RestPose
from .contacts import FEET, FOOT_JOINTS, Contact, frames_of
from .filters import lowpass
from .rotations import unit
from .skeleton import JOINT

FLAT = np.radians(5.0)  # pitches up to this are the noise of a foot that is flat
USUAL_PITCH = np.radians(30.0)  # a contact's median: up to this a fault of the lifter's, taken out
ON_THE_SOLE = np.radians(50.0)  # pitched more all the time: kneels or lies, the foot is not flat
PITCH_HZ = 5.0


@dataclass(frozen=True, eq=False)
class Footing:
    """One foot during one contact; n frames. World axes, metres."""

    side: int  # 0 left, 1 right
    frames: slice
    heel: np.ndarray  # (n, 3) from the ankle
    toe: np.ndarray  # (n, 3) from the ankle
    anchor: np.ndarray  # (n, 3) from the ankle to the point that stays: constant when flat
    seen_anchor: np.ndarray  # (n, 3) the same for the foot as it was captured


def footings(
    contacts: tuple[Contact, ...], joints: np.ndarray, time_s: np.ndarray, rest: RestPose
) -> list[Footing]:
    """The contacts in one run of `joints` (F, J, 3), z up, as footings that keep how the feet are
    turned about the vertical, and how they roll; none for contacts between frames."""
    lines = joints[:, FOOT_JOINTS[:, 1]] - joints[:, FOOT_JOINTS[:, 0]]  # (F, 2, 3) heel to toe
    lines = lowpass(lines, time_s, PITCH_HZ)
    found = []
    for contact in contacts:
        frames, side = frames_of(contact, time_s), FEET.index(contact.foot)
        if frames.stop > frames.start:
            found.append(_footing(side, frames, lines[frames, side], joints, rest))
    return found


def _footing(
    side: int, frames: slice, line: np.ndarray, joints: np.ndarray, rest: RestPose
) -> Footing:
    """The footing in `frames` of a foot whose heel and toe are `line` (n, 3) apart."""
    forward = unit(line.sum(axis=0) * [1.0, 1.0, 0.0])
    if not forward.any():
        forward = np.array([0.0, -1.0, 0.0])
    pitch = np.arctan2(line[:, 2], line @ forward)  # positive: toe up
    usual = float(np.median(pitch))
    if abs(usual) > ON_THE_SOLE:
        return _as_it_is(side, frames, joints)
    pitch = pitch - np.clip(usual, -USUAL_PITCH, USUAL_PITCH)
    # the path follows every degree of the roll: without the first ones each step would be shorter
    seen_anchor = _rolled(pitch, forward, rest)[2]
    return Footing(
        side, frames, *_rolled(_through_flat(_dead_zone(pitch)), forward, rest), seen_anchor
    )


def _rolled(
    pitch: np.ndarray, forward: np.ndarray, rest: RestPose
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heel, toe and anchor (n, 3) from the ankle of a foot that points `forward` (3,), level, and
    whose toe is raised by `pitch` (n,) radians: over the heel, below zero over the toe."""
    pitch = pitch[:, None]
    behind, before, height = triangle(rest)
    up = np.array([0.0, 0.0, 1.0])
    ahead = np.cos(pitch) * forward + np.sin(pitch) * up
    above = -np.sin(pitch) * forward + np.cos(pitch) * up
    heel = -behind * ahead - height * above
    toe = before * ahead - height * above
    return heel, toe, np.where(pitch >= 0, heel + behind * forward, toe - before * forward)


def _as_it_is(side: int, frames: slice, joints: np.ndarray) -> Footing:
    """A foot that touches the ground with something else than its sole: held by its lower end."""
    ankle = joints[frames, JOINT[FEET[side] + "_ankle"]]
    heel, toe = (joints[frames, joint] - ankle for joint in FOOT_JOINTS[side])
    lower = heel if heel[:, 2].mean() < toe[:, 2].mean() else toe
    return Footing(side, frames, heel, toe, lower, lower)


def triangle(rest: RestPose) -> tuple[float, float, float]:
    """Metres: heel behind the ankle, toe before it, ankle above both."""
    ankle, heel, toe = (rest.joints[JOINT["l_" + name]] for name in ("ankle", "heel", "toe"))
    return float(heel[1] - ankle[1]), float(ankle[1] - toe[1]), float(ankle[2] - heel[2])


def _dead_zone(angle: np.ndarray) -> np.ndarray:
    """0 up to `FLAT`, smooth, and the angle itself less `FLAT` from twice that on."""
    beyond = np.maximum(np.abs(angle) - FLAT, 0.0)
    s = np.minimum(beyond / FLAT, 1.0)
    return np.sign(angle) * beyond * s * s * (3 - 2 * s)


def _through_flat(pitch: np.ndarray) -> np.ndarray:
    """`pitch` (n,) with a flat frame wherever it changes from heel to toe or back between two, so
    that one of them always stays from a frame to the next."""
    pitch = pitch.copy()
    for t in np.flatnonzero(pitch[1:] * pitch[:-1] < 0):
        pitch[t + int(abs(pitch[t + 1]) < abs(pitch[t]))] = 0.0
    return pitch
