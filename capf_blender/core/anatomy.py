# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anatomical frames: where each segment of a body points and how it is turned, from joints alone.

Y runs along the segment. Standing in a T-pose facing -Y with z up, X is the person's left for all
segments of the trunk, the head and the legs; for arms it points down on the left and up on the
right. A positive turn about X then flexes every knee, elbow and wrist, and left and right mirror.
"""

import numpy as np

from .filters import frame_interval, smoothstep
from .rotations import about, angle_between, dot, frame_yx, frame_yz, shortest_arc, unit
from .skeleton import JOINT

TRUNK = ("hips", "spine", "chest", "neck", "head")
LIMBS = ("clavicle", "upper_arm", "forearm", "hand", "thigh", "shin", "foot")
SEGMENTS: tuple[str, ...] = (
    *TRUNK,
    *(f"{name}.L" for name in LIMBS),
    *(f"{name}.R" for name in LIMBS),
)
SEGMENT = {name: index for index, name in enumerate(SEGMENTS)}

# A limb this straight (radians) says nothing of its hinge's axis; one this bent says everything.
STRAIGHT = np.radians(8.0)
BENT = np.radians(25.0)
# the middle of a thigh's range, in the hips' frame: a leg never points the opposite way, where the
# shortest way from here would be undetermined
LEG_MIDDLE = np.array([0.0, -np.cos(np.radians(40.0)), np.sin(np.radians(40.0))])
RELAX_S = 0.15  # how far in time a bent limb still tells a straight one its hinge
DEFAULT_PULL = 0.1  # weight of the anatomical default beside what the limb itself shows
TWIST_S = 0.06  # over how long the turn of a hand or foot about its own length is averaged
HELD_S = 0.4  # over how long a hand's turn is compared with itself: what is noise shows there
MOST_TURN = np.radians(110.0)
NO_PULL = 0.02  # hands turn freely, but have a direction where their points tell none
FOOT_PULL = 1.0  # weight of the limb's own turn beside the foot's: an ankle hardly rolls
NO_SPINE = 0.1  # of the trunk's length: a spine joint nearer to the pelvis says nothing
CHEST_HIPS = 0.35  # share of the hip line in the chest's: shoulders alone over-rotate
NECK_SHARE = 0.4


def anatomical_frames(
    joints: np.ndarray, time_s: np.ndarray, trunk: np.ndarray | None = None
) -> np.ndarray:
    """(F, S, 3, 3) rotation of each of `SEGMENTS`, in the axes of `joints` (F, J, 3).

    The Y axes are exactly the directions of the joints, but for the hips, whose X axis is exactly
    the line between them. NaN joints give NaN frames. `time_s` (F,) seconds. `trunk` (3, 3): what
    straight limbs take their hinges from, instead of the hips and the chest.
    """
    j = {name: joints[:, index] for name, index in JOINT.items()}
    frames = np.full((len(joints), len(SEGMENTS), 3, 3), np.nan)
    known = np.isfinite(joints).all(axis=(1, 2))
    if not known.any():
        return frames
    j = {name: values[known] for name, values in j.items()}
    found: dict[str, np.ndarray] = {}

    low, _ = _trunk_halves(j)
    found["hips"], found["chest"] = hips_and_chest(joints[known])
    found["spine"] = frame_yx(low, found["hips"][..., 0] + found["chest"][..., 0])
    found["head"] = _head(j)
    found["neck"] = frame_yx(
        j["neck"] - j["thorax"],
        (1 - NECK_SHARE) * found["chest"][..., 0] + NECK_SHARE * found["head"][..., 0],
    )
    hips, chest = found["hips"], found["chest"]
    if trunk is not None:
        hips = chest = np.broadcast_to(trunk, hips.shape)
    for side, p in ((".L", "l_"), (".R", "r_")):
        out = np.array([1.0 if side == ".L" else -1.0, 0.0, 0.0])
        found["clavicle" + side] = frame_yz(j[p + "shoulder"] - j["thorax"], found["chest"][..., 2])
        found["upper_arm" + side], found["forearm" + side] = _hinge(
            j[p + "shoulder"], j[p + "elbow"], j[p + "wrist"], time_s[known],
            chest @ out, -out[0] * chest[..., 1],
        )  # fmt: skip
        knuckles = 0.5 * (j[p + "index"] + j[p + "pinky"])
        found["hand" + side] = _extremity(
            knuckles - j[p + "wrist"], found["forearm" + side], j[p + "index"] - j[p + "pinky"],
            NO_PULL, time_s[known],
        )  # fmt: skip
        found["thigh" + side], found["shin" + side] = _hinge(
            j[p + "hip"], j[p + "knee"], j[p + "ankle"], time_s[known],
            hips @ LEG_MIDDLE, hips[..., 0],
        )  # fmt: skip
        found["foot" + side] = _extremity(
            j[p + "toe"] - j[p + "ankle"], found["shin" + side], j[p + "heel"] - j[p + "ankle"],
            FOOT_PULL, time_s[known],
        )  # fmt: skip
    for name, values in found.items():
        frames[known, SEGMENT[name]] = values
    return frames


def hips_and_chest(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, 3, 3) the two frames of the trunk, of known `joints` (F, J, 3)."""
    j = {name: joints[:, index] for name, index in JOINT.items()}
    low, high = _trunk_halves(j)
    hip_line = unit(j["l_hip"] - j["r_hip"])
    chest_line = unit(unit(j["l_shoulder"] - j["r_shoulder"]) + CHEST_HIPS * hip_line)
    return _frame_xy(hip_line, low), frame_yx(high, chest_line)


