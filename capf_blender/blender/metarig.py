# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify's metarigs: the plans from which it generates the rigs that are for animation."""

import bpy

from ..core.errors import CaptureError


def is_metarig(ob: bpy.types.Object | None) -> bool:
    """Whether `ob` is an armature from which Rigify generates. What it has generated is not: there
    the types are gone and every layer has its controls."""
    if ob is None or ob.type != "ARMATURE" or "rig_id" in ob.data or ob.pose is None:
        return False
    # without the add-on its properties are still stored with the bones
    return any(
        getattr(bone, "rigify_type", "") or bone.get("rigify_type", "") for bone in ob.pose.bones
    )


def generated_rig(metarig: bpy.types.Object) -> bpy.types.Object | None:
    """The rig that `metarig` has generated last, if it is still in the file."""
    own = getattr(metarig.data, "rigify_target_rig", None) or metarig.data.get("rigify_target_rig")
    return own if isinstance(own, bpy.types.Object) and own.type == "ARMATURE" else None


def rig_to_animate(ob: bpy.types.Object) -> bpy.types.Object:
    """`ob`, or the rig generated from it where it is a metarig.

    Raises CaptureError `metarig` where nothing has been generated yet.
    """
    if not is_metarig(ob):
        return ob
    rig = generated_rig(ob)
    if rig is None:
        raise CaptureError(
            "metarig",
            f"{ob.name} is a Rigify metarig, which is not made to be animated.",
            "Generate its rig (Object Data > Rigify > Generate Rig) and choose that.",
        )
    return rig
