# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user should know of a map, in a sentence; and maps as JSON."""

import json

from .errors import CaptureError
from .rig import BODY_ROLES, DOUBTFUL, OPTIONAL_ROLES, RigMap

VERSION = 1
SHOWN = 4  # missing and doubtful bones that a sentence names, of each
_SIDES = {"L": "left ", "R": "right "}


def words_of(role: str) -> str:
    """ "upper_arm.L" as "left upper arm"."""
    name, _, side = role.partition(".")
    return _SIDES.get(side, "") + name.replace("_", " ")


def doubtful_roles(rig_map: RigMap) -> list[str]:
    """Roles whose bones the user should look at, the least sure first."""
    found = rig_map.roles
    unsure = [role for role in BODY_ROLES if role in found and found[role].confidence < DOUBTFUL]
    return sorted(unsure, key=lambda role: found[role].confidence)


def missing_roles(rig_map: RigMap) -> list[str]:
    """Roles of a body that no bone has been found for."""
    return [role for role in BODY_ROLES if role not in rig_map.roles]


def report(rig_map: RigMap) -> str:
    """As "19 of 20 bones found; missing: left toe; doubtful: spine.003"."""
    missing = [words_of(role) for role in missing_roles(rig_map)]
    doubtful = [rig_map.roles[role].bones[0] for role in doubtful_roles(rig_map)]
    text = f"{len(BODY_ROLES) - len(missing)} of {len(BODY_ROLES)} bones found"
    return text + _listed("missing", missing) + _listed("doubtful", doubtful)


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = ", ..." if len(names) > SHOWN else ""
    return f"; {what}: {', '.join(names[:SHOWN])}{more}"


def map_to_json(rig_map: RigMap) -> str:
    """The roles of `rig_map`, found and corrected, to be read by `corrections_from_json`."""
    roles = {role: list(found.bones) for role, found in rig_map.roles.items()}
    return json.dumps({"version": VERSION, "roles": roles}, indent=1, ensure_ascii=False) + "\n"


def corrections_from_json(text: str) -> dict[str, tuple[str, ...]]:
    """Bones by role. Raises CaptureError `bad_map` where `text` is not from `map_to_json`."""
    hint = "Choose a bone map that this version of the add-on has saved."
    try:
        data = json.loads(text)
    except ValueError as error:
        raise CaptureError("bad_map", "The file is not JSON.", hint) from error
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise CaptureError("bad_map", f"The file is no bone map of version {VERSION}.", hint)
    roles = data.get("roles")
    unknown = sorted(set(data) - {"version", "roles"})
    if isinstance(roles, dict):
        unknown += sorted(set(roles) - {*BODY_ROLES, *OPTIONAL_ROLES})
    if unknown:
        raise CaptureError("bad_map", f"The bone map has unknown keys: {', '.join(unknown)}.", hint)
    if not isinstance(roles, dict) or not all(_is_names(names) for names in roles.values()):
        raise CaptureError("bad_map", "The bone map lists no bones by role.", hint)
    return {role: tuple(names) for role, names in roles.items()}


def _is_names(names: object) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
