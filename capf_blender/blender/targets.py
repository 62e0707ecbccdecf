# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an armature can be keyed, or what the user has to do first."""

from typing import Any

import bpy

from ..core.errors import CaptureError
from . import compat

GENERATED = "rigify_target_rig"


def check(context: bpy.types.Context, ob: bpy.types.Object) -> None:
    """Raises CaptureError `no_armature`, `linked_armature`, `hidden_armature` or `metarig`."""
    if ob.type != "ARMATURE":
        raise CaptureError(
            "no_armature", f"{ob.name} is no armature.", "Choose the character's armature."
        )
    if ob.library is not None:
        raise CaptureError(
            "linked_armature", f"{ob.name} is linked from another file, so it cannot be keyed.",
            "Make a library override of it (Object > Library Override > Make), and choose that.",
        )  # fmt: skip
    if ob.override_library is not None and ob.override_library.is_system_override:
        raise CaptureError(
            "linked_armature", f"{ob.name} is a library override that cannot be edited.",
            "Make it editable (Object > Library Override > Make).",
        )  # fmt: skip
    if ob.name not in context.view_layer.objects:
        raise CaptureError(
            "hidden_armature",
            f"{ob.name} is in another scene, or in a collection that is excluded here.",
            "Show that collection, or clear the armature field to get a new armature.",
        )
    if not ob.data.bones:
        raise CaptureError(
            "no_bones", f"{ob.name} has no bones.", "Choose the character's armature."
        )
    if is_metarig(ob):
        rig = generated_rig(ob)
        raise CaptureError(
            "metarig", f"{ob.name} is a metarig: Rigify makes the rig to animate from it.",
            f"Choose {rig.name}, which was generated from it." if rig is not None
            else "Generate the rig (in the metarig's armature properties), and choose that.",
        )  # fmt: skip


def is_metarig(ob: bpy.types.Object | None) -> bool:
    """Whether `ob` is what Rigify generates rigs from."""
    return (
        ob is not None
        and ob.type == "ARMATURE"
        and "rig_id" not in ob.data  # generated rigs keep the types of the bones they came from
        and any(compat.other_addons_property(bone, "rigify_type") for bone in ob.pose.bones)
    )


def generated_rig(metarig: bpy.types.Object) -> bpy.types.Object | None:
    """The rig that was generated from `metarig` and still is in a scene."""
    rig: Any = compat.other_addons_property(metarig.data, GENERATED)
    return rig if rig is not None and rig.users_scene else None
