# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way is up, for a camera of which nothing is known but what it saw of a person.

The camera's tilt is a pair (a, b): "up" is along (a, -1, b) in camera axes (x right, y down, z
forward), so a is its roll and b its pitch. What is known of it is added up as Gaussians: cameras
are held nearly level, people who stand are balanced, feet stand on one plane.
"""

import numpy as np

from .filters import frame_interval, lowpass
from .rotations import angle_between, unit
from .skeleton import JOINT

LEVEL_SIGMA = np.array([0.15, 0.3])  # what is known of a camera's tilt beforehand: roll, pitch
STEEPEST = np.tan(np.radians(45.0))  # nobody's camera leans more; whoever seems to, lies or bends
# both knees straighter than 160 degrees, else at least than 135: that adds to the tilt's sigma
UPRIGHT_KNEES = ((np.radians(20.0), 0.0), (np.radians(45.0), 0.08))
UPRIGHT_HIP = np.radians(30.0)
UPRIGHT_STANCE = np.radians(30.0)  # between the legs: a stride
# of the knees over the feet that stand: up to 60 degrees people balance, beyond they may as well
# sit, which adds to the tilt's sigma
BALANCED_KNEES = ((np.radians(60.0), 0.0), (np.radians(90.0), 0.1))
# what carries somebody stands, but for runners: a moment of it at least, else it tells little
CARRYING_SPEED = 0.4  # metres a second across the image
CARRYING_S = 0.25
FOOT_HZ = 5.0
MOVING_DOUBT = 0.3
LIFTED_M = 0.04  # a foot this much higher than the other one carries a third of what it does
PRESSURE_SHARE = 0.6  # of the way from heel to toe: where a standing foot presses on average
SUPPORT_ROUNDS = 4
# from joint to joint: share of the body's mass, and where on the way its centre lies (Winter,
# Biomechanics and Motor Control of Human Movement, 4th ed., table 4.1)
_LIMB_SEGMENTS = {
    ("shoulder", "elbow"): (0.028, 0.436), ("elbow", "wrist"): (0.016, 0.430),
    ("wrist", "index"): (0.006, 0.5), ("hip", "knee"): (0.100, 0.433),
    ("knee", "ankle"): (0.0465, 0.433), ("heel", "toe"): (0.0145, 0.5),
}  # fmt: skip
SEGMENTS = {("pelvis", "thorax"): (0.497, 0.5), ("neck", "head_top"): (0.081, 0.5)} | {
    (side + start, side + end): values
    for side in ("l_", "r_")
    for (start, end), values in _LIMB_SEGMENTS.items()
}
BODY_SIGMA = np.array([0.03, 0.08])  # lean of a standing body as seen: sideways, in depth
# the same of the line from the feet to the centre of mass: half as long, and of single feet
BALANCE_SIGMA = np.array([0.04, 0.13])
FLOOR_SIGMA_M = 0.05
FLOOR_SPREAD_M = np.array([0.25, 0.5])  # least spread of footprints that tells a slope: x, z
STANDING_SPEED = 0.25  # metres a second across the image: a foot that stands
INDEPENDENT_S = 0.5  # errors of neighbouring frames are the same error
TRIALS = 200


def up_direction(joints: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(3,) unit vector against gravity in camera axes, for `joints` (F, J, 3) without NaN."""
    tilt = np.zeros(2)
    precision = np.diag(LEVEL_SIGMA**-2)
    seen, seen_precision = _body_tilt(joints, time_s)
    posterior = precision + seen_precision
    tilt = np.linalg.solve(posterior, precision @ tilt + seen_precision @ seen)
    tilt = _floor_tilt(joints, time_s, tilt, posterior)
    tilt *= min(1.0, STEEPEST / max(float(np.linalg.norm(tilt)), 1e-9))
    return unit(np.array([tilt[0], -1.0, tilt[1]]))


