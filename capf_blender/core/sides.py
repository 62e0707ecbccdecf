# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Left and right where a detector exchanged them, for a frame or for seconds.

Half the difference between a left and a right joint is a vector that an exchange turns round and
that changes nothing else. So the question is which signs make the vectors of a limb move on
smoothly through the take, in the image and in space: a Viterbi search over two states a frame.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from .filters import frame_interval
from .rotations import dot, unit
from .skeleton import JOINT, JOINT_NAMES, MIRROR
from .take import Take


@dataclass(frozen=True)
class Part:
    """Joints that detectors exchange together, by the names of the left ones."""

    left: tuple[str, ...]
    switch: float  # log odds against an exchange beginning or ending from one frame to the next
    a_second: float  # log odds against its lasting, each second
    bones: tuple[tuple[str, str], ...] = ()  # whose lengths tell which side the joints belong to


LIMBS = {
    "forelegs": ("l_knee", "l_ankle", "l_heel", "l_toe"),
    "forearms": ("l_elbow", "l_wrist", "l_index", "l_pinky"),
}
# The body as a whole first, where front and back are confused; then limbs before what carries them.
PARTS: dict[str, Part] = {
    "body": Part(
        (*LIMBS["forelegs"], *LIMBS["forearms"], "l_hip", "l_shoulder", "l_ear"), 4.0, 6.0
    ),
    "forelegs": Part(LIMBS["forelegs"], 5.0, 5.0),
    "hips": Part(("l_hip",), 5.0, 5.0, (("l_hip", "l_knee"),)),
    "forearms": Part(LIMBS["forearms"], 8.0, 15.0),
    "shoulders": Part(("l_shoulder",), 5.0, 5.0, (("l_shoulder", "l_elbow"),)),
}
# How fast half the difference between a left and a right joint changes, and how fast that changes:
# metres a second and a second squared. Of limbs, and of the lines across the trunk and the head.
LIMB_MOTION = (1.5, 15.0)
LINE_MOTION = (0.4, 4.0)

NOISE_M = (0.03, 0.012)  # of a joint in space and in the image
FORESEEN_S = 0.12  # longest way from one frame to the next over which speeds last
LOST_S = 1.0  # after that long unseen, nothing is known of where the limbs were
BURST_S = 0.2  # reach of the frames before and after that tell which way round is usual
BURST_COSINE = 0.2  # clearly the other way round, and clearly usual
BURST_ROUNDS = 3
BRIDGE_S = 0.2  # reach of the frames around the ends of a longer run
BRIDGED = 0.5  # by so many frames' worth the motion there must become simpler,
AGAINST = 20.0  # or each of the missing ones is such log odds against an exchange
FROM_THE_START = 3.0  # switches: a take that begins the wrong way round is rare
LEAST_WEIGHT = 0.1  # beside a confidence: even what is hidden is somewhere
CAP = 9.0  # squared sigmas that one joint can weigh: glitches are not exchanges
INDEPENDENT = 2.0  # a limb's joints err together
SAME_ERROR_S = 0.2  # errors of bones' lengths last
LENGTH_SIGMA = 0.15  # of a bone's length in one frame, as a share of it


@lru_cache(maxsize=1)  # it hangs on no setting: another solve of the same take finds it done
def repaired(take: Take) -> Take:
    """`take` with left and right joints exchanged back; the very same object where none are."""
    swaps = exchanged(take)
    if not swaps.any():
        return take
    source = np.where(swaps, np.array(MIRROR), np.arange(len(JOINT_NAMES)))  # (F, J)

    def back(values: np.ndarray) -> np.ndarray:
        index = source.reshape(source.shape + (1,) * (values.ndim - 2))
        return np.take_along_axis(values, index, axis=1)

    return replace(
        take,
        joints=back(take.joints),
        joints_2d=back(take.joints_2d),
        joints_confidence=back(take.joints_confidence),
    )


def exchanged(take: Take) -> np.ndarray:
    """(F, J) bool: the joint carries the name of the one on the other side of the body."""
    swaps = np.zeros(take.joints.shape[:2], dtype=bool)
    frames = np.flatnonzero(take.present)
    if len(frames) < 2:
        return swaps
    time_s = take.time_s[frames]
    joints, pixels = take.joints[frames], take.joints_2d[frames]
    confidence = np.nan_to_num(take.joints_confidence[frames])
    flat = np.concatenate([joints, pixels * _metres_per_pixel(joints, pixels)], axis=-1)
    for part in PARTS.values():
        left = np.array([JOINT[name] for name in part.left])
        right = np.array(MIRROR)[left]
        halves = 0.5 * (flat[:, left] - flat[:, right])  # (F, K, 5)
        weights = np.minimum(confidence[:, left], confidence[:, right])
        wrong = _bursts(halves, weights, time_s)
        halves[wrong] *= -1
        wrong ^= _runs(halves, weights, time_s, _length_odds(flat[..., :3], part.bones), part)
        here, there = np.concatenate([left, right]), np.concatenate([right, left])
        flat[np.ix_(wrong, here)] = flat[np.ix_(wrong, there)]
        swaps[np.ix_(frames[wrong], here)] ^= True
    return swaps


