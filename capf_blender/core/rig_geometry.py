# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of a rig play which part of a body, by their places alone: no name is read, and no
axis taken for up, front or left.

Two pairs of mirrored branches are looked for that are proportioned as legs and as arms, joined by
a spine that goes on to a head. Front is where the toes point and the knees bend.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .rig import SIDES, Rig
from .rig_limbs import (
    LEG_TO_TRUNK,
    LONGEST_CHAIN,
    Chain,
    Limb,
    branch_pairs,
    fit_arm,
    fit_leg,
    limb_length,
    mirrored_chains,
    reaches,
    square,
)
from .rig_symmetry import Shape, shape_of
from .rotations import perpendicular, unit

NOT_HUMANOID = 14.0  # cost from which on a rig is no body
HEAD_HEIGHT = (0.40, 0.22)  # of the head's joint over the shoulders, of the trunk; no logarithm
NECK_HEIGHT = -0.03  # of bones that start lower, the spine consists
CROWN_HEIGHT = 0.55  # a last bone that starts above that marks the crown
FACE = 3  # a bone above the chest that carries that many is the head
ONE_PLACE = 0.03  # of the trunk: joints nearer than that are one
LONGEST_BALL = 0.25  # of the leg, from ankle to ball: a last bone farther out marks the toes' tip


@dataclass(frozen=True, eq=False)
class Guess:
    """Bones by role, with how far each can be trusted, 0..1."""

    bones: dict[str, tuple[int, ...]]
    confidence: dict[str, float]
    up: np.ndarray  # (3,) world
    forward: np.ndarray  # (3,)
    facing: float  # 0..1, how sure the front is


@dataclass(frozen=True, eq=False)
class _Body:
    legs: tuple[Chain, Chain]
    arms: tuple[Chain, Chain]
    leg: Limb
    arm: Limb
    up: np.ndarray
    trunk: float  # height of the shoulders over the hip joints
    shoulders: float  # height of the shoulders
    chest: int  # the bone that carries both arms
    hips: int  # the bone that carries all
    neck: list[int]  # from above the chest to the head
    head: int  # -1 without one
    cost: float
    details: dict[str, float] = field(default_factory=dict)


def guess_roles(rig: Rig, sides: np.ndarray | None = None) -> Guess | None:
    """The roles of a rig's bones, None where it does not look like a body.

    `sides` (N,) tells from elsewhere, as from names: 1 for the person's left, -1 for right, 0
    unknown; it weighs as much as the feet do.
    """
    shape = shape_of(rig)
    if shape is None:
        return None
    bodies = list(_bodies(shape))
    if not bodies:
        return None
    body = min(bodies, key=lambda found: found.cost)
    if body.cost > NOT_HUMANOID:
        return None
    forward, facing = _front(shape, body, sides)
    return _named(shape, body, forward, facing)


def body_cost(rig: Rig) -> float:
    """How unlike a body the best reading of a rig is; infinite without any."""
    shape = shape_of(rig)
    return min((body.cost for body in _bodies(shape)), default=np.inf) if shape else np.inf


# fitting a body


def _ancestors(shape: Shape, bone: int) -> list[int]:
    """From `bone` itself upwards."""
    found = []
    while bone >= 0:
        found.append(bone)
        bone = int(shape.parents[bone])
    return found


def _common(shape: Shape, bones: list[int]) -> int:
    """The nearest bone that carries all of `bones`, -1 without one."""
    shared = [set(_ancestors(shape, bone)) for bone in bones]
    return next((b for b in _ancestors(shape, bones[0]) if all(b in s for s in shared)), -1)


def _bodies(shape: Shape) -> Iterator[_Body]:
    reach = reaches(shape)
    chains = [mirrored_chains(shape, start, reach) for start, _ in branch_pairs(shape, reach)]
    for legs in chains:
        for arms in chains:
            if legs is not arms:
                body = _body(shape, legs, arms)
                if body is not None:
                    yield body