def _body_tilt(joints: np.ndarray, time_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tilt (2,) of who stands, and its precision (2, 2), zero if nobody does.

    Two signs of it that fail differently, drawn from the same joints with the same errors: together
    they are worth no more than one of them.
    """
    signs = [_upright_tilt(joints, time_s), _balanced_tilt(joints, time_s)]
    signs = [(tilt, precision) for tilt, precision in signs if precision.any()]
    if not signs:
        return np.zeros(2), np.zeros((2, 2))
    total = np.sum([precision for _, precision in signs], axis=0)
    tilt = np.sum([precision * tilt for tilt, precision in signs], axis=0) / total
    return tilt, np.diag(total / len(signs))


def _upright_tilt(joints: np.ndarray, time_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tilt (2,) at which straight people stand upright, and its precision (2,), zero if nobody
    does."""
    j = {name: joints[:, index] for name, index in JOINT.items()}
    ankles = 0.5 * (j["l_ankle"] + j["r_ankle"])
    body = unit(j["thorax"] - ankles)
    # somebody on one leg stands over that one, not over the middle of both
    legs = [j[p + "ankle"] - j[p + "hip"] for p in ("l_", "r_")]
    stance = angle_between(legs[0], legs[1])
    trunk_bend = angle_between(j["thorax"] - j["pelvis"], j["pelvis"] - ankles)
    knee_bend = np.maximum(
        *(
            angle_between(j[p + "knee"] - j[p + "hip"], j[p + "ankle"] - j[p + "knee"])
            for p in ("l_", "r_")
        )
    )
    possible = np.hypot(body[:, 0], body[:, 2]) < -body[:, 1] * STEEPEST
    possible &= (trunk_bend < UPRIGHT_HIP) & (stance < UPRIGHT_STANCE)
    tiers = [(possible & (knee_bend < limit), lean) for limit, lean in UPRIGHT_KNEES]
    upright, lean = next((tier for tier in tiers if tier[0].any()), (possible & False, 0.0))
    if not upright.any():
        return np.zeros(2), np.zeros(2)
    tilts = body[upright][:, [0, 2]] / -body[upright][:, 1:2]
    median = np.median(tilts, axis=0)
    spread = 1.4826 * np.median(np.abs(tilts - median), axis=0)
    # a moment in which somebody who bends or falls passes through straightness is little evidence
    independent = 1.0 + upright.sum() * _interval(time_s) / INDEPENDENT_S
    variance = BODY_SIGMA**2 + lean**2 + (0.1**2 + spread**2) / independent
    return median, 1.0 / variance


def _balanced_tilt(joints: np.ndarray, time_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tilt (2,) at which people on their feet do not fall, and its precision (2,), zero if nobody
    stands.

    The centre of mass is above what carries it, but for what accelerates it, which averages out.
    That holds for whoever bends, squats, strides or stands on one leg, unlike upright trunks.
    """
    tilt, tilts, doubt = np.zeros(2), np.zeros((0, 2)), 0.0
    speed = _foot_speed(joints, time_s)
    for _ in range(SUPPORT_ROUNDS + 1):  # which foot carries depends on where down is
        tilts, doubt = _tilts_in_balance(joints, speed, _interval(time_s), tilt)
        if len(tilts) == 0:
            return np.zeros(2), np.zeros(2)
        tilt = np.median(tilts, axis=0)
    spread = 1.4826 * np.median(np.abs(tilts - tilt), axis=0)
    # a moment in which somebody who falls or sits passes through balance is little evidence
    independent = 1.0 + len(tilts) * _interval(time_s) / INDEPENDENT_S
    variance = BALANCE_SIGMA**2 + doubt**2 + (0.1**2 + spread**2) / independent
    return tilt, 1.0 / variance


def _tilts_in_balance(
    joints: np.ndarray, foot_speed: np.ndarray, interval_s: float, tilt: np.ndarray
) -> tuple[np.ndarray, float]:
    """Tilts (N, 2) at which those frames are in balance that may be, if the feet are where `tilt`
    (2,) has them, and how doubtful it is that these frames are in balance."""
    middle, bend, share = _support(joints, unit(np.array([tilt[0], -1.0, tilt[1]])))
    body = unit(_centre_of_mass(joints) - middle)
    possible = np.hypot(body[:, 0], body[:, 2]) < -body[:, 1] * STEEPEST
    stands = possible & ((share * foot_speed).sum(axis=1) < CARRYING_SPEED)
    tiers = [(stands & (bend < limit), doubt) for limit, doubt in BALANCED_KNEES]
    tiers = [tier for tier in tiers if tier[0].sum() * interval_s > CARRYING_S]
    tiers += [(possible & (bend < limit), doubt + MOVING_DOUBT) for limit, doubt in BALANCED_KNEES]
    chosen, doubt = next((tier for tier in tiers if tier[0].any()), (possible & False, 0.0))
    return body[chosen][:, [0, 2]] / -body[chosen][:, 1:2], doubt


def _foot_speed(joints: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(F, 2) metres a second across the image of each foot's slower end: in depth it is noise."""
    if len(joints) < 2:
        return np.zeros((len(joints), 2))
    ends = joints[:, [[JOINT[p + n] for n in ("heel", "toe")] for p in ("l_", "r_")], :2]
    velocity = np.gradient(lowpass(ends, time_s, FOOT_HZ), time_s, axis=0)
    return np.linalg.norm(velocity, axis=-1).min(axis=-1)


def _centre_of_mass(joints: np.ndarray) -> np.ndarray:
    """(F, 3) of `joints` (F, J, 3)."""
    centre = np.zeros((len(joints), 3))
    for (start, end), (mass, share) in SEGMENTS.items():
        first, last = joints[:, JOINT[start]], joints[:, JOINT[end]]
        centre += mass * (first + share * (last - first))
    return centre / sum(mass for mass, _ in SEGMENTS.values())


def _support(joints: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The middle (F, 3) of what carries the body if `up` (3,) is up, the lower foot or both, the
    bend (F,) of the knees over it, radians, and each foot's share (F, 2)."""
    heels, toes, bends = [], [], []
    for side in ("l_", "r_"):
        hip, knee, ankle = (joints[:, JOINT[side + name]] for name in ("hip", "knee", "ankle"))
        heels.append(joints[:, JOINT[side + "heel"]])
        toes.append(joints[:, JOINT[side + "toe"]])
        bends.append(angle_between(knee - hip, ankle - knee))
    heel, toe = np.stack(heels, axis=1), np.stack(toes, axis=1)  # (F, 2, 3)
    low = np.minimum(heel @ up, toe @ up)
    share = np.exp(-(low - low.min(axis=1, keepdims=True)) / LIFTED_M)
    share /= share.sum(axis=1, keepdims=True)
    middle = heel + PRESSURE_SHARE * (toe - heel)
    bend = (share * np.stack(bends, axis=1)).sum(axis=1)
    return (share[..., None] * middle).sum(axis=1), bend, share


def _interval(time_s: np.ndarray) -> float:
    return frame_interval(time_s) if len(time_s) > 1 else 0.0


def _floor_tilt(
    joints: np.ndarray, time_s: np.ndarray, tilt: np.ndarray, precision: np.ndarray
) -> np.ndarray:
    """`tilt` (2,), known to `precision` (2, 2), corrected so that standing feet share a plane.

    RANSAC, each hypothesis the most likely plane through three footprints given what is known, then
    refined on its inliers. Slopes along which the footprints are not well spread stay as they are.
    """
    prints = _footprints(joints, time_s)
    if len(prints) < 8:
        return tilt
    spread = 0.5 * np.diff(np.percentile(prints[:, [0, 2]], [10, 90], axis=0), axis=0)[0]
    precision = precision + np.diag(np.where(spread < FLOOR_SPREAD_M, 1e6, 0.0))
    if (spread < FLOOR_SPREAD_M).all():
        return tilt
    weight = min(1.0, _interval(time_s) / INDEPENDENT_S) / FLOOR_SIGMA_M**2

    def fit(points: np.ndarray, point_weight: float) -> np.ndarray:
        """(..., 3) tilt and offset d of the plane y = a x + b z + d for points (..., N, 3)."""
        rows = np.concatenate([points[..., [0, 2]], np.ones_like(points[..., :1])], axis=-1)
        normal = point_weight * np.swapaxes(rows, -1, -2) @ rows
        right = point_weight * np.einsum("...ni,...n->...i", rows, points[..., 1])
        normal[..., :2, :2] += precision
        right[..., :2] += precision @ tilt
        return np.linalg.solve(normal, right[..., None])[..., 0]

    def heights(planes: np.ndarray) -> np.ndarray:
        """(..., N) distances of the footprints from planes (..., 3), metres."""
        rows = np.concatenate([prints[:, [0, 2]], np.ones((len(prints), 1))], axis=-1)
        slope = np.sqrt(1.0 + (planes[..., :2] ** 2).sum(-1))
        return (planes @ rows.T - prints[:, 1]) / slope[..., None]

    rng = np.random.default_rng(0)  # the same take gives the same world
    triples = np.array([rng.choice(len(prints), 3, replace=False) for _ in range(TRIALS)])
    planes = fit(prints[triples], 1.0 / FLOOR_SIGMA_M**2)
    misfit = np.minimum((heights(planes) / FLOOR_SIGMA_M) ** 2, 9.0).mean(axis=-1)
    off = planes[:, :2] - tilt
    misfit += np.einsum("ni,ij,nj->n", off, precision, off) / len(prints)
    plane = planes[np.argmin(misfit)]
    for _ in range(3):
        inliers = np.abs(heights(plane)) < 3 * FLOOR_SIGMA_M
        if inliers.mean() < 0.5:
            return tilt
        plane = fit(prints[inliers], weight)
    return plane[:2]


def _footprints(joints: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(N, 3) lowest point of the lower foot in the frames in which it stands, camera axes.

    Speeds are taken across the image: those in depth are mostly noise.
    """
    if len(joints) < 8:
        return np.empty((0, 3))
    feet = np.stack(
        [0.5 * (joints[:, JOINT[p + "heel"]] + joints[:, JOINT[p + "toe"]]) for p in ("l_", "r_")],
        axis=1,
    )  # (F, 2, 3)
    lower = np.argmax(feet[..., 1] / feet[..., 2], axis=1)  # lower in the image
    speed = np.linalg.norm(np.gradient(feet[..., :2], time_s, axis=0), axis=-1)
    picked = np.arange(len(feet)), lower
    return feet[picked][speed[picked] < STANDING_SPEED]
