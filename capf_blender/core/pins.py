# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet held in place by their legs: two-bone inverse kinematics with blends around each contact."""

import numpy as np

from .anatomy import SEGMENT, anatomical_frames
from .contacts import FEET
from .filters import frame_interval, lowpass
from .footing import Footing
from .rotations import perpendicular, shortest_arc, unit
from .skeleton import JOINT

BLEND_S = 0.16  # from held to free
STRETCH = 0.999  # of the leg's length: a knee is never quite straight
HIPS_HZ = 3.0
HIPS_WINDOW_S = 0.2
REACH_ROUNDS = 6
SMOOTH_ROUNDS = 2


def pin(
    joints: np.ndarray,
    time_s: np.ndarray,
    footings: list[Footing],
    anchors: np.ndarray,
    sole: float,
) -> np.ndarray:
    """`joints` (F, J, 3), z up, of one run of frames, with the feet where they stand.

    Each of `footings` is held at its anchor, `anchors` (K, 3); what that moves fades out over
    `BLEND_S` before and after. Free feet are kept from sinking below `sole` metres. Legs that
    would have to stretch lower the hips, by as little as that takes. Bone lengths stay.
    """
    if not footings:
        return joints
    hips = joints[:, [JOINT[p + "_hip"] for p in FEET]]
    ankles = np.empty_like(hips)
    ends = np.empty((*hips.shape[:2], 2, 3))  # heel and toe from the ankle
    held = np.zeros(hips.shape[:2], bool)
    touched = np.zeros(hips.shape[:2], bool)
    for side, p in enumerate(FEET):
        foot = joints[:, [JOINT[f"{p}_{name}"] for name in ("ankle", "heel", "toe")]]
        foot[:, 1:] -= foot[:, :1]
        wanted, held[:, side], touched[:, side] = _blended(
            foot, time_s, [(f, a) for f, a in zip(footings, anchors, strict=True) if f.side == side]
        )
        lengths = np.linalg.norm(foot[:, 1:], axis=-1, keepdims=True)
        ends[:, side] = np.where(
            held[:, side, None, None], wanted[:, 1:], lengths * unit(wanted[:, 1:])
        )
        ankles[:, side] = wanted[:, 0]
        low = ends[:, side, :, 2].min(axis=-1) + ankles[:, side, 2]
        sunk = np.where(held[:, side], 0.0, np.maximum(sole - low, 0.0))
        ankles[:, side, 2] += sunk
        touched[:, side] |= sunk > 0
    upper, lower = (
        np.array([np.linalg.norm(joints[0, JOINT[p + a]] - joints[0, JOINT[p + b]]) for p in
                  ("l_", "r_")])
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    )  # fmt: skip
    shift = _hips_shift(hips, ankles, held, STRETCH * (upper + lower), time_s)
    result = joints + shift[:, None]
    moved = touched | (np.abs(shift).max(axis=1) > 0)[:, None]
    axes = anatomical_frames(joints, time_s)
    for side, p in enumerate(FEET):
        rows = np.flatnonzero(moved[:, side])
        hip = result[rows, JOINT[p + "_hip"]]
        line = joints[rows, JOINT[p + "_ankle"]] - joints[rows, JOINT[p + "_hip"]]
        axis = axes[rows, SEGMENT["thigh." + p.upper()], :, 0]
        knee, ankle = two_bones(
            hip, ankles[rows, side], line, axis, float(upper[side]), float(lower[side])
        )
        result[rows, JOINT[p + "_knee"]], result[rows, JOINT[p + "_ankle"]] = knee, ankle
        result[rows, JOINT[p + "_heel"]] = ankle + ends[rows, side, 0]
        result[rows, JOINT[p + "_toe"]] = ankle + ends[rows, side, 1]
    return result


