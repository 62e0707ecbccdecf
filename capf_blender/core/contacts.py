# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When each foot stands on the ground.

A foot stands while it is near the ground and does not move. Nearness is judged by its height over
the local floor, the lowest that the lower foot has been for a while, so that a path that drifts in
depth does not lift the floor away. Movement is judged by what the image shows: how fast heel and
toe move across it, in metres at the person's distance. That is several times steadier than their
speed in space, most of which is the lifter's noise in depth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .filters import frame_interval, lowpass, segments
from .skeleton import JOINT

FEET = ("l", "r")
FOOT_POINTS = ("heel", "toe")
FOOT_JOINTS = np.array([[JOINT[f"{foot}_{point}"] for point in FOOT_POINTS] for foot in FEET])

FLOOR_WINDOW_S = 2.0
FLOOR_SHARE = 0.1  # of the window: its lowest moments, but for outliers
SEEN_HZ = (3.0, 8.0)  # least and greatest cut-off of the places that speeds are taken from
SEEN_NOISE = 0.08  # metres a second that noise may look like: calm footage is followed faster
DEPTH_HZ = 3.0
DEPTH_SHARE = 0.3  # of the speed along the line of sight that counts: it is mostly noise
LEAST_S = 0.10
STILL_S = 0.25  # of free fall would change a foot's speed by 2.5 m/s
STILL_HEIGHT_M = 0.3  # higher over the floor than errors of distance are
MERGE_S = 0.12
MERGE_LIFT_M = 0.04
SUPPORT_M = 0.25  # a foot this far above the body's lowest part carries nothing
# how far below a joint the skin lies, as a share of the body's height
SKIN = {
    "pelvis": 0.06, "hip": 0.05, "knee": 0.03, "ankle": 0.039, "spine": 0.06, "thorax": 0.06,
    "shoulder": 0.04, "elbow": 0.02, "wrist": 0.015,
}  # fmt: skip
SURFACE_SKIN = 0.012  # of points that lie on the skin already


@dataclass(frozen=True)
class Contact:
    """One foot stands from one moment to another, both included."""

    foot: str  # "l" or "r", the person's own
    start_s: float  # source seconds
    end_s: float


@dataclass(frozen=True)
class Limits:
    """When a foot begins to stand, and when it no longer does: metres over the floor, metres a
    second."""

    enter_speed: float
    leave_speed: float
    enter_height: float
    leave_height: float
    level: bool = True  # False: the floor may slope, heights are those over the other foot


LIMITS = {
    "AUTO": Limits(0.25, 0.5, 0.05, 0.12),
    # whatever is near the floor stands, but for clear steps
    "ALWAYS": Limits(0.5, 1.0, 0.1, 0.15),
}

ROUGH = Limits(0.25, 0.4, 0.1, 0.2, level=False)


def detect(
    feet: np.ndarray, speed: np.ndarray, lowest: np.ndarray, time_s: np.ndarray, limits: Limits
) -> tuple[Contact, ...]:
    """The contacts in one run of frames without gaps, in order.

    `feet` (F, 2) metres: height of each foot's sole, left and right; `speed` (F, 2) metres a
    second; `lowest` (F,) height of the body's lowest point; `time_s` (F,).
    """
    lower = feet.min(axis=1)
    over_floor = feet - local_floor(lower, time_s)[:, None]
    over_other = feet - lower[:, None]
    # legs in the air of somebody who lies, sits on the floor or stands on the hands carry nothing
    carries = feet - lowest[:, None] < SUPPORT_M
    found: list[Contact] = []
    for side, foot in enumerate(FEET):
        moves = speed[:, side]
        # Nothing that flies is still for long. A foot that is can be as high as the lower one: then
        # the error of its distance, which both share, does not matter.
        still = _long_runs(moves < limits.leave_speed, time_s, STILL_S)
        still &= over_floor[:, side] < STILL_HEIGHT_M
        sloped = still if limits.level else np.ones_like(still)
        height = np.where(sloped, over_other[:, side], over_floor[:, side])
        may_enter = (moves < limits.enter_speed) & (height < limits.enter_height) & carries[:, side]
        must_leave = (
            (moves > limits.leave_speed) | (height > limits.leave_height) | ~carries[:, side]
        )
        stands = hysteresis(may_enter, must_leave)
        for start, stop in _lasting(stands, height, time_s):
            found.append(Contact(foot, float(time_s[start]), float(time_s[stop - 1])))
    return in_order(found)


def hysteresis(may_enter: np.ndarray, must_leave: np.ndarray) -> np.ndarray:
    """(F,) bool: true from the first frame that may enter until one that must leave, and also
    before it as long as no frame had to leave: the rule is the same in both directions of time."""
    stands = np.zeros(len(may_enter), bool)
    for run in segments(~must_leave):
        stands[run] = may_enter[run].any()
    return stands


def _long_runs(values: np.ndarray, time_s: np.ndarray, least_s: float) -> np.ndarray:
    """(F,) bool: `values` without the runs that are shorter than `least_s` seconds."""
    result = np.zeros_like(values)
    for run in segments(values):
        result[run] = time_s[run.stop - 1] - time_s[run.start] >= least_s
    return result


