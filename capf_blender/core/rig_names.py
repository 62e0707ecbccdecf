# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bones of a rig that have the names of a convention, whatever prefix they wear."""

import re
from collections.abc import Iterable, Sequence

from .rig import CHAIN_ROLES, SIDES, Convention, IkLimb

DUPLICATE_PREFIXES = frozenset({"org", "def", "mch", "vis", "wgt"})
"""Layers of a generated rig that repeat its controls."""
SUFFIXES = (r"_\d+$", r"\.\d{3}$")  # Sketchfab numbers all bones of a file, Blender its copies
SHARED = 0.6  # of a rig's names must have such a suffix for it to mean nothing


def spelled(name: str) -> str:
    """`name` without letter case and separators."""
    return re.sub(r"[\W_]+", "", name.casefold())


class BoneNames:
    """Looks up the bones of a rig by name, regardless of case, separators and a shared prefix."""

    def __init__(self, names: Sequence[str], prefix: str = "") -> None:
        """`prefix` as `spelled`; bones without it are known by their whole names."""
        bare = _without_suffix(names)
        self._by_spelling: dict[str, str] = {}
        for pass_prefix in (prefix, ""):
            for name, short in zip(names, bare, strict=True):
                for text in (name, short):
                    key = spelled(text)
                    if key.startswith(pass_prefix):
                        self._by_spelling.setdefault(key[len(pass_prefix) :], name)
        self._exact = frozenset(names) if not prefix else frozenset()

    def find(self, wanted: str) -> str:
        """The rig's own name of the bone `wanted`, "" without one."""
        return wanted if wanted in self._exact else self._by_spelling.get(spelled(wanted), "")

    def find_all(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Each bone once, in the order of `wanted`."""
        return tuple(dict.fromkeys(found for name in wanted if (found := self.find(name))))


def _without_suffix(names: Sequence[str]) -> list[str]:
    for suffix in SUFFIXES:
        stripped = [re.sub(suffix, "", name) for name in names]
        changed = sum(a != b for a, b in zip(names, stripped, strict=True))
        if changed > SHARED * len(names):
            return stripped
    return list(names)


def prefixes(names: Sequence[str], convention: Convention) -> list[str]:
    """What stands before the hips' name in a rig that may be of `convention`; always also ""."""
    found = {""}
    for name in (spelled(bare) for bare in _without_suffix(names)):
        for alias in convention.trunk["hips"]:
            if name.endswith(spelled(alias)):
                found.add(name[: len(name) - len(spelled(alias))])
    return sorted(found - DUPLICATE_PREFIXES, key=len)


def named_roles(names: Sequence[str], convention: Convention) -> tuple[BoneNames, dict]:
    """The bones of each role, {role: (name, ...)}, with the prefix that fits most of them."""
    best: tuple[BoneNames, dict[str, tuple[str, ...]]] = (BoneNames(names), {})
    for prefix in prefixes(names, convention):
        bones = BoneNames(names, prefix)
        if not all(bones.find(mark) for mark in convention.marks):
            continue
        roles = {}
        for role, wanted in convention.roles().items():
            found = bones.find_all(wanted)
            if found:
                roles[role] = found if _is_chain(role) else found[:1]
        if len(roles) > len(best[1]):
            best = bones, roles
    return best


def _is_chain(role: str) -> bool:
    return role in CHAIN_ROLES


def limb_controls(bones: BoneNames, convention: Convention) -> dict[str, IkLimb]:
    """The rig's IK controls by limb; limbs whose target it lacks are left out."""
    limbs = {}
    for limb, control in convention.controls.items():
        for ending, side in zip(SIDES, convention.sides, strict=True):

            def own(name: str, side: str = side) -> str:
                return bones.find(name.replace("{}", side)) if name else ""

            if own(control.target):
                limbs[limb + ending] = IkLimb(
                    own(control.target),
                    own(control.pole),
                    _own_switch(own(control.switch[0]), control.switch[1]),
                    control.fk_value,
                    control.ik_value,
                    _own_switch(own(control.pole_switch[0]), control.pole_switch[1]),
                    control.pole_on,
                )
    return limbs


def _own_switch(bone: str, name: str) -> tuple[str, str]:
    return (bone, name) if bone else ("", "")


def rest_switches(bones: BoneNames, convention: Convention) -> dict[tuple[str, str], float]:
    """The convention's switches with the rig's own bone names."""
    return {
        (found, switch): value
        for (bone, switch), value in convention.switches.items()
        for side in (convention.sides if "{}" in bone else ("",))
        if (found := bones.find(bone.replace("{}", side)))
    }
