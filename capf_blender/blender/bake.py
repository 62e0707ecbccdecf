# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pose as keys of an armature: in an action of our own, on top of the user's as an NLA strip, or
put into the user's own."""

from dataclasses import dataclass, field

import bpy
import numpy as np

from ..core.errors import CaptureError
from ..core.timing import TimeMap
from . import bake_record, nla
from .bake_record import BakeRecord
from .channels import Channel, Channels
from .keys import CONSTANT, Keys, fingerprint, put_among, read_keys, set_keys, straight_keys

CONTACT_GROUP = "Contacts"
CONFIDENCE_GROUP = "Confidence"
SWITCH_GROUP = "Switches"


@dataclass(frozen=True, eq=False)
class Bake:
    """What is to be keyed."""

    take: str  # which take it shows
    time_map: TimeMap  # between the keys' frames and the take's seconds
    channels: Channels
    switches: dict[tuple[str, str], float] = field(default_factory=dict)
    """Custom properties of pose bones, (bone, property), and the values that they must have."""
    contacts: dict[str, Keys] = field(default_factory=dict)
    """Keys of the object's custom properties of those names."""
    contacts_edited: bool = False  # by the user
    confidence: dict[str, Keys] = field(default_factory=dict)
    """The same, of how well parts of the body were seen."""


@dataclass(frozen=True)
class BakeSettings:
    destination: str = "ACTION"  # "ACTION": our own; "NLA": it, on top; "INTO": the user's
    reduced: bool = False  # Bezier keys where they are needed instead of linear ones everywhere
    tolerance_m: float = 0.005  # how far reduced keys may move a joint
    blend_frames: float = 10.0  # over which a strip fades in and out
    key_switches: bool = True  # else they are only set


@dataclass(frozen=True, eq=False)
class BakeResult:
    action: bpy.types.Action
    keys: int
    kept: str  # name of our earlier action that was left alone, edited by hand as it was; or ""


def bake(ob: bpy.types.Object, what: Bake, settings: BakeSettings) -> BakeResult:
    """Keys `ob`, an armature whose pose exists; what `what` does not name is not touched.

    Our own earlier bake of the same take on the same armature is rewritten, unless its keys were
    edited since; any other action that was there stays in the file. Raises CaptureError `nla_tweak`
    or `linked_action`; nothing is changed then.
    """
    animation = ob.animation_data or ob.animation_data_create()
    _refuse(ob, animation, settings)
    found, kept = bake_record.find(ob, what.take), ""
    if found is not None and bake_record.edited_by_hand(found[0], ob, found[1]):
        kept, found = found[0].name, None
    into = settings.destination == "INTO" and _has_own_action(animation)
    if into:
        action, written = animation.action, ()
    elif found is not None:
        action, written = found[0], found[1].paths
    else:
        action, written = bpy.data.actions.new(f"{ob.name} Capture"), ()
    bag = _ensured_bag(action, ob)
    below = bag if into else nla.bag_below(ob, action) if settings.destination == "NLA" else None
    bones = {**_of_one_sign(what.channels, below), **_switches(ob, what, settings)}
    marks = _properties(ob, what.contacts, CONTACT_GROUP, 0, "1 while planted")
    sure = "Probability that its joints were found within 10 cm"
    bands = _properties(ob, what.confidence, CONFIDENCE_GROUP, 1.0, sure)
    keys = _write(bag, {**bones, **marks, **bands}, merge=into)
    for curve in list(bake_record.ours(bag, set(written) - {path for path, _ in bones})):
        bag.fcurves.remove(curve)
    _remember(action, ob, what, bag, bones, marks, whole=not into)
    if not into and settings.destination == "NLA":
        nla.put_on_top(ob, action, settings.blend_frames)
    elif not into:
        nla.make_active(ob, action)
    ob.update_tag(refresh={"OBJECT", "DATA", "TIME"})
    return BakeResult(action, keys, kept)


def _refuse(ob: bpy.types.Object, animation: bpy.types.AnimData, settings: BakeSettings) -> None:
    if animation.use_tweak_mode:
        raise CaptureError(
            "nla_tweak", f"An NLA strip of {ob.name} is being edited.",
            "Leave the strip's tweak mode (Tab in the NLA editor) first.",
        )  # fmt: skip
    if settings.destination == "INTO" and animation.action and animation.action.library:
        raise CaptureError(
            "linked_action", f"The action {animation.action.name} is linked from another file.",
            "Choose a new action instead.",
        )  # fmt: skip