def _body(shape: Shape, legs: tuple[Chain, Chain], arms: tuple[Chain, Chain]) -> _Body | None:
    chest = _common(shape, [arms[0].bones[0], arms[1].bones[0]])
    chest = chest if chest >= 0 else int(shape.parents[arms[0].bones[0]])
    hips = _common(shape, [chain.bones[0] for chain in (*legs, *arms)])
    if hips < 0 or chest < 0 or legs[0].bones[0] in _ancestors(shape, arms[0].bones[0]):
        return None
    # where legs and arms start, and where legs end, lie on the mirror plane's middle line
    start = 0.5 * (legs[0].points[:2].mean(axis=0) + legs[1].points[:2].mean(axis=0))
    top = 0.5 * (arms[0].points[:2].mean(axis=0) + arms[1].points[:2].mean(axis=0))
    end = 0.5 * (legs[0].points[-1] + legs[1].points[-1])
    along = perpendicular(unit(top - start), shape.normal)
    along, standing = unit(along), unit(perpendicular(start - end, shape.normal))
    up = unit(along + standing)
    if along @ standing < 0.5:  # the trunk is no continuation of the legs: an animal on all fours
        return None
    leg = fit_leg(shape, legs[0], up, float((top - start) @ up))
    if leg is None:
        return None
    hip = legs[0].points[leg.first] @ up
    arm = fit_arm(
        shape, arms[0], float(top @ up - hip), abs(shape.offsets[legs[0].bones[leg.first]])
    )
    if arm is None:
        return None
    shoulders = float(arms[0].points[arm.first] @ up)
    trunk = shoulders - float(hip)
    if trunk <= 0:
        return None
    neck, head, head_cost = _upwards(shape, chest, shoulders, trunk, up)
    length = limb_length(legs[0], leg)
    heights = shape.heads @ up
    lowest = float(min(legs[0].points @ up))
    feet_cost = square((lowest - np.percentile(heights, 2)) / length, 0.0, 0.15)
    proportions = square(np.log(length / trunk), *LEG_TO_TRUNK)
    details: dict[str, float] = {
        "leg": leg.cost, "arm": arm.cost, "head": head_cost, "feet": feet_cost,
        "proportions": proportions, "symmetry": 4 * (1 - shape.symmetry),
    }  # fmt: skip
    return _Body(
        legs, arms, leg, arm, up, trunk, shoulders, chest, hips, neck, head,
        sum(details.values()), details,
    )  # fmt: skip


def _upwards(
    shape: Shape, chest: int, shoulders: float, trunk: float, up: np.ndarray
) -> tuple[list[int], int, float]:
    """The bones from above the chest to the head, the head, and how unlikely that is."""
    top = shape.heads @ up
    for bone in reversed(range(len(top))):
        if shape.parents[bone] >= 0:
            top[shape.parents[bone]] = max(top[shape.parents[bone]], top[bone])
    path, here = [], chest
    while len(path) < LONGEST_CHAIN:
        middle = [b for b in shape.children[here] if shape.partners[b] == b]
        middle = [b for b in middle if top[b] > shoulders - 0.05 * trunk]
        middle = [b for b in middle if _rises(shape.heads[b] - shape.heads[here], up, trunk)]
        if not middle:
            break
        here = max(middle, key=lambda b: float(top[b]))
        path.append(here)
        if path[1:] and len(shape.children[here]) >= FACE:
            break  # bones of a face follow, or hair
    path = _distinct(shape, path, trunk)
    best, head = 6.0, -1
    for number, bone in enumerate(path):
        height = float(shape.heads[bone] @ up - shoulders) / trunk
        cost = square(height, *HEAD_HEIGHT) - 0.4 * number
        cost -= 0.5 * (len(shape.children[bone]) >= 2)
        cost += 2.0 * (height > CROWN_HEIGHT and not shape.children[bone])
        if cost < best:
            best, head = cost, bone
    neck = path[: path.index(head)] if head >= 0 else []
    return neck, head, max(best, 0.0)


def _rises(step: np.ndarray, up: np.ndarray, trunk: float) -> bool:
    """Whether a step to the next bone may lead up the neck: noses and jaws lie in front."""
    length = float(np.linalg.norm(step))
    return length < ONE_PLACE * trunk or float(step @ up) > 0.35 * length


def _distinct(shape: Shape, path: list[int], trunk: float) -> list[int]:
    """`path` with one bone at each place: the first that is made for animators' hands, or the
    first."""
    places: list[list[int]] = []
    for bone in path:
        last = shape.heads[places[-1][0]] if places else np.full(3, np.inf)
        if np.linalg.norm(shape.heads[bone] - last) < ONE_PLACE * trunk:
            places[-1].append(bone)
        else:
            places.append([bone])
    return [next((b for b in place if shape.control[b]), place[0]) for place in places]


# front, and the roles


def _front(shape: Shape, body: _Body, sides: np.ndarray | None) -> tuple[np.ndarray, float]:
    """Where the body looks, (3,), and 0..1 how sure that is."""
    axis = unit(np.cross(shape.normal, body.up))
    votes = [
        _vote(_foot(chain, body.leg), axis, 0.05 * limb_length(chain, body.leg), 2.5)
        for chain in body.legs
    ]
    for chains, limb, weight in ((body.legs, body.leg, 0.8), (body.arms, body.arm, -0.5)):
        for chain in chains:
            a, b, c = chain.points[[limb.first, limb.middle, limb.last]]
            bend = perpendicular(b - a, unit(c - a))
            votes.append(_vote(bend, axis, 0.03 * float(np.linalg.norm(c - a)), weight))
    if sides is not None:
        # left lies at up x front
        left = np.cross(body.up, axis) @ shape.normal
        off = np.sign(shape.offsets) * (np.abs(shape.offsets) > 1e-3 * shape.size)
        agreed = float(np.sum(off * sides) / max(np.sum(np.abs(off * sides)), 1))
        votes.append(5.0 * agreed * float(left))
    total = sum(votes)
    return axis * (1.0 if total >= 0 else -1.0), min(1.0, abs(total) / 4.0)


