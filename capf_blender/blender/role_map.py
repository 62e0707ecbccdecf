# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of an armature play which roles: as found, and as the user has corrected it. The
corrections are stored with the armature's data."""

import json
from pathlib import Path

import bpy

from ..core.errors import CaptureError
from ..core.rig import BODY_ROLES, OPTIONAL_ROLES, Rig, RigMap
from ..core.rig_mapping import find_map
from ..core.rig_report import corrections_from_json, map_to_json
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
    rest = (rig.parents, rig.heads, rig.tails, rig.matrices, rig.deforms, rig.control)
    arrays = (*rest, rig.world_from_armature)
    key = (rig.names, *(array.tobytes() for array in arrays), *sorted(corrections.items()))
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
    text = map_to_json(found(ob, read_rig(ob)))
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CaptureError(
            "not_writable", f"{file} could not be written ({error.strerror}).",
            "Choose another folder.",
        ) from error  # fmt: skip


def load(ob: bpy.types.Object, file: Path) -> list[str]:
    """Makes the map in `file` the user's for `ob`; returns the bones that `ob` does not have.
    Raises CaptureError `bad_map`."""
    try:
        wanted = corrections_from_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CaptureError(
            "bad_map", f"{file} could not be read.", "Choose a file that Save Bone Map has written."
        ) from error
    known = {
        role: bones
        for role, bones in wanted.items()
        if all(bone in ob.data.bones for bone in bones)
    }
    store(ob, known)
    return sorted({b for bones in wanted.values() for b in bones if b not in ob.data.bones})