def _metres_per_pixel(joints: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(F, 1, 1) at the person's distance, from how large it is in space and in the image."""

    def spread(points: np.ndarray) -> np.ndarray:
        return np.sqrt(np.nanvar(points, axis=1).sum(axis=-1))

    ratio = spread(joints[..., :2]) / np.maximum(spread(pixels), 1e-9)
    return ratio[:, None, None]


def _length_odds(joints: np.ndarray, bones: tuple[tuple[str, str], ...]) -> np.ndarray:
    """(F,) by how many logs the lengths of `bones` in `joints` (F, J, 3) speak for an exchange of
    their upper ends."""
    odds = np.zeros(len(joints))
    for upper, lower in bones:
        a, b = JOINT[upper], JOINT[lower]
        ends = ((a, b), (MIRROR[a], MIRROR[b])), ((a, MIRROR[b]), (MIRROR[a], b))
        seen, crossed = (
            np.stack([np.linalg.norm(joints[:, i] - joints[:, j], axis=-1) for i, j in pairs])
            for pairs in ends
        )
        usual = np.median(np.minimum(seen.sum(axis=0), crossed.sum(axis=0))) / 2
        sigma = LENGTH_SIGMA * max(float(usual), 1e-9)
        misfits = [
            np.minimum(((lengths - usual) / sigma) ** 2, CAP).sum(axis=0)
            for lengths in (seen, crossed)
        ]
        odds += 0.5 * (misfits[0] - misfits[1])
    return odds


def _bursts(halves: np.ndarray, weights: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(F,) bool: single frames and short runs in which `halves` (F, K, 5) point away from where
    they point on average shortly before and after, and clearly so."""
    wrong = np.zeros(len(halves), dtype=bool)
    frames = _frames_within(BURST_S, time_s)
    if frames < 2:  # two frames apart, anything may have happened
        return wrong
    vectors = _directions(halves, weights)
    if (dot(vectors[1:], vectors[:-1]) > 0.0).all():
        return wrong
    for _ in range(BURST_ROUNDS):
        mean = np.zeros_like(vectors)
        for lag in range(1, frames + 1):
            near = (time_s[lag:] - time_s[:-lag] <= 2 * BURST_S)[:, None]
            # both sides or none: the mean of a steady motion is then where it is now
            both = near[lag:] & near[:-lag]
            mean[lag:-lag] += both * (vectors[2 * lag :] + vectors[: -2 * lag])
        length = np.linalg.norm(mean, axis=1) / (2 * frames)
        turned = (dot(vectors, unit(mean)) < -BURST_COSINE) & (length > BURST_COSINE)
        if not turned.any():
            break
        vectors[turned] *= -1
        wrong ^= turned
    return wrong


def _bridged(vectors: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(F - 1,) by how much a parabola through the frames around fits `vectors` (F, C) worse when
    those from the second, third, ... frame on are turned round: the difference of the sums of
    squares. So a single odd frame, from which anything may follow, does not exchange sides.

    With A and C the projections of the frames before and from there on onto the parabolas, these
    explain |A + C|^2 of the vectors as they are and |A - C|^2 turned, which differ by 4 A.C.
    """
    reach = max(3, _frames_within(BRIDGE_S, time_s))
    basis, _ = np.linalg.qr(np.vander(np.arange(-reach, reach) + 0.5, 3))
    padded = np.pad(vectors, ((reach, reach), (0, 0)))
    cuts = len(vectors) - 1
    agreement = np.zeros(cuts)
    for column in basis.T:
        before, after = np.zeros((2, cuts, vectors.shape[1]))
        for lag in range(reach):
            before += column[lag] * padded[1 + lag : 1 + lag + cuts]
            after += column[reach + lag] * padded[1 + reach + lag : 1 + reach + lag + cuts]
        agreement += dot(before, after)
    return np.where(np.diff(time_s) <= LOST_S, 4.0 * agreement, 0.0)


def _directions(halves: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(F, 5 K) `halves` by confidence, each joint at most as long as it usually is and all as long
    as one another, so that none outweighs the others."""
    length = np.linalg.norm(halves, axis=-1)
    length = np.maximum(length, np.nanmedian(length, axis=0))
    share = np.sqrt((weights + LEAST_WEIGHT) / (weights + LEAST_WEIGHT).sum(axis=1, keepdims=True))
    vectors = halves * (share / np.maximum(length, 1e-9))[..., None]
    return np.nan_to_num(vectors).reshape(len(halves), -1)


def _frames_within(seconds: float, time_s: np.ndarray) -> int:
    return min(round(seconds / frame_interval(time_s)), (len(time_s) - 1) // 2)


def _runs(
    halves: np.ndarray, weights: np.ndarray, time_s: np.ndarray, odds: np.ndarray, part: Part
) -> np.ndarray:
    """(F,) bool: the likeliest frames in which the `part` is exchanged, from its `halves`
    (F, K, 5), metres, their `weights` (F, K), and `odds` (F,) that speak for it by themselves.

    Viterbi over pairs of frames, as speeds last: a state is (this frame is wrong, this one and the
    last one differ).
    """
    interval = np.gradient(time_s)
    wrong_cost = part.a_second * interval - np.minimum(interval / SAME_ERROR_S, 1.0) * odds
    against = np.maximum(BRIDGED + _bridged(_directions(halves, weights), time_s), 0.0)
    change_cost = part.switch + AGAINST * against
    # a change alters the motion's cost of two frames, in space and in the image
    most = 2 * INDEPENDENT * CAP + np.maximum(-wrong_cost, 0.0).sum()
    if change_cost.min() > most and wrong_cost.sum() >= 0.0:
        return np.zeros(len(time_s), dtype=bool)
    limb = np.array([name in LIMBS["forelegs"] + LIMBS["forearms"] for name in part.left])
    motion = np.where(limb[:, None], LIMB_MOTION, LINE_MOTION)  # (K, 2)
    cost = _motion_costs(halves, weights, np.diff(time_s), motion)
    cost[:, :, 1] += change_cost[:, None]
    states = [(0, 0), (1, 0), (0, 1), (1, 1)]  # (wrong, changed)
    total = [0.0, float(wrong_cost[0]) + FROM_THE_START * part.switch, np.inf, np.inf]
    came_from = []
    for (stay, change), unary in zip(cost.transpose(0, 2, 1).tolist(), wrong_cost[1:], strict=True):
        costs, best = [], []
        for wrong, changed in states:
            before = wrong ^ changed
            by = change if changed else stay
            steady, turned = total[before] + by[0], total[2 + before] + by[1]
            best.append(before if steady <= turned else 2 + before)
            costs.append(min(steady, turned) + (unary if wrong else 0.0))
        total = costs
        came_from.append(best)
    state = int(np.argmin(total))
    path = [state]
    for best in reversed(came_from):
        state = best[state]
        path.append(state)
    return np.array([states[state][0] == 1 for state in reversed(path)])


def _motion_costs(
    halves: np.ndarray, weights: np.ndarray, step: np.ndarray, motion: np.ndarray
) -> np.ndarray:
    """(F - 1, 2, 2) minus log likelihood of each frame from the second, by whether the sign changed
    into the frame before, and into this one.

    `halves` (F, K, 5) metres in space and in the image, `weights` (F, K), `step` (F - 1,) seconds;
    `motion` (K, 2) how fast each joint moves and speeds up.
    """
    frames = len(halves)
    costs = np.zeros((frames - 1, 2, 2))
    last_step = np.concatenate([[np.inf], step[:-1]])
    foreseen = (step <= FORESEEN_S) & (last_step <= FORESEEN_S)
    ratio = np.where(foreseen, step / np.maximum(last_step, 1e-9), 0.0)
    speed, acceleration = motion.T
    sigma = np.where(
        foreseen[:, None], acceleration * step[:, None] ** 2, speed * step[:, None]
    )  # (F - 1, K)
    spread = 1 + (1 + ratio) ** 2 + ratio**2
    variances = [noise**2 * spread[:, None] + sigma**2 for noise in NOISE_M]
    weight = np.minimum(weights[1:], weights[:-1]) + LEAST_WEIGHT
    weight = weight / weight.sum(axis=1, keepdims=True)
    now, last = halves[1:], halves[:-1]
    second_last = np.concatenate([halves[:1], halves[:-2]])
    for changed_before in (0, 1):
        before = -second_last if changed_before else second_last
        expected = last + ratio[:, None, None] * (last - before)
        for changed in (0, 1):
            away = (-now if changed else now) - expected
            for axes, variance in zip((slice(0, 3), slice(3, 5)), variances, strict=True):
                square = np.nan_to_num(dot(away[..., axes], away[..., axes])) / variance
                cost = (weight * np.minimum(square, CAP)).sum(axis=1)
                costs[:, changed_before, changed] += 0.5 * INDEPENDENT * cost
    costs[step > LOST_S] = 0.0
    return costs
