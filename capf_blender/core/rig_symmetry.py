# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plane about which a rig is the same on both sides, and which bones are each other's mirror
images."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .rig import Rig
from .rotations import unit

SAME_SHARE = 0.02  # of the rig's size: heads nearer than that are at one place
IMAGE_SHARE = 0.05  # mirror images may be that far from where they should be
CANDIDATES = 60  # pairs of branches that may show the plane, the largest first


@dataclass(frozen=True, eq=False)
class Shape:
    """A rig's tree in world space, N bones, with its mirror plane."""

    heads: np.ndarray  # (N, 3) world
    tails: np.ndarray  # (N, 3)
    parents: np.ndarray  # (N,)
    children: tuple[tuple[int, ...], ...]
    control: np.ndarray  # (N,) bool, as the rig's
    size: float  # diagonal of the box around the heads
    normal: np.ndarray  # (3,) unit, of the plane, towards either side
    offsets: np.ndarray  # (N,) signed distances of the heads from the plane
    partners: np.ndarray  # (N,) int; itself on the plane, -1 without one
    symmetry: float  # 0..1, share of the bones off the plane that have a partner


def shape_of(rig: Rig) -> Shape | None:
    """The rig's tree with its mirror plane; None where no plane makes sense of it."""
    linear, origin = rig.world_from_armature[:3, :3], rig.world_from_armature[:3, 3]
    heads = rig.heads @ linear.T + origin
    tails = rig.tails @ linear.T + origin
    children: list[list[int]] = [[] for _ in rig.names]
    for bone, parent in enumerate(rig.parents):
        if parent >= 0:
            children[parent].append(bone)
    size = float(np.linalg.norm(np.ptp(heads, axis=0)))
    if size < 1e-9:
        return None
    best: Shape | None = None
    for normal, point in _candidate_planes(heads, rig.parents, children, size):
        offsets = (heads - point) @ normal
        partners = _partners(heads, offsets, normal, rig.parents, children, IMAGE_SHARE * size)
        off = np.abs(offsets) > SAME_SHARE * size
        paired = (partners >= 0) & (partners != np.arange(len(partners)))
        shape = Shape(
            heads, tails, rig.parents, tuple(map(tuple, children)), rig.control,
            size, normal, offsets, partners, float((paired & off).sum() / max(off.sum(), 1)),
        )  # fmt: skip
        if best is None or _pairs(shape) > _pairs(best):
            best = shape
            if (partners >= 0).all():
                break
    return best


def _pairs(shape: Shape) -> int:
    return int((shape.partners >= 0).sum() - (shape.partners == np.arange(len(shape.heads))).sum())


def _candidate_planes(
    heads: np.ndarray, parents: np.ndarray, children: list[list[int]], size: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Normals (3,) and points (3,) of the planes between siblings, those with most below first."""
    below = np.ones(len(heads))
    for bone in reversed(range(len(heads))):
        if parents[bone] >= 0:
            below[parents[bone]] += below[bone]
    roots = [bone for bone, parent in enumerate(parents) if parent < 0]
    found = []
    for siblings in [roots, *children]:
        largest = sorted(siblings, key=lambda bone: -below[bone])[:8]
        for number, a in enumerate(largest):
            for b in largest[number + 1 :]:
                for p, q in _downwards(a, b, children):
                    across = heads[p] - heads[q]
                    if np.linalg.norm(across) > SAME_SHARE * size:
                        weight = min(below[a], below[b])
                        found.append((weight, unit(across), 0.5 * (heads[p] + heads[q])))
    found.sort(key=lambda plane: -plane[0])
    return [(normal, point) for _, normal, point in found[:CANDIDATES]]


def _downwards(a: int, b: int, children: list[list[int]]) -> Iterator[tuple[int, int]]:
    """Two bones and those below them: the farther from the plane, the surer its direction, and the
    first ones may lie on it, as bones that lead to the hip joints do."""
    for _ in range(4):
        yield a, b
        if not children[a] or len(children[a]) != len(children[b]):
            return
        a, b = children[a][0], children[b][0]


def _partners(
    heads: np.ndarray,
    offsets: np.ndarray,
    normal: np.ndarray,
    parents: np.ndarray,
    children: list[list[int]],
    same: float,
) -> np.ndarray:
    """(N,) mirror images whose parents are mirror images too."""
    mirrored = heads - 2 * offsets[:, None] * normal
    count = len(heads)
    partners = np.full(count, -1)
    roots = [bone for bone in range(count) if parents[bone] < 0]
    for bone in range(count):
        if partners[bone] >= 0:
            continue
        parent = parents[bone]
        if parent >= 0 and partners[parent] < 0:
            continue
        options = roots if parent < 0 else children[partners[parent]]
        # on the plane several bones lie at one place: the bone itself is its own image there,
        # unless it is the start of a branch to one side
        ranked = sorted(
            (np.linalg.norm(heads[o] - mirrored[bone]) + _unlike(bone, o, heads, children, normal,
             offsets), o) for o in options if partners[o] < 0 or partners[o] == bone
        )  # fmt: skip
        if ranked and ranked[0][0] < same:
            other = ranked[0][1]
            partners[bone], partners[other] = other, bone
    return partners


def _unlike(
    bone: int,
    other: int,
    heads: np.ndarray,
    children: list[list[int]],
    normal: np.ndarray,
    offsets: np.ndarray,
) -> float:
    """How far the branches of two bones are from being images of each other, by their children's
    mean place; zero without children."""
    if not children[bone] or not children[other]:
        return 0.0
    here = heads[children[bone]].mean(axis=0)
    there = heads[children[other]].mean(axis=0)
    image = here - 2 * offsets[children[bone]].mean() * normal
    return float(np.linalg.norm(there - image)) * 0.25
