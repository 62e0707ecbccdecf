# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's settings of what is computed from a take; each takes effect at once where the user
wants that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import bpy

from .core.settings import CONTACT_MODES, PRESET_TEXTS, PRESETS

LISTENERS: list[Callable[[bpy.types.Scene], None]] = []
"""Called with the scene after one of these settings has changed."""

CUSTOM = "CUSTOM"
PRESET_FIELDS = (
    "repair_sides", "outlier_sigmas", "longest_gap_s", "image_pull", "body_hz", "extremities_hz",
    "head_hz", "depth_hz", "dead_zone_m", "natural_hinges",
)  # fmt: skip
"""Fields of `SolveSettings` that presets set; the properties have the same names."""

_quiet = False


@contextmanager
def one_change() -> Iterator[None]:
    """Settings that are changed inside tell nobody."""
    global _quiet
    _quiet = True
    try:
        yield
    finally:
        _quiet = False


def changed(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """The update callback of every setting that the keys depend on."""
    if not _quiet:
        for listener in LISTENERS:
            listener(settings.id_data)


def _cleaning_changed(settings: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    if not _quiet:
        with one_change():
            settings.preset = CUSTOM
        changed(settings, context)


def _preset_changed(settings: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    if _quiet or settings.preset == CUSTOM:
        return
    preset = PRESETS[settings.preset]
    with one_change():
        for name in PRESET_FIELDS:
            setattr(settings, name, getattr(preset, name))
        if "NEVER" in (preset.contact_mode, settings.contact_mode):  # raw motion plants no feet
            settings.contact_mode = preset.contact_mode
    changed(settings, context)


_DEFAULT = PRESETS["DEFAULT"]
_CUT_OFF = {
    "subtype": "FREQUENCY", "min": 0.0, "soft_max": 15.0, "max": 60.0, "precision": 1, "step": 10,
}  # fmt: skip


class SolveProperties:
    """From the take to a motion: `core.settings.SolveSettings`."""

    live: bpy.props.BoolProperty(
        name="Live",
        description="Solve again and rewrite the keys as soon as a setting changes, for takes of "
        "up to 1,000 frames",
        default=True,
        update=changed,
    )
    preset: bpy.props.EnumProperty(
        name="Clean-up",
        description="How much the captured motion is cleaned and smoothed",
        items=[
            *((name, *texts) for name, texts in PRESET_TEXTS.items()),
            (CUSTOM, "Custom", "The settings below, as they were changed"),
        ],
        default="DEFAULT",
        update=_preset_changed,
    )
    repair_sides: bpy.props.BoolProperty(
        name="Repair Left and Right",
        description="Exchange left and right where the detector confused them",
        default=_DEFAULT.repair_sides,
        update=_cleaning_changed,
    )
    outlier_sigmas: bpy.props.FloatProperty(
        name="Outlier Sigmas",
        description="How many standard deviations (sigmas) from the frames around make a joint an "
        "outlier, which is replaced: fewer replace more, 0 keeps them all",
        default=_DEFAULT.outlier_sigmas, min=0.0, max=10.0, precision=1,
        update=_cleaning_changed,
    )  # fmt: skip
    longest_gap_s: bpy.props.FloatProperty(
        name="Longest Gap",
        description="Gaps of up to so many seconds are filled, frames of longer ones get no keys",
        subtype="TIME_ABSOLUTE",
        default=_DEFAULT.longest_gap_s, min=0.0, max=5.0,
        update=_cleaning_changed,
    )  # fmt: skip
    image_pull: bpy.props.FloatProperty(
        name="Follow the Image",
        description="How far joints are moved to where they are seen in the footage",
        subtype="FACTOR",
        default=_DEFAULT.image_pull, min=0.0, max=1.0,
        update=_cleaning_changed,
    )  # fmt: skip
    body_hz: bpy.props.FloatProperty(
        name="Body",
        description="Cut-off of the body's smoothing: lower is smoother, 0 is off",
        default=_DEFAULT.body_hz, update=_cleaning_changed, **_CUT_OFF,
    )  # fmt: skip
    extremities_hz: bpy.props.FloatProperty(
        name="Hands and Feet",
        description="Cut-off for wrists, ankles and beyond: lower is smoother, 0 is off",
        default=_DEFAULT.extremities_hz, update=_cleaning_changed, **_CUT_OFF,
    )  # fmt: skip
    head_hz: bpy.props.FloatProperty(
        name="Head",
        description="Cut-off of the head's smoothing: lower is smoother, 0 is off",
        default=_DEFAULT.head_hz, update=_cleaning_changed, **_CUT_OFF,
    )  # fmt: skip
    depth_hz: bpy.props.FloatProperty(
        name="Depth",
        description="Cut-off of movement towards and away from the camera, which is the "
        "least certain: lower is smoother, 0 is off",
        default=_DEFAULT.depth_hz, update=_cleaning_changed, **_CUT_OFF,
    )  # fmt: skip
    dead_zone_m: bpy.props.FloatProperty(
        name="Still in Depth",
        description="Faster changes of depth that are smaller than this are taken for noise: "
        "0.015 m are 15 mm",
        subtype="DISTANCE",
        default=_DEFAULT.dead_zone_m, min=0.0, max=0.1, precision=4, step=0.1,
        update=_cleaning_changed,
    )  # fmt: skip
    natural_hinges: bpy.props.BoolProperty(
        name="Natural Hinges",
        description="Keep knees and elbows from bending the wrong way",
        default=_DEFAULT.natural_hinges,
        update=_cleaning_changed,
    )
    contact_mode: bpy.props.EnumProperty(
        name="Feet",
        description="When feet stand on the ground",
        items=[(name, *texts) for name, texts in CONTACT_MODES.items()],
        default=_DEFAULT.contact_mode,
        update=changed,
    )
    use_edited_contacts: bpy.props.BoolProperty(
        name="Keep Edited Contacts",
        description="Hold the feet as the armature's Planted keys say, once they were edited, "
        "instead of detecting contacts anew",
        default=True,
        update=changed,
    )


class RetargetProperties:
    """From the motion to a rig's bones: `core.retarget.RetargetSettings`."""

    root_mode: bpy.props.EnumProperty(
        name="Movement",
        description="Which bone carries the person through the scene",
        items=[
            ("HIPS", "Hips", "The hips carry all of the movement"),
            ("ROOT_BONE", "Root Bone", "The root bone moves over the ground, the hips up and down"),
            ("IN_PLACE", "In Place", "The person stays where the rig stands"),
        ],
        default="HIPS",
        update=changed,
    )
    place: bpy.props.EnumProperty(
        name="Place",
        description="Where the movement begins",
        items=[
            ("WORLD", "World", "Where the person is in the captured world"),
            ("OBJECT", "Armature", "Where the armature stands, in the direction that it faces"),
        ],
        default="WORLD",
        update=changed,
    )
    parts: bpy.props.EnumProperty(
        name="Parts",
        description="Parts of the body to key; bones of other parts are not touched",
        items=[
            ("hips", "Hips", "Hips, and the movement through the scene"),
            ("spine", "Spine", "Spine and chest"),
            ("head", "Head", "Neck and head"),
            ("arm.L", "Left Arm", "Shoulder, arm and hand on the person's left"),
            ("arm.R", "Right Arm", "Shoulder, arm and hand on the person's right"),
            ("leg.L", "Left Leg", "Leg and foot on the person's left"),
            ("leg.R", "Right Leg", "Leg and foot on the person's right"),
        ],
        options={"ENUM_FLAG"},
        default={"hips", "spine", "head", "arm.L", "arm.R", "leg.L", "leg.R"},
        update=changed,
    )
    limbs: bpy.props.EnumProperty(
        name="Limbs",
        description="Which controls are keyed where a rig has both kinds",
        items=[
            ("FK", "FK", "The bones of arms and legs are turned"),
            ("IK", "IK", "Hands and feet are placed, arms and legs follow"),
        ],
        default="FK",
        update=changed,
    )
    scale_mode: bpy.props.EnumProperty(
        name="Steps",
        description="How movement through the scene is fitted to a rig of another size",
        items=[
            ("LEGS", "As Its Legs", "Steps are as long as the rig's legs make them"),
            ("NONE", "As Captured", "The rig covers the distance that the person covered"),
        ],
        default="LEGS",
        update=changed,
    )


class BakeProperties:
    """From a rig's pose to keys: `blender.bake.BakeSettings`, and which frames."""

    destination: bpy.props.EnumProperty(
        name="Keys Go To",
        description="Where the keys are written",
        items=[
            (
                "ACTION", "Own Action",
                "An action of its own, rewritten when the same take is applied again; the "
                "armature's previous action stays in the file",
            ),
            (
                "NLA", "On Top",
                "An NLA strip above the armature's animation, faded in and out",
            ),
            (
                "INTO", "Current Action",
                "The armature's current action: its keys of the chosen parts are replaced "
                "on the keyed frames",
            ),
        ],
        default="ACTION",
    )  # fmt: skip
    blend_frames: bpy.props.FloatProperty(
        name="Blend Frames",
        description="Frames over which the strip on top fades in and out",
        default=10.0, min=0.0, max=1000.0, precision=0,
        update=changed,
    )  # fmt: skip
    use_key_range: bpy.props.BoolProperty(
        name="Frame Range",
        description="Key only these scene frames; unticked, all that show the take",
    )
    key_start: bpy.props.IntProperty(name="Start", description="First scene frame", default=1)
    key_end: bpy.props.IntProperty(name="End", description="Last scene frame", default=250)
    key_step: bpy.props.IntProperty(
        name="Step",
        description="Key every frame, every second one, ...",
        default=1, min=1, max=100,
        update=changed,
    )  # fmt: skip
    use_reduction: bpy.props.BoolProperty(
        name="Fewer Keys",
        description="Write Bezier keys only where they are needed, instead of linear keys on "
        "every frame",
        update=changed,
    )
    key_tolerance: bpy.props.FloatProperty(
        name="Tolerance",
        description="How far fewer keys may move any joint: 0.005 m are 5 mm",
        subtype="DISTANCE",
        default=0.005, min=0.0001, soft_max=0.05, max=1.0, precision=4, step=0.1,
        update=changed,
    )  # fmt: skip
    key_switches: bpy.props.BoolProperty(
        name="Key Switches",
        description="Key the rig's FK and IK switches, instead of only setting them",
        default=True,
        update=changed,
    )
