# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of people as plain arrays, with the names of any family of rigs, and ways to spoil
them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from capf_blender.core.rig import CHAIN_ROLES, LIMB_ROLES, SIDES, TRUNK_ROLES, Rig
from capf_blender.rigs import CONVENTIONS

Roles = dict[str, tuple[str, ...]]

FAMILIES = [key for key in CONVENTIONS if key not in ("rigify", "plain")]
"""Rigify's own rigs are generated in the tests with Blender; plain names have no one layout."""

# head and tail of the left limbs' bones; metres, z up, facing -y, A-pose
LIMBS = {
    "clavicle": ((0.02, 0.0, 1.43), (0.17, 0.02, 1.42)),
    "upper_arm": ((0.17, 0.02, 1.42), (0.38, 0.03, 1.25)),
    "forearm": ((0.38, 0.03, 1.25), (0.57, -0.01, 1.09)),
    "hand": ((0.57, -0.01, 1.09), (0.64, -0.03, 1.03)),
    "thigh": ((0.1, 0.0, 0.93), (0.1, -0.02, 0.5)),
    "shin": ((0.1, -0.02, 0.5), (0.1, 0.02, 0.09)),
    "foot": ((0.1, 0.02, 0.09), (0.1, -0.1, 0.03)),
    "toe": ((0.1, -0.1, 0.03), (0.1, -0.17, 0.02)),
}
LIMB_PARENTS = {
    "upper_arm": "clavicle", "forearm": "upper_arm", "hand": "forearm", "shin": "thigh",
    "foot": "shin", "toe": "foot",
}  # fmt: skip
HIPS, NECK, HEAD, CROWN = 0.98, 1.48, 1.58, 1.78
FINGERS = (-0.035, -0.012, 0.01, 0.03)


Point = Sequence[float] | np.ndarray
Bones = list[tuple[str, str, Point, Point]]


def skeleton(bones: Bones) -> Rig:
    """A rig of (name, parent, head, tail), parents before children."""
    names = tuple(bone[0] for bone in bones)
    count = len(names)
    yes = np.ones(count, bool)
    return Rig(
        names=names,
        parents=np.array([names.index(bone[1]) if bone[1] else -1 for bone in bones]),
        heads=np.array([bone[2] for bone in bones], float),
        tails=np.array([bone[3] for bone in bones], float),
        matrices=np.tile(np.eye(3), (count, 1, 1)),
        inherits_rotation=yes,
        local_location=yes,
        connected=~yes,
        deforms=yes,
        control=~yes,
        world_from_armature=np.eye(4),
    )


def _build(trunk: dict[str, tuple[str, ...]], limbs: dict[str, str], fingers: bool):
    spine, neck = trunk["spine"], trunk["neck"]
    ends = np.linspace(HIPS, 1.43, len(spine) + 2)
    column = [trunk["hips"][0], *spine]
    bones: Bones = [
        (name, column[n - 1] if n else "", (0, 0.01, ends[n]), (0, 0.01, ends[n + 1]))
        for n, name in enumerate(column)
    ]
    heights = np.linspace(NECK, HEAD, len(neck) + 1)
    for n, name in enumerate(neck):
        parent = neck[n - 1] if n else column[-1]
        bones.append((name, parent, (0, 0.02, heights[n]), (0, 0.01, heights[n + 1])))
    bones.append((trunk["head"][0], neck[-1], (0, 0.01, HEAD), (0, 0.0, CROWN)))
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        flip = np.array([sign, 1.0, 1.0])
        for role, (head, tail) in LIMBS.items():
            above = LIMB_PARENTS.get(role)
            parent = limbs[above + side] if above else column[-1 if role == "clavicle" else 0]
            bones.append((limbs[role + side], parent, flip * head, flip * tail))
        for number, across in enumerate(FINGERS if fingers else ()):
            parent, at = limbs["hand" + side], np.array([0.64, across - 0.03, 1.03])
            for joint in range(3):
                ahead = at + (0.025, 0, -0.022)
                name = f"finger{number}_{joint}{side}"
                bones.append((name, parent, flip * at, flip * ahead))
                parent, at = name, ahead
    roles: Roles = {role: trunk[role] for role in TRUNK_ROLES}
    roles |= {role: (name,) for role, name in limbs.items()}
    return skeleton(bones), roles


def body(spine: int, fingers: bool) -> tuple[Rig, Roles]:
    """A person whose bones are named by their roles, the last of several spine bones "chest"."""
    column = ("spine",) if spine == 1 else ("spine", *(f"spine.{n}" for n in range(1, spine - 1)),
                                            "chest")  # fmt: skip
    trunk = {"hips": ("hips",), "spine": column, "neck": ("neck",), "head": ("head",)}
    limbs = {role + side: role + side for side in SIDES for role in LIMB_ROLES}
    return _build(trunk, limbs, fingers)


def family(key: str) -> tuple[Rig, Roles]:
    """A person with the names of a family of rigs."""
    convention = CONVENTIONS[key]
    chosen = {
        role: names if role in CHAIN_ROLES else names[:1]
        for role, names in convention.roles().items()
    }
    trunk = {role: chosen[role] for role in TRUNK_ROLES}
    # MakeHuman's default rig has five toes and no toe
    limbs = {r + s: chosen.get(r + s, (f"toe{s}",))[0] for s in SIDES for r in LIMB_ROLES}
    return _build(trunk, limbs, fingers=False)


