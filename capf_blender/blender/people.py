# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the people in the chosen take, and which of them is meant."""

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np

from ..core.errors import CaptureError
from ..core.take import load_request, load_take
from ..solve_properties import one_change

if TYPE_CHECKING:
    from ..people_properties import CAPF_PG_person
    from ..properties import CAPF_PG_scene

LEAST_COVERAGE = 0.1  # who is seen less is not applied with everyone, unless the user says so


def shown_number(person: int) -> int:
    """What the user calls `person`: ids in files and on the command line count from 0."""
    return person + 1


def list_people(settings: "CAPF_PG_scene") -> None:
    """Fills the list from the chosen take. What was known of the same take's people stays known."""
    folder = settings.take_folder
    found = people_of(Path(bpy.path.abspath(folder))) if folder else []
    same = settings.people_folder == folder
    known = {row.person: (row.armature, row.height, row.use) for row in settings.people}
    settings.people.clear()
    for person, coverage in found:
        row = settings.people.add()
        row.name = f"Person {shown_number(person)}"
        row.person, row.coverage = person, coverage
        row.use = coverage >= LEAST_COVERAGE
        if same and person in known:
            row.armature, row.height, row.use = known[person]
    if not same:
        settings.people_folder, settings.world_person = folder, -1
    chosen = chosen_person(settings)
    numbers = [person for person, _coverage in found]
    if numbers:
        # the update callback would take this for the user's own choice
        index = numbers.index(chosen) if chosen in numbers else 0
        if chosen not in numbers:
            settings.choose_person = False
        if settings.active_person != index:
            was = settings.choose_person
            settings.active_person = index
            settings.choose_person = was


def people_of(folder: Path) -> list[tuple[int, float]]:
    """Id and coverage of everybody in the take in `folder`, the default person first; [] when there
    is no take yet."""
    try:
        take = load_take(folder)
    except CaptureError:
        return []
    seen = np.isfinite(take.people_bbox).all(axis=2).mean(axis=1)  # (P,)
    coverage = {int(n): float(share) for n, share in zip(take.people_ids, seen, strict=True)}
    order = [person["id"] for person in load_request(folder).get("people", [])]
    ids = [number for number in order if number in coverage] or sorted(coverage)
    return [(number, coverage[number]) for number in ids]


def chosen_person(settings: "CAPF_PG_scene") -> int | None:
    """The person of the chosen take who is meant; None is whom the take was made of."""
    return settings.person if settings.choose_person else None


def row_of(settings: "CAPF_PG_scene", person: int) -> "CAPF_PG_person | None":
    return next((row for row in settings.people if row.person == person), None)


def pick(settings: "CAPF_PG_scene") -> None:
    """Makes the person of the active row the one who is captured and applied next, on the armature
    and with the height that this person has had."""
    if not 0 <= settings.active_person < len(settings.people):
        return
    row = settings.people[settings.active_person]
    settings.choose_person, settings.person = True, row.person
    others = [other.armature for other in settings.people if other != row and other.armature]
    if row.armature is not None and row.armature.users_scene:
        settings.armature = row.armature
    elif settings.armature in others:
        settings.armature = None
    if row.height > 0:
        settings.height = row.height


def in_order(settings: "CAPF_PG_scene") -> list[int]:
    """Rows of those who are ticked, by whom the world is found first. The armature that the user
    has chosen for the person who is chosen stays that person's."""
    rows = settings.people
    if 0 <= settings.active_person < len(rows) and settings.armature is not None:
        chosen = rows[settings.active_person]
        if chosen.armature is None and all(row.armature != settings.armature for row in rows):
            chosen.armature = settings.armature
    ticked = [index for index, row in enumerate(rows) if row.use]
    return sorted(ticked, key=lambda index: rows[index].person != settings.world_person)


def applied(
    settings: "CAPF_PG_scene", person: int, armature: bpy.types.Object, height: float | None
) -> None:
    """Remembers who has been keyed on what."""
    row = row_of(settings, person)
    if row is None:
        return
    for other in settings.people:
        if other.armature == armature:
            other.armature = None
    row.armature, row.height = armature, height or 0.0
    if height and abs(settings.height - height) > 1e-6:
        with one_change():
            settings.height = height
    if settings.world_person < 0:
        settings.world_person = person


def height_of(settings: "CAPF_PG_scene", person: int) -> float:
    """Body height in metres with which the person was applied last; 0 before. For the person who is
    chosen the panel's own value counts, which follows it."""
    row = row_of(settings, person)
    return row.height if row is not None else 0.0


def world_person(settings: "CAPF_PG_scene", person: int) -> int | None:
    """By whom the world of `person` is found, when that is somebody else."""
    other = settings.world_person
    row = row_of(settings, other)
    if other == person or row is None or row.armature is None or not row.armature.users_scene:
        return None
    return other
