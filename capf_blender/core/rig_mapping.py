# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of a rig play which part of a body."""

from collections.abc import Mapping

from .errors import CaptureError
from .rig import BODY_ROLES, Assignment, Convention, Rig, RigMap
from .rig_names import limb_controls, named_roles, rest_switches

NEEDED = tuple(f"{role}{side}" for side in (".L", ".R") for role in ("upper_arm", "thigh", "shin"))
PRESET_CONFIDENCE = 0.99


def find_map(rig: Rig, conventions: Mapping[str, Convention]) -> RigMap:
    """The map of `rig` by the convention among `conventions` that names most of its bones.

    Raises CaptureError where the bones make no human body.
    """
    best = RigMap("", {})
    for key, convention in conventions.items():
        bones, roles = named_roles(rig.names, convention)
        known = sum(role in roles for role in BODY_ROLES)
        if known > sum(role in best.roles for role in BODY_ROLES):
            best = RigMap(
                key,
                {
                    role: Assignment(names, PRESET_CONFIDENCE, "preset")
                    for role, names in roles.items()
                },
                limb_controls(bones, convention),
                rest_switches(bones, convention),
            )
    if not all(role in best.roles for role in ("hips", *NEEDED)):
        raise CaptureError(
            "not_humanoid",
            "This armature does not look like a human body.",
            "Choose one with two arms and two legs, or assign its bones by hand.",
        )
    return best
