# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of an armature play which roles: as found, and as the user has corrected it. The
corrections are stored with the armature's data."""

import json
from pathlib import Path

import bpy
import numpy as np

from ..core.errors import CaptureError
from ..core.rig import BODY_ROLES, OPTIONAL_ROLES, Rig, RigMap
from ..core.rig_mapping import find_map
from ..rigs import CONVENTIONS
from .rigs import read_rig

ROLES = (*BODY_ROLES, *OPTIONAL_ROLES)

CORRECTIONS = "capf_role_map"
"""Custom property of armature data: JSON of {role: [bones]}; no bones where a role has none."""

Corrections = dict[str, tuple[str, ...]]

_last: tuple[tuple, RigMap] | None = None  # what was found last, and for what


def found(ob: bpy.types.Object, rig: Rig) -> RigMap:
    """The map of `ob`, whose rest `rig` is, with the user's corrections. Raises CaptureError
    `not_humanoid`."""
    global _last
    corrections = corrections_of(ob)
    known = (
        value.tobytes() if isinstance(value, np.ndarray) else value for value in vars(rig).values()
    )
    key = (*known, *sorted(corrections.items()))
    if _last is None or _last[0] != key:  # hundreds of bones take half a second
        _last = key, find_map(rig, CONVENTIONS, corrections)
    return _last[1]


def corrections_of(ob: bpy.types.Object) -> Corrections:
    """What the user has corrected; bones that the armature no longer has are passed over."""
    owner = _owner(ob)
    try:
        stored = json.loads(owner.get(CORRECTIONS, "{}"))
        return {
            role: kept
            for role, bones in stored.items()
            if (kept := tuple(bone for bone in bones if bone in ob.data.bones)) or not bones
        }
    except (ValueError, TypeError, AttributeError):
        return {}  # written by hand or by another version


def store(ob: bpy.types.Object, corrections: Corrections) -> None:
    owner = _owner(ob)
    if corrections:
        owner[CORRECTIONS] = json.dumps(corrections)
    elif CORRECTIONS in owner:
        del owner[CORRECTIONS]


def _owner(ob: bpy.types.Object) -> bpy.types.ID:
    """Data that several objects share has one map; data from another file cannot hold ours."""
    return ob.data if ob.data.library is None and ob.data.override_library is None else ob


def save(ob: bpy.types.Object, file: Path) -> None:
    """Writes the whole map of `ob`, found and corrected, to `file`. Raises CaptureError."""
    rig_map = found(ob, read_rig(ob))
    roles = {role: list(assigned.bones) for role, assigned in rig_map.roles.items()}
    text = json.dumps({"convention": rig_map.convention, "roles": roles}, indent=1)
    try:
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CaptureError(
            "not_writable", f"{file} could not be written ({error.strerror}).",
            "Choose another folder.",
        ) from error  # fmt: skip


def load(ob: bpy.types.Object, file: Path) -> list[str]:
    """Makes the map in `file` the user's for `ob`; returns the bones that `ob` does not have.
    Raises CaptureError `bad_map`."""
    try:
        roles = json.loads(file.read_text(encoding="utf-8"))["roles"]
        wanted = {str(role): tuple(map(str, bones)) for role, bones in roles.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CaptureError(
            "bad_map", f"{file} is no bone map.", "Choose a file that Save Bone Map has written."
        ) from error
    known = {
        role: bones
        for role, bones in wanted.items()
        if role in ROLES and all(bone in ob.data.bones for bone in bones)
    }
    store(ob, known)
    return sorted({b for bones in wanted.values() for b in bones if b not in ob.data.bones})
