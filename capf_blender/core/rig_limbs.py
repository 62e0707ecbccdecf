# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The long branches of a rig's tree, and where along them the joints of a leg or an arm are, by the
proportions of bodies."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .rig_symmetry import Shape
from .rotations import unit

REACH_SHARE = 0.25  # of the rig's size: shorter branches are no limbs
LONGEST_CHAIN = 12  # bones of a limb that are looked at
# proportions of bodies and characters: natural logarithm's mean and deviation
THIGH_TO_SHIN = (0.05, 0.25)
UPPER_TO_FOREARM = (0.08, 0.25)
CLAVICLE_TO_UPPER_ARM = (-0.8, 0.7)
ANKLE_HEIGHT = (0.10, 0.10)  # over the limb's lowest joint, of the leg's length; no logarithm
SKIPPED_BONE = 0.5  # cost of a bone between two joints of a limb: a twist bone, as a rule
ARM_TO_TRUNK = (0.05, 0.35)
LEG_TO_TRUNK = (0.40, 0.45)  # the trunk reaches from the hip joints to the shoulders


@dataclass(frozen=True, eq=False)
class Chain:
    """The bones from the start of a branch to its far end, and the last one's tail."""

    bones: list[int]
    points: np.ndarray  # (len(bones) + 1, 3)


@dataclass(frozen=True)
class Limb:
    """Three joints of a chain: of an arm its shoulder, elbow and wrist."""

    first: int
    middle: int
    last: int
    cost: float


def reaches(shape: Shape) -> np.ndarray:
    """(N,) length of the longest way from each bone's head to an end below it."""
    length = np.linalg.norm(shape.tails - shape.heads, axis=-1)
    reach = np.zeros(len(shape.heads))
    for bone in reversed(range(len(reach))):
        below = shape.children[bone]
        if below:
            steps = [np.linalg.norm(shape.heads[b] - shape.heads[bone]) + reach[b] for b in below]
            reach[bone] = max(steps)
        else:
            # importers invent the length of a last bone: no longer than the bone before it
            parent = shape.parents[bone]
            before = np.linalg.norm(shape.heads[bone] - shape.heads[parent]) if parent >= 0 else 0.0
            reach[bone] = min(length[bone], before) if before > 0 else length[bone]
    return reach


def mirrored_chains(shape: Shape, start: int, reach: np.ndarray) -> tuple[Chain, Chain]:
    """The ways from `start` and from its mirror image to their far ends, bone by bone each other's
    images: what only one side has, as a sword, is passed by."""
    bones = [start]
    while len(bones) < LONGEST_CHAIN:
        here = bones[-1]
        below = [
            child
            for child in shape.children[here]
            if shape.partners[child] >= 0 and shape.partners[child] != child
        ]
        if not below:
            break
        steps = np.linalg.norm(shape.heads[below] - shape.heads[here], axis=-1) + reach[below]
        bones.append(below[int(np.argmax(steps))])
    images = [int(shape.partners[bone]) for bone in bones]
    return _with_end(shape, bones, reach), _with_end(shape, images, reach)


def _with_end(shape: Shape, bones: list[int], reach: np.ndarray) -> Chain:
    last = bones[-1]
    length = min(float(np.linalg.norm(shape.tails[last] - shape.heads[last])), float(reach[last]))
    end = shape.heads[last] + length * unit(shape.tails[last] - shape.heads[last])
    return Chain(bones, np.vstack([shape.heads[bones], end]))


def branch_pairs(shape: Shape, reach: np.ndarray) -> list[tuple[int, int]]:
    """Mirrored branches that are long enough for a limb."""
    pairs = []
    for bone, other in enumerate(shape.partners):
        if other > bone and reach[bone] > REACH_SHARE * shape.size:
            parent = shape.parents[bone]
            starts = parent < 0 or shape.partners[parent] == parent
            if starts and shape.parents[other] == parent:
                pairs.append((bone, int(other)))
    return sorted(pairs, key=lambda pair: -reach[pair[0]])[:8]


