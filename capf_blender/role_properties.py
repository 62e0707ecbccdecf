# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of Check Rig's list, in which the user corrects what was found."""

from collections.abc import Iterator

import bpy

from .blender import rig_check
from .solve_properties import changed


def _bone_names(
    row: bpy.types.PropertyGroup, _context: bpy.types.Context, typed: str
) -> Iterator[str]:
    """Suggestions for the last name of a list of bones."""
    armature = row.id_data.capf.armature
    *done, last = typed.split(",")
    before = "".join(f"{name.strip()}, " for name in done)
    for bone in armature.data.bones if armature is not None else ():
        if last.strip().lower() in bone.name.lower():
            yield before + bone.name


def _corrected(row: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    settings = row.id_data.capf
    if settings.armature is not None and rig_check.correct(row, settings.armature):
        rig_check.look_again(settings)
        changed(settings, context)


class CAPF_PG_role(bpy.types.PropertyGroup):
    """`name` is the role's label."""

    role: bpy.props.StringProperty(name="Role")
    bone: bpy.props.StringProperty(
        name="Bone",
        description="Bone that plays this part; several of a spine or a twist are separated by "
        "commas; empty where the rig has none",
        search=_bone_names,
        search_options={"SUGGESTION"},
        update=_corrected,
    )
    confidence: bpy.props.FloatProperty(name="Confidence", subtype="FACTOR", min=0.0, max=1.0)
    state: bpy.props.EnumProperty(
        name="State",
        items=[
            ("SURE", "Sure", "Known by its name or its place", "CHECKMARK", 0),
            ("DOUBTFUL", "Doubtful", "Probably this one: look at it", "QUESTION", 1),
            ("MISSING", "Missing", "The rig seems to have no such bone", "BLANK1", 2),
            ("USER", "Yours", "Chosen by you, stored with the armature", "USER", 3),
            ("UNKNOWN", "No Such Bone", "The armature has no bone of this name", "ERROR", 4),
        ],
    )


CLASSES = (CAPF_PG_role,)