def named(rig: Rig, names: dict[str, str]) -> Rig:
    return replace(rig, names=tuple(names[name] for name in rig.names))


def _picked(rig: Rig, order: Sequence[int], parents: Sequence[int]) -> Rig:
    arrays = {
        key: getattr(rig, key)[list(order)]
        for key in ("heads", "tails", "matrices", "inherits_rotation", "local_location",
                    "connected", "deforms", "control")
    }  # fmt: skip
    names = tuple(rig.names[n] for n in order)
    return replace(rig, names=names, parents=np.array(parents), **arrays)


def without(rig: Rig, roles: Roles, gone: Sequence[str]) -> tuple[Rig, Roles]:
    """The rig without the bones of some roles; what hung on them hangs on their parents."""
    lost = {b for role, bones in roles.items() if role.split(".")[0] in gone for b in bones}
    order = [n for n, name in enumerate(rig.names) if name not in lost]
    parents = []
    for bone in order:
        parent = int(rig.parents[bone])
        while parent >= 0 and rig.names[parent] in lost:
            parent = int(rig.parents[parent])
        parents.append(order.index(parent) if parent >= 0 else -1)
    kept = {role: bones for role, bones in roles.items() if not set(bones) & lost}
    return _picked(rig, order, parents), kept


def turned(rig: Rig, rng: np.random.Generator) -> Rig:
    """Bones in another order, the armature turned, scaled and moved in its object, and that too."""
    order: list[int] = []
    ready = [n for n, parent in enumerate(rig.parents) if parent < 0]
    while ready:
        order.append(ready.pop(int(rng.integers(len(ready)))))
        ready += [n for n, parent in enumerate(rig.parents) if parent == order[-1]]
    parents = [order.index(int(p)) if (p := rig.parents[n]) >= 0 else -1 for n in order]
    rig = _picked(rig, order, parents)
    inner, outer = (np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(2))
    inner, outer = (axes * np.linalg.det(axes) for axes in (inner, outer))  # no reflection
    scale, move = 10 ** rng.uniform(-2, 2), rng.normal(size=3)
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = outer * 10 ** rng.uniform(-2, 2), rng.normal(size=3)
    return replace(
        rig, heads=scale * rig.heads @ inner.T + move, tails=scale * rig.tails @ inner.T + move,
        matrices=inner @ rig.matrices, world_from_armature=world,
    )  # fmt: skip


def with_noise(rig: Rig, rng: np.random.Generator, shaken: float = 0.0) -> Rig:
    """Ten short chains of bones on any bone, as of hair, skirts and weapons; joints moved by
    `shaken` metres."""
    heads = rig.heads + rng.normal(size=rig.heads.shape) * shaken / np.sqrt(3)
    bones: Bones = [
        (name, rig.names[p] if p >= 0 else "", head, tail)
        for name, p, head, tail in zip(rig.names, rig.parents, heads, rig.tails, strict=True)
    ]
    for number in range(10):
        parent = rig.names[int(rng.integers(len(rig.names)))]
        at = heads[rig.index(parent)] + rng.normal(size=3) * 0.03
        step = rng.normal(size=3) * 0.05
        for joint in range(int(rng.integers(1, 4))):
            name = f"Extra{number}_{joint}"
            bones.append((name, parent, at, at + step))
            parent, at = name, at + step
    return skeleton(bones)


def dog() -> Rig:
    """Four legs below a level spine, with a tail and a head in front."""
    bones: Bones = [("pelvis", "", (0, 0.4, 0.55), (0, 0.2, 0.56))]
    for n in range(3):
        parent = f"spine{n - 1}" if n else "pelvis"
        y = 0.2 - 0.2 * n
        bones.append((f"spine{n}", parent, (0, y, 0.56), (0, y - 0.2, 0.57)))
    bones.append(("neck", "spine2", (0, -0.4, 0.58), (0, -0.52, 0.7)))
    bones.append(("head", "neck", (0, -0.52, 0.7), (0, -0.7, 0.7)))
    bones.append(("tail", "pelvis", (0, 0.45, 0.55), (0, 0.7, 0.6)))
    for side, sign in (("_l", 1.0), ("_r", -1.0)):
        for where, y, parent in (("front", -0.35, "spine2"), ("hind", 0.38, "pelvis")):
            above = parent
            for joint, (top, bottom) in enumerate(((0.5, 0.3), (0.3, 0.08), (0.08, 0.0))):
                name = f"{where}{joint}{side}"
                head = (0.09 * sign, y, top)
                bones.append((name, above, head, (0.09 * sign, y - 0.01, bottom)))
                above = name
    return skeleton(bones)


def box() -> Rig:
    return skeleton([("Bone", "", (0, 0, 0), (0, 0, 1))])


def rope() -> Rig:
    return skeleton(
        [
            (f"rope{n}", f"rope{n - 1}" if n else "", (0, 0, 0.1 * n), (0, 0, 0.1 * n + 0.1))
            for n in range(20)
        ]
    )