def square(value: float, mean: float, deviation: float) -> float:
    """Half a squared deviation: the cost of a value in the sense of a likelihood."""
    return float(0.5 * ((value - mean) / deviation) ** 2)


def limb_length(chain: Chain, limb: Limb) -> float:
    a, b, c = chain.points[[limb.first, limb.middle, limb.last]]
    return float(np.linalg.norm(b - a) + np.linalg.norm(c - b))


def _bend_cost(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    cosine = float(unit(b - a) @ unit(c - b))
    return square(np.degrees(np.arccos(np.clip(cosine, -1, 1))), 0.0, 30.0)


def fit_leg(shape: Shape, chain: Chain, up: np.ndarray, trunk: float) -> Limb | None:
    best: Limb | None = None
    heights = chain.points @ up
    offsets = np.abs(chain.points @ shape.normal - _plane_at(shape))
    for i, j, k in combinations(range(min(len(chain.points), LONGEST_CHAIN)), 3):
        a, b, c = chain.points[[i, j, k]]
        thigh, shin = np.linalg.norm(b - a), np.linalg.norm(c - b)
        if min(thigh, shin) < 1e-3 * shape.size:
            continue
        length = thigh + shin
        cost = square(np.log(thigh / shin), *THIGH_TO_SHIN)
        cost += square(float(heights[k] - heights.min()) / float(length), *ANKLE_HEIGHT)
        down = np.degrees(np.arccos(np.clip(unit(a - c) @ up, -1, 1)))
        cost += square(float(down), 0.0, 20.0) + _bend_cost(a, b, c)
        cost += square(np.log(max(length / trunk, 1e-3)), *LEG_TO_TRUNK) * 0.5
        cost += SKIPPED_BONE * (j - i - 1 + k - j - 1) + 1.0 * i
        cost += 2.0 * (offsets[i] < 0.3 * offsets[j])  # a bone from the middle to the hip joint
        cost += 1.5 * (k == len(chain.bones))  # no foot
        if best is None or cost < best.cost:
            best = Limb(i, j, k, float(cost))
    return best


def _plane_at(shape: Shape) -> float:
    return float(shape.heads[0] @ shape.normal - shape.offsets[0])


def fit_arm(shape: Shape, chain: Chain, trunk: float, hip_offset: float) -> Limb | None:
    best: Limb | None = None
    offsets = np.abs(chain.points @ shape.normal - _plane_at(shape))
    fingers = [len(shape.children[bone]) for bone in chain.bones] + [0]
    trunk = max(trunk, 1e-3 * shape.size)
    for i, j, k in combinations(range(min(len(chain.points), LONGEST_CHAIN)), 3):
        a, b, c = chain.points[[i, j, k]]
        upper, fore = np.linalg.norm(b - a), np.linalg.norm(c - b)
        if min(upper, fore) < 1e-3 * shape.size:
            continue
        cost = square(np.log(upper / fore), *UPPER_TO_FOREARM) + _bend_cost(a, b, c)
        cost += square(np.log((upper + fore) / trunk), *ARM_TO_TRUNK)
        cost += square(np.log(max(offsets[i], 1e-3) / max(hip_offset, 1e-3)), 0.55, 0.6)
        cost += SKIPPED_BONE * (j - i - 1 + k - j - 1) + 2.0 * max(i - 1, 0)
        if i:
            clavicle = np.linalg.norm(a - chain.points[0])
            cost += square(np.log(max(clavicle, 1e-6) / upper), *CLAVICLE_TO_UPPER_ARM)
        cost -= 1.5 * (fingers[k] >= 3)
        cost += 1.5 * (fingers[j] >= 4) + 1.0 * (k == len(chain.bones))
        if best is None or cost < best.cost:
            best = Limb(i, j, k, float(cost))
    return best
