# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bones of a rig play which part of a body: by the names of known families, and where those
do not tell, by words in names and by places."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .errors import CaptureError
from .rig import BODY_ROLES, CHAIN_ROLES, OPTIONAL_ROLES, SIDES, Assignment, Convention, Rig, RigMap
from .rig_chains import with_whole_chains
from .rig_evidence import gather
from .rig_geometry import guess_roles
from .rig_names import limb_controls, named_roles, rest_switches
from .rig_words import read_name

NEEDED = (
    "hips",
    *(f"{role}{side}" for side in SIDES for role in ("upper_arm", "forearm", "thigh", "shin")),
)
"""Without these a rig is no body."""
ENOUGH_KNOWN = 12  # roles that a convention must name to be believed
PRESET_CONFIDENCE = 0.99
SIDES_DISPUTED = 0.6  # confidence where names call left what lies at the right
SURE_FRONT = 0.9

Corrections = Mapping[str, tuple[str, ...]]


def find_map(
    rig: Rig,
    conventions: Mapping[str, Convention],
    corrections: Corrections | None = None,
) -> RigMap:
    """The map of `rig`: by the convention among `conventions` that names most of its bones, the
    rest by words in names and by geometry, and the user's `corrections` above all.

    Raises CaptureError `not_humanoid` where the bones make no human body.
    """
    rig_map = _by_convention(rig, conventions)
    known = sum(role in rig_map.roles for role in BODY_ROLES)
    if known < ENOUGH_KNOWN:
        rig_map = RigMap("", {})
    if known < len(BODY_ROLES):
        rig_map = _completed(rig, rig_map)
    if not rig_map.limbs:  # between controls lie bones that are no part of the chain
        rig_map = replace(rig_map, roles=with_whole_chains(rig, rig_map.roles))
    if corrections:
        rig_map = with_corrections(rig_map, corrections)
    missing = [role for role in NEEDED if role not in rig_map.roles]
    if missing:
        raise _not_humanoid(missing)
    return rig_map


def with_corrections(rig_map: RigMap, corrections: Corrections) -> RigMap:
    """`rig_map` with the user's choices; a role of no bones is one that the rig does not have."""
    taken = {bone for bones in corrections.values() for bone in bones}
    roles = {
        role: Assignment(bones, found.confidence, found.source)
        for role, found in rig_map.roles.items()
        if role not in corrections
        if (bones := tuple(bone for bone in found.bones if bone not in taken))
    }
    chosen = {role: Assignment(b, 1.0, "user") for role, b in corrections.items() if b}
    return replace(rig_map, roles={**roles, **chosen})


def _not_humanoid(missing: list[str]) -> CaptureError:
    if len(missing) > len(NEEDED) // 2:
        return CaptureError(
            "not_humanoid",
            "This armature does not look like a human body.",
            "Choose one with two arms and two legs, or assign its bones by hand.",
        )
    return CaptureError(
        "not_humanoid",
        f"No bones were found for {', '.join(missing)}.",
        "Assign them by hand, or choose another armature.",
    )


def _by_convention(rig: Rig, conventions: Mapping[str, Convention]) -> RigMap:
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
    return best


def _completed(rig: Rig, preset: RigMap) -> RigMap:
    """`preset` with the roles that it lacks, as far as names and places tell."""
    readings = [read_name(name) for name in rig.names]
    sides = np.array([{"": 0, SIDES[0]: 1, SIDES[1]: -1}[reading.side] for reading in readings])
    guess = guess_roles(rig, sides)
    roles = dict(preset.roles)
    evidence = gather(rig, readings, guess)
    wanted = [role for role in (*BODY_ROLES, *OPTIONAL_ROLES) if role not in roles]
    for role in sorted(wanted, key=lambda role: role in CHAIN_ROLES):  # what chains lie between
        taken = {rig.index(bone) for found in roles.values() for bone in found.bones}
        found = evidence.for_role(role, taken)
        if found.bones:
            bones = tuple(rig.names[bone] for bone in found.bones)
            roles[role] = Assignment(bones, round(found.confidence, 2), found.source)
    if preset.roles and guess is not None and guess.facing > SURE_FRONT:
        roles = _with_doubtful_sides(rig, roles, guess.bones)
    return replace(preset, roles=roles)


def _with_doubtful_sides(
    rig: Rig, roles: dict[str, Assignment], places: dict[str, tuple[int, ...]]
) -> dict[str, Assignment]:
    """`roles`, less sure of left and right where the names say it the other way round."""
    swapped = 0
    for role, found in roles.items():
        if role.endswith(SIDES):
            other = role[:-2] + SIDES[role.endswith(SIDES[0])]
            swapped += found.bones == tuple(rig.names[b] for b in places.get(other, ()))
    if swapped < 4:
        return roles
    return {
        role: Assignment(found.bones, SIDES_DISPUTED, found.source)
        if role.endswith(SIDES)
        else found
        for role, found in roles.items()
    }
