# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of a rig's roles, in which the user sees what was found and corrects it."""

import bpy

from ..core.errors import CaptureError
from ..core.rig import BODY_ROLES, DOUBTFUL, RigMap
from ..core.rig_mapping import with_corrections
from ..core.rig_report import report, words_of
from ..rigs import CONVENTIONS
from . import role_map, targets
from .rigs import read_rig

_filling = False  # rows that are filled by us are not corrections


def look(context: bpy.types.Context, settings: bpy.types.PropertyGroup) -> CaptureError | None:
    """Fills the scene's list, report and state for the chosen armature; why it cannot be keyed."""
    ob = settings.armature
    settings.rig_report, settings.rig_state = "", "SURE"
    if ob is None:
        settings.roles.clear()
        return None
    try:
        targets.check(context, ob)
    except CaptureError as error:
        settings.roles.clear()
        return _refused(settings, error)
    try:
        rig_map = role_map.found(ob, read_rig(ob))
    except CaptureError as error:  # then the user has to assign the bones
        assigned = with_corrections(RigMap("", {}), role_map.corrections_of(ob))
        fill(settings.roles, assigned, ob)
        return _refused(settings, error)
    fill(settings.roles, rig_map, ob)
    _sum_up(settings, rig_map)
    return None


def look_again(settings: bpy.types.PropertyGroup) -> None:
    """Report and state after a correction; the list stays as the user sees it."""
    try:
        _sum_up(settings, role_map.found(settings.armature, read_rig(settings.armature)))
    except CaptureError as error:
        _refused(settings, error)


def _sum_up(settings: bpy.types.PropertyGroup, rig_map: RigMap) -> None:
    family = CONVENTIONS[rig_map.convention].label if rig_map.convention else "Unknown rig"
    settings.rig_report = f"{family}: {report(rig_map)}"
    rows = [row for row in settings.roles if row.role in BODY_ROLES]
    sure = all(row.state in ("SURE", "USER") for row in rows)
    settings.rig_state = "SURE" if sure else "DOUBTFUL"


def _refused(settings: bpy.types.PropertyGroup, error: CaptureError) -> CaptureError:
    settings.rig_report, settings.rig_state = str(error), "REFUSED"
    return error


def fill(rows: bpy.types.bpy_prop_collection, rig_map: RigMap, ob: bpy.types.Object) -> None:
    """Makes `rows` those of all roles. Roles that the user has corrected are marked so."""
    global _filling
    corrected = role_map.corrections_of(ob)
    _filling = True
    try:
        rows.clear()
        for role in role_map.ROLES:
            row = rows.add()
            row.name, row.role = words_of(role).title(), role
            row.bone = ", ".join(rig_map.bones(role))
            found = rig_map.roles.get(role)
            row.confidence = 0.0 if found is None else found.confidence
            row.state = _state(role in corrected, row.bone, row.confidence)
    finally:
        _filling = False


def correct(row: bpy.types.PropertyGroup, ob: bpy.types.Object) -> bool:
    """Stores what the user typed into `row` with `ob`; False where it has no such bones."""
    if _filling:
        return False
    bones = tuple(name for part in row.bone.split(",") if (name := part.strip()))
    if any(name not in ob.data.bones for name in bones):
        row.state = "UNKNOWN"
        return False
    role_map.store(ob, {**role_map.corrections_of(ob), row.role: bones})
    row.state, row.confidence = "USER", 1.0
    return True


def _state(corrected: bool, bone: str, confidence: float) -> str:
    if corrected:
        return "USER"
    if not bone:
        return "MISSING"
    return "DOUBTFUL" if confidence < DOUBTFUL else "SURE"
