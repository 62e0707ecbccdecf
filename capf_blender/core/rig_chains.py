# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones that belong to a body's chains because of where they hang: between hips and chest, between
chest and head, and along a limb's bone."""

import numpy as np

from .rig import SIDES, TWIST_ROLES, Assignment, Rig
from .rig_words import read_name

TWIST_WORDS = ("twist", "roll")
TWIST_CONFIDENCE = 0.7
NEXT_ROLE = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot"}


def with_whole_chains(rig: Rig, roles: dict[str, Assignment]) -> dict[str, Assignment]:
    """`roles`, with the bones in the gaps of spine and neck, and with twist bones."""
    found = dict(roles)
    for role, way in (("spine", _spine_way(rig, roles)), ("neck", _neck_way(rig, roles))):
        taken = {b for other, one in found.items() if other != role for b in one.bones}
        own = found[role].bones if role in found else ()
        if role == "neck" and not own:
            continue  # a head that hangs on the chest
        whole = tuple(
            name
            for name in way
            if name in own or (name not in taken and not read_name(name).foreign)
        )
        if own and set(own) < set(whole):
            found[role] = Assignment(whole, found[role].confidence, found[role].source)
    for side in SIDES:
        for role in TWIST_ROLES:
            taken = {b for one in found.values() for b in one.bones}
            part = role.removesuffix("_twist")
            if role + side not in found and part + side in found:
                twists = _twists(rig, found, part, side, taken)
                if twists:
                    found[role + side] = Assignment(twists, TWIST_CONFIDENCE, "name")
    return found


def _ancestors(rig: Rig, name: str) -> list[str]:
    """From `name` itself to its root."""
    found, bone = [], rig.index(name)
    while bone >= 0:
        found.append(rig.names[bone])
        bone = int(rig.parents[bone])
    return found


def _way(rig: Rig, above: str, below: str) -> list[str]:
    """The bones between two, from `above` excluded to `below` included; none if not in line."""
    line = _ancestors(rig, below)
    return line[: line.index(above)][::-1] if above in line else []


def _first(roles: dict[str, Assignment], role: str) -> str:
    return roles[role].bones[0] if role in roles else ""


def _chest(rig: Rig, roles: dict[str, Assignment]) -> str:
    """The bone that carries both arms."""
    starts = [
        _first(roles, "clavicle" + side) or _first(roles, "upper_arm" + side) for side in SIDES
    ]
    if not all(starts):
        return ""
    right = _ancestors(rig, starts[1])[1:]
    return next((name for name in _ancestors(rig, starts[0])[1:] if name in right), "")


def _spine_way(rig: Rig, roles: dict[str, Assignment]) -> list[str]:
    hips, chest = _first(roles, "hips"), _chest(rig, roles)
    return _way(rig, hips, chest) if hips and chest else []


def _neck_way(rig: Rig, roles: dict[str, Assignment]) -> list[str]:
    chest, head = _chest(rig, roles), _first(roles, "head")
    return _way(rig, chest, head)[:-1] if chest and head else []


def _twists(
    rig: Rig, roles: dict[str, Assignment], part: str, side: str, taken: set[str]
) -> tuple[str, ...]:
    """The twist bones below a limb's bone, from its head on."""
    bone = _first(roles, part + side)
    following = _first(roles, NEXT_ROLE[part] + side)
    start = rig.heads[rig.index(bone)]
    end = rig.heads[rig.index(following)] if following else rig.tails[rig.index(bone)]
    along = (end - start) / max(float((end - start) @ (end - start)), 1e-12)
    beyond = _below(rig, following) if following else set()
    found = [
        (float((rig.heads[rig.index(name)] - start) @ along), name)
        for name in _below(rig, bone) - beyond - taken
        if any(word in name.casefold() for word in TWIST_WORDS)
        and _lies_on(rig.heads[rig.index(name)], start, end)
    ]
    return tuple(name for _, name in sorted(found))


def _lies_on(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> bool:
    length = float(np.linalg.norm(end - start))
    share = float((point - start) @ (end - start)) / max(length**2, 1e-12)
    off = float(np.linalg.norm(point - start - share * (end - start)))
    return -0.05 < share < 1.05 and off < 0.1 * length


def _below(rig: Rig, name: str) -> set[str]:
    """`name` and all that it carries."""
    carried = {rig.index(name)}
    for bone, parent in enumerate(rig.parents):
        if int(parent) in carried:
            carried.add(bone)
    return {rig.names[bone] for bone in carried}