def _trunk_halves(j: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(F, 3) each: from the pelvis to the spine's joint and from there to the neck. Twice the whole
    where the pelvis and that joint are one, as between them is but noise."""
    trunk, low = j["thorax"] - j["pelvis"], j["spine"] - j["pelvis"]
    length, whole = (np.median(np.linalg.norm(line, axis=-1)) for line in (low, trunk))
    if length < NO_SPINE * whole:
        return trunk, trunk
    return low, j["thorax"] - j["spine"]


def _frame_xy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(F, 3, 3) frames with an exact X axis and Y as near to `y` as that allows."""
    turned = frame_yx(x, y)  # its Y is our X, its X our Y
    return np.stack([turned[..., 1], turned[..., 0], -turned[..., 2]], axis=-1)


def _head(j: dict[str, np.ndarray]) -> np.ndarray:
    """(F, 3, 3): up from the neck to the crown, turned by the ears and the nose in equal parts."""
    up = unit(j["head_top"] - j["neck"])
    by_ears = np.cross(unit(j["l_ear"] - j["r_ear"]), up)
    by_nose = j["nose"] - 0.5 * (j["l_ear"] + j["r_ear"])
    by_nose = by_nose - dot(by_nose, up)[..., None] * up
    return frame_yz(up, unit(by_ears) + unit(by_nose))


def _hinge(
    root: np.ndarray,
    middle: np.ndarray,
    end: np.ndarray,
    time_s: np.ndarray,
    rest_direction: np.ndarray,
    rest_axis: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(F, 3, 3) frames of the upper and the lower half of a limb that share one hinge axis, X.

    A bent limb shows its axis as upper x lower. A straight one takes it from the frames around,
    relaxing to the default: `rest_axis` (F, 3), carried along as the limb swings the shortest way
    from `rest_direction` (F, 3). Angles are measured from that default in the plane across the
    upper half, so that the average over time does not depend on how the limb moves meanwhile.
    """
    upper, lower = unit(middle - root), unit(end - middle)
    default = np.einsum("fij,fj->fi", shortest_arc(rest_direction, upper), rest_axis)
    across = np.cross(upper, default)
    bend = angle_between(upper, lower)
    seen = unit(np.cross(upper, lower))
    seen_angle = dot(seen, default) + 1j * dot(seen, across)
    # folded halves show no axis either; and an axis that points backwards is the noise of a nearly
    # straight limb, as a knee or elbow that is clearly bent can only be flexed
    clarity = np.where(bend < np.radians(155.0), smoothstep(STRAIGHT, BENT, bend), 0.0)
    backwards = (seen_angle.real < 0) & (bend < 2 * BENT)
    clarity = np.where(backwards, 0.0, clarity)
    around = _time_average(clarity * seen_angle, time_s, RELAX_S) + DEFAULT_PULL
    angle = clarity * seen_angle + (1 - clarity) * around / np.maximum(np.abs(around), 1e-9)
    axis = unit(angle.real[:, None] * default + angle.imag[:, None] * across)
    return frame_yx(upper, axis), frame_yx(_never_inverted(upper, lower, axis), axis)


def _never_inverted(upper: np.ndarray, lower: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """`lower` (F, 3) of a hinge about `axis` (F, 3), straightened where it is bent backwards."""
    flexion = np.arctan2(dot(np.cross(upper, lower), axis), dot(upper, lower))
    return (about(axis, np.maximum(-flexion, 0.0)) @ lower[..., None])[..., 0]


def _time_average(values: np.ndarray, time_s: np.ndarray, sigma_s: float) -> np.ndarray:
    """(F,) means of `values` (F,) under a Gaussian of `sigma_s` seconds around each frame."""
    interval = frame_interval(time_s)
    half = int(np.ceil(3 * sigma_s / interval)) if interval > 0 else 0
    half = min(half, len(values) - 1)
    total = values.astype(complex)
    weight = np.ones(len(values))
    for step in range(1, half + 1):
        g = np.exp(-0.5 * ((time_s[step:] - time_s[:-step]) / sigma_s) ** 2)
        total[step:] += g * values[:-step]
        total[:-step] += g * values[step:]
        weight[step:] += g
        weight[:-step] += g
    return total / weight


def _without_noise(turn: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(F,) complex `turn` averaged over `TWIST_S`, and over `HELD_S` as far as that loses nothing.

    Wiener's filter, with the noise taken from what the shorter average removes and the signal from
    what the longer one would: a true turn of the palm is followed, and what only shakes is held.
    """
    now, held = (_time_average(turn, time_s, sigma) for sigma in (TWIST_S, HELD_S))
    noise, changes = (
        np.real(_time_average(np.abs(off) ** 2, time_s, HELD_S)) for off in (turn - now, now - held)
    )
    return now + (held - now) * noise / np.maximum(noise + changes, 1e-9)


def _extremity(
    along: np.ndarray, parent: np.ndarray, z: np.ndarray, pull: float, time_s: np.ndarray
) -> np.ndarray:
    """(F, 3, 3) frames of a hand or a foot: exactly `along` (F, 3), turned towards `z` (F, 3).

    The points that tell the turn are a few noisy centimetres apart, so it is averaged over
    `TWIST_S`, and drawn to its mean over `HELD_S` as far as what changes there is noise. `pull`:
    the weight of the `parent` limb's own turn (F, 3, 3) beside it.
    """
    along = unit(along)
    reference = frame_yx(along, parent[..., 0])
    seen = frame_yz(along, z)[..., 0]
    # a finger's or heel's point in line with the others tells nothing
    clarity = np.linalg.norm(np.cross(along, unit(z)), axis=-1)
    turn = dot(seen, reference[..., 0]) - 1j * dot(seen, reference[..., 2])
    angle = np.angle(_without_noise(clarity * turn, time_s) + pull)
    # wrists do not turn that far: there it is noise, and must not jump from one side to the other
    angle = angle * (1 - smoothstep(MOST_TURN, np.pi, np.abs(angle)))
    x = np.cos(angle)[:, None] * reference[..., 0] - np.sin(angle)[:, None] * reference[..., 2]
    return frame_yx(along, x)