def two_bones(
    hip: np.ndarray,
    target: np.ndarray,
    line: np.ndarray,
    axis: np.ndarray,
    upper: float,
    lower: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ankle (F, 3) of legs from `hip` (F, 3) to `target` (F, 3), or as near as they reach.

    The knee stays in the plane that it was in: `line` (F, 3) was the way from hip to ankle, `axis`
    (F, 3) the hinge about which a positive turn flexes.
    """
    way = target - hip
    reach = np.linalg.norm(way, axis=-1)
    direction = unit(way)
    length = np.clip(reach, abs(upper - lower) + 1e-4, upper + lower)
    turned = np.einsum("fij,fj->fi", shortest_arc(unit(line), direction), axis)
    forward = np.cross(direction, unit(perpendicular(turned, direction)))
    # the law of cosines: how far along the line, and how far before it, the knee lies
    along = (length**2 + upper**2 - lower**2) / (2 * length)
    before = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    knee = hip + along[:, None] * direction + before[:, None] * forward
    return knee, hip + length[:, None] * direction


def _blended(
    foot: np.ndarray, time_s: np.ndarray, pinned: list[tuple[Footing, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`foot` (F, 3, 3): ankle, and heel and toe from it; held by `pinned` footings and their
    anchors in order of time. Also the frames (F,) in which it is held, and changed at all."""
    result = foot.copy()
    held = np.zeros(len(foot), bool)
    changed = np.zeros(len(foot), bool)
    before: tuple[int, np.ndarray] | None = None  # last held frame, and what it was moved by
    for slot in (*pinned, None):
        start, change = len(foot), None
        if slot is not None:
            footing, anchor = slot
            start, frames = footing.frames.start, footing.frames
            result[frames] = np.stack([anchor - footing.anchor, footing.heel, footing.toe], axis=1)
            held[frames] = changed[frames] = True
            change = result[frames] - foot[frames]
        gap = slice(0 if before is None else before[0] + 1, start)
        blend = BLEND_S
        if before is not None and change is not None:
            blend = min(BLEND_S, time_s[start] - time_s[before[0]])
        if before is not None:
            _fade(result, changed, gap, (time_s[gap] - time_s[before[0]]) / blend, before[1])
        if change is not None:
            _fade(result, changed, gap, (time_s[start] - time_s[gap]) / blend, change[0])
            before = start + len(change) - 1, change[-1]
    return result, held, changed


def _fade(
    values: np.ndarray, changed: np.ndarray, frames: slice, s: np.ndarray, change: np.ndarray
) -> None:
    """Adds `change` to `values` (F, ...) in `frames` (n,): all at s = 0, nothing from 1 on."""
    share = _quintic(s)
    values[frames] += share.reshape((-1,) + (1,) * change.ndim) * change
    changed[frames] |= share > 0


def _quintic(s: np.ndarray) -> np.ndarray:
    """1 at 0, 0 from 1 on, with no speed and no acceleration at either end."""
    s = np.clip(s, 0.0, 1.0)
    return 1.0 - s**3 * (10.0 + s * (6.0 * s - 15.0))


def _hips_shift(
    hips: np.ndarray, ankles: np.ndarray, held: np.ndarray, reach: np.ndarray, time_s: np.ndarray
) -> np.ndarray:
    """(F, 3) metres by which the body moves so that held feet (F, 2, 3) are in `reach` (2,) of
    their `hips` (F, 2, 3): down and smooth as far as that goes, then the shortest way."""
    way = hips - ankles
    level = np.linalg.norm(way[..., :2], axis=-1)
    highest = np.sqrt(np.maximum(reach**2 - level**2, 0.0))
    lower = np.where(held & (level < 0.7 * reach), np.maximum(way[..., 2] - highest, 0.0), 0.0)
    need = lower.max(axis=1)
    shift = np.zeros((len(hips), 3))
    if need.any():
        shift[:, 2] = -np.maximum(lowpass(_widest(need, time_s), time_s, HIPS_HZ), 0.0)
    for _ in range(SMOOTH_ROUNDS):
        more = _into_reach(hips + shift[:, None], ankles, held, reach)
        size = np.linalg.norm(more, axis=-1)
        if size.max(initial=0.0) < 1e-6:
            return shift
        wide = lowpass(_widest(size, time_s), time_s, HIPS_HZ)
        shift += np.maximum(wide, 0.0)[:, None] * unit(lowpass(more, time_s, HIPS_HZ))
    return shift + _into_reach(hips + shift[:, None], ankles, held, reach)


def _into_reach(
    hips: np.ndarray, ankles: np.ndarray, held: np.ndarray, reach: np.ndarray
) -> np.ndarray:
    """(F, 3) the shortest move of the `hips` (F, 2, 3) that brings held feet into `reach` (2,)."""
    shift = np.zeros((len(hips), 3))
    for _ in range(REACH_ROUNDS):
        for side in range(2):
            way = hips[:, side] + shift - ankles[:, side]
            length = np.linalg.norm(way, axis=-1)
            excess = np.where(held[:, side], np.maximum(length - reach[side], 0.0), 0.0)
            shift -= (excess / np.maximum(length, 1e-9))[:, None] * way
    return shift


def _widest(values: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(F,) greatest of `values` (F,) within half of `HIPS_WINDOW_S` around each frame."""
    interval = frame_interval(time_s) if len(time_s) > 1 else 0.0
    half = min(round(0.5 * HIPS_WINDOW_S / interval) if interval else 0, len(values) - 1)
    result = values.copy()
    for step in range(1, half + 1):
        result[step:] = np.maximum(result[step:], values[:-step])
        result[:-step] = np.maximum(result[:-step], values[step:])
    return result
