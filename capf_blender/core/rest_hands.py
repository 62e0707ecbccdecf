# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rig's hand has the first knuckles of its index and its little finger."""

import numpy as np

from .rig import Rig
from .rotations import perpendicular, unit

INDEX, LITTLE = ("index",), ("pinky", "little")
NOT_A_KNUCKLE = ("palm", "metacarpal", "ik", "target")
SPREAD = 0.3  # of the hand's length from its line to either knuckle, where fingers are missing


def knuckles(
    rig: Rig, hand: str, wrist: np.ndarray, along: np.ndarray, forward: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(3,) index and (3,) little finger's first knuckle.

    By the bones' names, else by the shape of the chains below the bone `hand`. A hand without
    them is taken to rest with its palm down as in a T-pose, the index towards `forward`, and its
    length in the line `along` (3,). Where that is the forearm's, the bone stays as it is to the
    forearm while a person's hand is straight.
    """
    reach = 2.0 * float(np.linalg.norm(along))
    index, little = (_by_name(rig, words, wrist, reach) for words in (INDEX, LITTLE))
    if (index is None or little is None) and hand:
        index, little = _by_shape(rig, rig.index(hand), wrist) or (None, None)
    if index is not None and little is not None:
        return index, little
    across = unit(perpendicular(forward, unit(along)))
    width = SPREAD * float(np.linalg.norm(along))
    return wrist + along + width * across, wrist + along - width * across


def _by_name(
    rig: Rig, words: tuple[str, ...], wrist: np.ndarray, reach: float
) -> np.ndarray | None:
    """The head of the bone of such a name that is the nearest to the wrist."""
    near = [
        (distance, bone)
        for bone, name in enumerate(map(str.lower, rig.names))
        if any(word in name for word in words)
        and not any(word in name for word in NOT_A_KNUCKLE)
        and 0 < (distance := float(np.linalg.norm(rig.heads[bone] - wrist))) < reach
    ]
    return rig.heads[min(near)[1]] if near else None


def _by_shape(rig: Rig, hand: int, wrist: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Fingers are the chains of three bones or more below the hand; the thumb's begins the nearest
    to the wrist, and the index lies next to it."""
    children: dict[int, list[int]] = {}
    for bone, parent in enumerate(rig.parents):
        children.setdefault(int(parent), []).append(bone)
    roots: list[int] = []
    for bone in range(len(rig.names)):
        chain = [bone]
        while children.get(chain[-1]):
            chain.append(children[chain[-1]][0])
        if len(chain) == 3 and _is_below(rig, bone, hand):
            roots.append(bone)
    if len(roots) < 3:
        return None
    heads = rig.heads[roots]
    thumb = int(np.argmin(np.linalg.norm(heads - wrist, axis=1)))
    fingers = np.delete(heads, thumb, axis=0)
    distance = np.linalg.norm(fingers - heads[thumb], axis=1)
    return fingers[np.argmin(distance)], fingers[np.argmax(distance)]


def _is_below(rig: Rig, bone: int, ancestor: int) -> bool:
    while bone >= 0:
        bone = int(rig.parents[bone])
        if bone == ancestor:
            return True
    return False