def _foot(chain: Chain, limb: Limb) -> np.ndarray:
    return chain.points[-1] - chain.points[limb.last]


def _vote(vector: np.ndarray, axis: np.ndarray, full: float, weight: float) -> float:
    return weight * float(np.clip(vector @ axis / max(full, 1e-9), -1, 1))


def _named(shape: Shape, body: _Body, forward: np.ndarray, facing: float) -> Guess:
    left = np.cross(body.up, forward)
    bones: dict[str, tuple[int, ...]] = {"hips": (body.hips,)}
    spine = [b for b in _ancestors(shape, body.chest) if b not in _ancestors(shape, body.hips)]
    bones["spine"] = tuple(_distinct(shape, spine[::-1], body.trunk))
    heights = (shape.heads @ body.up - body.shoulders) / body.trunk
    # clavicles may hang on the neck, and a spine may go on above them
    column = (*bones["spine"], *body.neck)
    bones["spine"] = tuple(b for b in column if heights[b] < NECK_HEIGHT)
    bones["neck"] = tuple(b for b in column if heights[b] >= NECK_HEIGHT)
    bones["head"] = (body.head,) if body.head >= 0 else ()
    ground = _root(shape, body)
    bones["root"] = (ground,) if ground >= 0 else ()
    for chains, limb, names in (
        (body.arms, body.arm, ("clavicle", "upper_arm", "forearm", "hand")),
        (body.legs, body.leg, ("", "thigh", "shin", "foot")),
    ):
        middles = np.array([chain.points[limb.middle] for chain in chains])
        for chain, middle in zip(chains, middles, strict=True):
            side = SIDES[0] if (middle - middles.mean(axis=0)) @ left > 0 else SIDES[1]
            bones |= _limb_roles(chain, limb, names, side)
    confidence = _confidence(body, bones, facing)
    return Guess({role: found for role, found in bones.items() if found}, confidence, body.up,
                 forward, facing)  # fmt: skip


def _limb_roles(
    chain: Chain, limb: Limb, names: tuple[str, ...], side: str
) -> dict[str, tuple[int, ...]]:
    own = chain.bones
    found = {
        names[1] + side: (own[limb.first],),
        names[2] + side: (own[limb.middle],),
        names[1] + "_twist" + side: tuple(own[limb.first + 1 : limb.middle]),
        names[2] + "_twist" + side: tuple(own[limb.middle + 1 : limb.last]),
    }
    if limb.last < len(own):
        found[names[3] + side] = (own[limb.last],)
    if names[0] and limb.first:
        found[names[0] + side] = (own[limb.first - 1],)
    if names[3] == "foot" and limb.last + 1 < len(own):
        ankle, ball = chain.points[[limb.last, limb.last + 1]]
        reach = np.linalg.norm(ball - ankle) / limb_length(chain, limb)
        if limb.last + 2 < len(own) or reach < LONGEST_BALL:
            found["toe" + side] = (own[limb.last + 1],)
    return found


def _root(shape: Shape, body: _Body) -> int:
    """The bone on the ground that carries everything, -1 without one."""
    top = _ancestors(shape, body.hips)[-1]
    if top == body.hips:
        return -1
    heights = shape.heads @ body.up
    return top if heights[top] < heights.min() + 0.15 * np.ptp(heights) else -1


def _confidence(body: _Body, bones: dict[str, tuple[int, ...]], facing: float) -> dict[str, float]:
    """Costs as odds; a side is no surer than the front."""
    base = 0.9 * float(np.exp(-max(body.cost, 0.0) / 20.0))
    costs = {"arm": body.arm.cost, "leg": body.leg.cost, "head": body.details["head"]}
    sure = {part: 0.95 * float(np.exp(-max(cost, 0.0) / 10.0)) for part, cost in costs.items()}
    part_of = {"head": "head", "neck": "head", "thigh": "leg", "shin": "leg", "foot": "leg",
               "toe": "leg"}  # fmt: skip
    found = {}
    for role, own in bones.items():
        if not own:
            continue
        part = part_of.get(role.split(".")[0], "arm" if "." in role else "")
        value = min(base, sure[part]) if part else base
        if "." in role:
            value *= 0.5 + 0.5 * facing
        if role.startswith("toe") or "twist" in role:
            value *= 0.8
        found[role] = value
    return found
