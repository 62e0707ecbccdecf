# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plane about which a rig is the same on both sides, and which bones are each other's mirror
images."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

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
    tree = _Tree(heads, rig.parents, children, size)
    best: _Mirror | None = None
    for normal, point in _candidate_planes(tree):
        mirror = _mirror(tree, normal, point)
        if best is None or mirror.worth > best.worth:
            best = mirror
            if (mirror.partners >= 0).all() and mirror.error < 0.1 * IMAGE_SHARE:
                break
    if best is None or not best.paired.any():
        return None
    best = max(best, _mirror(tree, *_refitted(tree, best)), key=lambda mirror: mirror.worth)
    off = np.abs(best.offsets) > SAME_SHARE * size
    symmetry = float((best.paired & off).sum() / max(off.sum(), 1))
    return Shape(
        heads, tails, rig.parents, tuple(map(tuple, children)), rig.control,
        size, best.normal, best.offsets, best.partners, symmetry,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Tree:
    heads: np.ndarray  # (N, 3)
    parents: np.ndarray  # (N,)
    children: list[list[int]]
    size: float

    @cached_property
    def below(self) -> np.ndarray:
        """(N,) bones of each branch, its first included."""
        return self._gathered(np.ones(len(self.heads)))

    @cached_property
    def centres(self) -> np.ndarray:
        """(N, 3) middle of each branch."""
        return self._gathered(self.heads) / self.below[:, None]

    def _gathered(self, values: np.ndarray) -> np.ndarray:
        total = values.astype(float)
        for bone in reversed(range(len(total))):
            if self.parents[bone] >= 0:
                total[self.parents[bone]] += total[bone]
        return total


@dataclass(frozen=True, eq=False)
class _Mirror:
    """A plane, and the bones that are images of each other in it."""

    normal: np.ndarray  # (3,)
    offsets: np.ndarray  # (N,)
    partners: np.ndarray  # (N,)
    error: float  # mean distance of images from where they should be, of the rig's size

    @property
    def paired(self) -> np.ndarray:
        return (self.partners >= 0) & (self.partners != np.arange(len(self.partners)))

    @property
    def worth(self) -> float:
        return float(self.paired.sum()) * (1.0 - self.error / IMAGE_SHARE)


def _mirror(tree: _Tree, normal: np.ndarray, point: np.ndarray) -> _Mirror:
    """The plane's pairs; the parents of images are images too."""
    offsets = (tree.heads - point) @ normal
    images = tree.heads - 2 * offsets[:, None] * normal
    centres = tree.centres - 2 * ((tree.centres - point) @ normal)[:, None] * normal
    partners = np.full(len(images), -1)
    roots = [bone for bone, parent in enumerate(tree.parents) if parent < 0]
    _pair(tree, roots, roots, images, centres, partners)
    for bone in range(len(images)):
        if partners[bone] >= bone:  # else its image's turn has been
            other = tree.children[partners[bone]]
            _pair(tree, tree.children[bone], other, images, centres, partners)
    paired = np.flatnonzero(partners > np.arange(len(partners)))
    away = np.linalg.norm(images[paired] - tree.heads[partners[paired]], axis=-1)
    error = float(away.mean()) / tree.size if len(away) else 0.0
    return _Mirror(normal, offsets, partners, error)


def _pair(
    tree: _Tree,
    ones: list[int],
    others: list[int],
    images: np.ndarray,
    centres: np.ndarray,
    partners: np.ndarray,
) -> None:
    """Sets the partners of `ones` among `others`, the likest first: those that lie where they
    should, and whose branches do and are as large."""
    if not ones or not others:
        return
    away = np.linalg.norm(images[ones][:, None] - tree.heads[others], axis=-1)
    branch = np.linalg.norm(centres[ones][:, None] - tree.centres[others], axis=-1)
    larger = np.abs(np.log(tree.below[ones][:, None] / tree.below[others]))
    unlike = away + 0.5 * np.minimum(branch, IMAGE_SHARE * tree.size) + 0.01 * tree.size * larger
    for row, column in zip(*np.unravel_index(np.argsort(unlike, axis=None), away.shape),
                           strict=True):  # fmt: skip
        if away[row, column] < IMAGE_SHARE * tree.size:
            one, other = ones[row], others[column]
            if partners[one] < 0 and partners[other] < 0:
                partners[one], partners[other] = other, one


def _refitted(tree: _Tree, mirror: _Mirror) -> tuple[np.ndarray, np.ndarray]:
    """Normal and point of the plane that halves the ways between all images."""
    ones = np.flatnonzero(mirror.paired)
    across = tree.heads[ones] - tree.heads[mirror.partners[ones]]
    across *= np.sign(across @ mirror.normal)[:, None]
    found = np.flatnonzero(mirror.partners >= 0)
    middles = 0.5 * (tree.heads[found] + tree.heads[mirror.partners[found]])
    return unit(across.sum(axis=0)), middles.mean(axis=0)


def _candidate_planes(tree: _Tree) -> list[tuple[np.ndarray, np.ndarray]]:
    """Normals (3,) and points (3,) of the planes between siblings, those with most below first."""
    heads, children, below = tree.heads, tree.children, tree.below
    roots = [bone for bone, parent in enumerate(tree.parents) if parent < 0]
    found = []
    for siblings in [roots, *children]:
        largest = sorted(siblings, key=lambda bone: -below[bone])[:8]
        for number, a in enumerate(largest):
            for b in largest[number + 1 :]:
                for p, q in _downwards(a, b, children):
                    across = heads[p] - heads[q]
                    if np.linalg.norm(across) > SAME_SHARE * tree.size:
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