def _has_own_action(animation: bpy.types.AnimData) -> bool:
    """Whether the object has an action that is the user's, not ours."""
    record = bake_record.read(animation.action) if animation.action is not None else None
    return animation.action is not None and (record is None or not record.whole)


def _ensured_bag(action: bpy.types.Action, ob: bpy.types.Object) -> bpy.types.ActionChannelbag:
    slot = bake_record.slot_of(action, ob) or action.slots.new(id_type="OBJECT", name=ob.name)
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def _of_one_sign(channels: Channels, below: bpy.types.ActionChannelbag | None) -> Channels:
    """`channels`, their quaternions with the sign of those `below` at the first frame: a fade
    between q and -q would turn the bone around."""
    result = dict(channels)
    for path, index in channels:
        if below is None or index or not path.endswith("rotation_quaternion"):
            continue
        names = [(path, component) for component in range(4)]
        first = channels[path, 0].keys.points[0, 0]
        there = [below.fcurves.find(path, index=component) for component in range(4)]
        if all(curve is not None for curve in there):
            values = [curve.evaluate(first) for curve in there]
            ours = [channels[name].keys.points[0, 1] for name in names]
            if np.dot(values, ours) < 0:
                result |= {n: Channel(channels[n].group, channels[n].keys.negated) for n in names}
    return result


def _switches(ob: bpy.types.Object, what: Bake, settings: BakeSettings) -> Channels:
    """Sets the switches, and returns their channels if they are to be keyed."""
    if not what.switches or not what.channels:
        return {}
    first = min(channel.keys.points[0, 0] for channel in what.channels.values())
    result: Channels = {}
    for (bone, name), value in what.switches.items():
        owner = ob.pose.bones[bone]
        owner[name] = type(owner[name])(value)  # an integer or boolean one stays what it is
        prefix = f'pose.bones["{bpy.utils.escape_identifier(bone)}"]'
        path = f'{prefix}["{bpy.utils.escape_identifier(name)}"]'
        keys = straight_keys(np.array([first]), np.array([float(value)]), CONSTANT)
        result[path, 0] = Channel(SWITCH_GROUP, keys)
    return result if settings.key_switches else {}


def _properties(
    ob: bpy.types.Object, keys: dict[str, Keys], group: str, default: float, meaning: str
) -> Channels:
    """Channels of the object's own properties, from 0 to 1, which are made where they are missing;
    whole numbers where the `default` is one."""
    result: Channels = {}
    for name, those in keys.items():
        if name not in ob:
            ob[name] = default
            kind = type(default)
            ob.id_properties_ui(name).update(
                min=kind(0), max=kind(1), description=f"{meaning}: {name}"
            )
        result[f'["{bpy.utils.escape_identifier(name)}"]', 0] = Channel(group, those)
    return result


def _write(bag: bpy.types.ActionChannelbag, channels: Channels, merge: bool) -> int:
    """The number of keys written. `merge`: other keys of the same curves outside of them stay."""
    there = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    count = 0
    for (path, index), channel in channels.items():
        curve = there.get((path, index))
        keys = channel.keys
        if curve is None:
            curve = bag.fcurves.new(path, index=index)
            curve.group = bag.groups.get(channel.group) or bag.groups.new(channel.group)
        elif merge and len(curve.keyframe_points):
            keys = put_among(read_keys(curve), keys)
        set_keys(curve, keys)
        count += len(channel.keys.points)
    return count


def _remember(
    action: bpy.types.Action,
    ob: bpy.types.Object,
    what: Bake,
    bag: bpy.types.ActionChannelbag,
    bones: Channels,
    marks: Channels,
    whole: bool,
) -> None:
    paths = tuple(sorted({path for path, _ in bones}))
    record = BakeRecord(
        take=what.take,
        armature=ob.name,
        whole=whole,
        paths=paths,
        keys=fingerprint(bake_record.ours(bag, set(paths))),
        contacts=fingerprint(bake_record.ours(bag, {path for path, _ in marks})),
        contacts_edited=what.contacts_edited,
        time_map=what.time_map,
    )
    bake_record.write(action, record)
