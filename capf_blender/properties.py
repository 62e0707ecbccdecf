# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's settings in a scene."""

import math

import bpy

from . import people_properties, role_properties, trust_properties
from .blender import people, rig_check
from .camera_properties import CameraProperties
from .core.model_cards import DEFAULT_MODEL, MODEL_CARDS
from .people_properties import PeopleProperties, take_chosen
from .role_properties import CAPF_PG_role
from .solve_properties import BakeProperties, RetargetProperties, SolveProperties, changed
from .trust_properties import TrustProperties


def _armature_chosen(settings: "CAPF_PG_scene", context: bpy.types.Context) -> None:
    rig_check.look(context, settings)


def _person_number(settings: "CAPF_PG_scene") -> int:
    return people.shown_number(settings.person)


def _set_person_number(settings: "CAPF_PG_scene", number: int) -> None:
    settings.person += number - people.shown_number(settings.person)


def _has_bones(_self, candidate: bpy.types.Object) -> bool:
    return candidate.type == "ARMATURE"


class CAPF_PG_scene(
    CameraProperties,
    PeopleProperties,
    SolveProperties,
    RetargetProperties,
    BakeProperties,
    TrustProperties,
    bpy.types.PropertyGroup,
):
    strip: bpy.props.StringProperty(
        name="Strip",
        description="Video strip to capture; the active or only one when left empty",
    )
    use_range: bpy.props.BoolProperty(
        name="Frame Range",
        description="Capture only these scene frames of the strip; unticked, the whole strip",
    )
    frame_start: bpy.props.IntProperty(name="Start", description="First scene frame", default=1)
    frame_end: bpy.props.IntProperty(name="End", description="Last scene frame", default=250)
    choose_person: bpy.props.BoolProperty(
        name="Choose Person",
        description="Capture one certain person; unticked, the one seen largest and longest",
    )
    person: bpy.props.IntProperty(name="Id of the Person", description="From 0 on", min=0)
    person_number: bpy.props.IntProperty(
        name="Person",
        description="Number of the person, as listed after a capture",
        min=1,
        get=_person_number,
        set=_set_person_number,
    )
    model: bpy.props.EnumProperty(
        name="Model",
        description="Network that finds the pose",
        items=[(card.name, card.label, card.description) for card in MODEL_CARDS],
        default=DEFAULT_MODEL,
    )
    device: bpy.props.EnumProperty(
        name="Device",
        description="What the worker computes on",
        items=[
            ("auto", "Automatic", "The fastest device that the worker finds"),
            ("cpu", "CPU", "The processor"),
            ("cuda", "CUDA", "An NVIDIA graphics card"),
            ("mps", "Metal", "The graphics unit of an Apple Silicon Mac"),
        ],
        default="auto",
    )
    use_field_of_view: bpy.props.BoolProperty(
        name="Known Field of View",
        description="Give the camera's field of view; unticked, it is read from the footage's "
        "metadata, or guessed where they do not tell",
        update=changed,
    )
    field_of_view: bpy.props.FloatProperty(
        name="Field of View",
        description="Angle that the longer side of the picture covers",
        subtype="ANGLE",
        min=math.radians(10),
        max=math.radians(140),
        default=math.radians(53.13),
        update=changed,
    )
    height: bpy.props.FloatProperty(
        name="Height",
        description="Body height of the person: scales body and motion alike",
        subtype="DISTANCE",
        precision=3,
        min=0.3,
        max=3.0,
        default=1.75,
        update=changed,
    )
    armature: bpy.props.PointerProperty(
        name="Armature",
        description="Armature of the character to animate, of any humanoid rig; a new one when "
        "left empty",
        type=bpy.types.Object,
        poll=_has_bones,
        update=_armature_chosen,
    )
    take_folder: bpy.props.StringProperty(
        name="Take",
        description="Folder of the captured take",
        subtype="DIR_PATH",
        update=take_chosen,
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    roles: bpy.props.CollectionProperty(
        name="Bones",
        description="Which bone of the armature plays which part, as Check Rig found it",
        type=CAPF_PG_role,
    )
    active_role: bpy.props.IntProperty(name="Chosen Row", options={"SKIP_SAVE"})
    rig_report: bpy.props.StringProperty(
        name="What Check Rig Found",
        description="Which bones of the armature would be keyed, in a sentence",
    )
    rig_state: bpy.props.EnumProperty(
        name="State of the Rig",
        description="Whether the armature can be keyed as it is",
        items=[
            ("SURE", "Sure", "All bones of a body were found"),
            ("DOUBTFUL", "Doubtful", "Bones are missing, or should be looked at"),
            ("REFUSED", "Refused", "The armature cannot be keyed"),
        ],
    )
    take_strip: bpy.props.StringProperty(name="Strip of the Take")


def chosen_focal_px(settings: CAPF_PG_scene, longer_side_px: float) -> float | None:
    """Focal length in pixels for the user's field of view; None when it is left to the footage."""
    if not settings.use_field_of_view:
        return None
    return 0.5 * longer_side_px / math.tan(0.5 * settings.field_of_view)


CLASSES = (
    *role_properties.CLASSES,
    *people_properties.CLASSES,
    *trust_properties.CLASSES,
    CAPF_PG_scene,
)
