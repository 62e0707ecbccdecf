# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The people of the chosen take, kept in the scene: who is who, how tall, on which armature."""

import bpy

from .blender import people
from .solve_properties import one_change


class CAPF_PG_person(bpy.types.PropertyGroup):
    person: bpy.props.IntProperty(
        name="Person", description="Number of the person in the footage", min=0
    )
    coverage: bpy.props.FloatProperty(
        name="Seen",
        description="Share of the captured frames in which the person was found",
        subtype="FACTOR",
        min=0.0,
        max=1.0,
    )
    use: bpy.props.BoolProperty(
        name="Apply",
        description="Whether Apply Everyone keys this person",
        default=True,
    )
    height: bpy.props.FloatProperty(
        name="Height",
        description="Body height of this person; 0 until it is known",
        subtype="DISTANCE",
    )
    armature: bpy.props.PointerProperty(
        name="Armature", description="What this person was applied to", type=bpy.types.Object
    )


def take_chosen(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """The update callback of the take's folder."""
    with one_change():
        people.list_people(settings)


def _picked(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    with one_change():  # picking is no change of what has been keyed
        people.pick(settings)


class PeopleProperties:
    people: bpy.props.CollectionProperty(
        name="People",
        description="Everybody who was found in the captured footage",
        type=CAPF_PG_person,
    )
    active_person: bpy.props.IntProperty(
        name="Chosen Person",
        description="The person who is applied next, without another capture",
        update=_picked,
    )
    people_folder: bpy.props.StringProperty(name="Take of the People")
    world_person: bpy.props.IntProperty(
        name="Person of the World",
        description="Who was applied first: level, floor and origin are found by this person",
        default=-1,
    )


CLASSES = (CAPF_PG_person,)