def _lasting(stands: np.ndarray, height: np.ndarray, time_s: np.ndarray) -> list[tuple[int, int]]:
    """Runs [start, stop) of `stands` (F,), joined over short gaps near the floor, the short ones
    among them left out."""
    joined: list[tuple[int, int]] = []
    for run in segments(stands):
        if joined:
            start, stop = joined[-1]
            gap = time_s[run.start] - time_s[stop - 1]
            if gap < MERGE_S and height[stop : run.start].max(initial=0.0) < MERGE_LIFT_M:
                joined[-1] = (start, run.stop)
                continue
        joined.append((run.start, run.stop))
    least = LEAST_S - 0.5 * _interval(time_s)
    return [(start, stop) for start, stop in joined if time_s[stop - 1] - time_s[start] >= least]


def _interval(time_s: np.ndarray) -> float:
    return frame_interval(time_s) if len(time_s) > 1 else 0.0


def local_floor(lower: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(F,) metres: the floor near each frame, from the height of the `lower` foot (F,)."""
    interval = _interval(time_s)
    half = round(0.5 * FLOOR_WINDOW_S / interval) if interval else 0
    half = min(half, len(lower) - 1)
    if half < 1:
        return lower.copy()
    padded = np.pad(lower, half, constant_values=np.inf)
    windows = np.sort(sliding_window_view(padded, 2 * half + 1), axis=1)
    inside = np.isfinite(windows).sum(axis=1)
    rank = (FLOOR_SHARE * (inside - 1)).astype(int)
    floor = np.take_along_axis(windows, rank[:, None], 1)[:, 0]
    return lowpass(floor, time_s, 1.0 / FLOOR_WINDOW_S)


def seen_speed(
    feet: np.ndarray, ray: np.ndarray, eye: np.ndarray, time_s: np.ndarray
) -> np.ndarray:
    """(F, 2) metres a second at which each foot moves, the slower of heel and toe: a foot that
    rolls stands on one of them.

    `feet` (F, 2, 2, 3) metres, world axes, for their distance: heel and toe of the left and the
    right; `ray` (F, 2, 2, 3) unit directions in world axes in which the camera sees them; `eye`
    (F, 3) the camera's place.
    """
    distance = np.linalg.norm(feet - eye[:, None, None], axis=-1)
    steady = lowpass(distance, time_s, 1.0)
    across = eye[:, None, None] + steady[..., None] * ray
    across = lowpass(across, time_s, _cutoff(across, time_s))
    velocity = _rate(across, time_s)
    along = np.einsum("...i,...i->...", velocity, ray)
    across_speed = np.linalg.norm(velocity - along[..., None] * ray, axis=-1)
    depth_speed = np.abs(_rate(lowpass(distance, time_s, DEPTH_HZ), time_s))
    return np.hypot(across_speed, DEPTH_SHARE * depth_speed).min(axis=-1)


def _cutoff(places: np.ndarray, time_s: np.ndarray) -> float:
    """Hz to which `places` (F, ..., 3) are followed so that white noise of their size gives speeds
    of `SEEN_NOISE`. Differentiated and cut at f, sampled at r, noise of s metres has a speed of
    2 pi f s sqrt(2 f / (3 r)) in each axis."""
    if len(places) < 5:
        return SEEN_HZ[1]
    jerk = np.linalg.norm(np.diff(places, n=2, axis=0), axis=-1)
    noise = max(float(np.median(jerk)) / np.sqrt(6.0 * 2.0), 1e-6)  # two axes across the view
    cutoff = (1.5 / _interval(time_s) * (SEEN_NOISE / (2 * np.pi * noise)) ** 2) ** (1 / 3)
    return float(np.clip(cutoff, *SEEN_HZ))


def _rate(values: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Change of `values` (F, ...) a second."""
    return np.gradient(values, time_s, axis=0) if len(time_s) > 1 else np.zeros_like(values)


def sole_heights(joints: np.ndarray, sole: float) -> np.ndarray:
    """(F, 2) metres: height of the lower of heel and toe of each foot; `sole` metres is their
    height over the ground when the foot is flat, `joints` (F, J, 3) has z up."""
    return joints[:, FOOT_JOINTS, 2].min(axis=-1) - sole


def lowest_points(joints: np.ndarray, height: float) -> np.ndarray:
    """(F,) height of the lowest point of the skin of a body of that `height`; `joints` (F, J, 3)
    metres, z up."""
    skin = np.array([SKIN.get(name.split("_", 1)[-1], SURFACE_SKIN) for name in JOINT])
    return (joints[..., 2] - height * skin).min(axis=1)


def frames_of(contact: Contact, time_s: np.ndarray) -> slice:
    """The frames at `time_s` (F,) during `contact`; may be empty."""
    slack = 1e-4
    first = int(np.searchsorted(time_s, contact.start_s - slack))
    return slice(first, max(first, int(np.searchsorted(time_s, contact.end_s + slack))))


def in_order(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """`contacts` by the time at which they begin."""
    return tuple(sorted(contacts, key=lambda contact: (contact.start_s, contact.foot)))


def tidied(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """`contacts` in order of time, those of one foot that overlap made one."""
    found: list[Contact] = []
    for foot in FEET:
        mine: list[Contact] = []
        for contact in in_order(c for c in contacts if c.foot == foot):
            if mine and contact.start_s <= mine[-1].end_s:
                end = max(mine[-1].end_s, contact.end_s)
                mine[-1] = replace(mine[-1], end_s=end)
            else:
                mine.append(contact)
        found += mine
    return in_order(found)


def planted(contacts: Sequence[Contact], time_s: np.ndarray) -> np.ndarray:
    """(F, 2) bool: the left, the right foot stands at `time_s` (F,)."""
    stands = np.zeros((len(time_s), 2), bool)
    for contact in contacts:
        stands[frames_of(contact, time_s), FEET.index(contact.foot)] = True
    return stands
