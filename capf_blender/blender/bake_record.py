# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action remembers of our keys in it, so that only our own work is ever rewritten."""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass

import bpy

from ..core.timing import TimeMap
from .keys import fingerprint

RECORD = "capf_bake"
"""Custom property of an action that holds a BakeRecord as JSON."""


@dataclass(frozen=True)
class BakeRecord:
    take: str  # which take was keyed
    armature: str  # name of the object
    whole: bool  # the action is ours, not one of the user's into which we put keys
    paths: tuple[str, ...]  # data paths of the bones' and switches' channels that we wrote
    keys: str  # fingerprint of those keys as we wrote them
    contacts: str  # the same of the contacts' keys
    contacts_edited: bool  # the user has changed the contacts
    time_map: TimeMap  # between the keys' frames and the take's seconds


def read(action: bpy.types.Action) -> BakeRecord | None:
    text = action.get(RECORD)
    try:
        values = json.loads(text) if isinstance(text, str) else None
        if values is None:
            return None
        values["time_map"] = TimeMap(**values["time_map"])
        values["paths"] = tuple(values["paths"])
        return BakeRecord(**values)
    except (ValueError, TypeError, KeyError):
        return None  # written by another version, or by hand: then it is not ours


def write(action: bpy.types.Action, record: BakeRecord) -> None:
    action[RECORD] = json.dumps(asdict(record))


def channelbag(
    action: bpy.types.Action, slot: bpy.types.ActionSlot | None
) -> bpy.types.ActionChannelbag | None:
    """Where the keys of `slot` lie; None where there are none yet."""
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(slot) if slot is not None else None
            if bag is not None:
                return bag
    return None


def slot_of(action: bpy.types.Action, ob: bpy.types.Object) -> bpy.types.ActionSlot | None:
    """The slot of `action` that animates `ob`, or would."""
    animation = ob.animation_data
    if animation is not None and animation.action == action and animation.action_slot is not None:
        return animation.action_slot
    slots = [slot for slot in action.slots if slot.target_id_type in ("OBJECT", "UNSPECIFIED")]
    named = (slot for slot in slots if slot.name_display == ob.name)
    return next(named, slots[0] if slots else None)


def ours(bag: bpy.types.ActionChannelbag, paths: Collection[str]) -> Iterator[bpy.types.FCurve]:
    """The curves of `bag` at `paths`, in its order."""
    return (curve for curve in bag.fcurves if curve.data_path in paths)


def edited_by_hand(action: bpy.types.Action, ob: bpy.types.Object, record: BakeRecord) -> bool:
    """Whether the bones' keys differ from what we wrote."""
    bag = channelbag(action, slot_of(action, ob))
    return bag is None or fingerprint(ours(bag, set(record.paths))) != record.keys


def find(
    ob: bpy.types.Object, take: str, whole: bool = True
) -> tuple[bpy.types.Action, BakeRecord] | None:
    """Our earlier bake of `take` on `ob`: the one in use first, then any that the file holds.
    `whole`: not one within an action of the user's."""
    for action in [*_actions_of(ob), *bpy.data.actions]:
        record = read(action) if action.library is None else None
        if record is None or (record.take, record.armature) != (take, ob.name):
            continue
        if record.whole or not whole:
            return action, record
    return None


def in_use(ob: bpy.types.Object) -> tuple[bpy.types.Action, BakeRecord] | None:
    """The bake that animates `ob` now, whichever take it shows."""
    for action in _actions_of(ob):
        record = read(action)
        if record is not None and record.armature == ob.name:
            return action, record
    return None


def _actions_of(ob: bpy.types.Object) -> list[bpy.types.Action]:
    """Its own action, then those of its NLA strips from the top."""
    animation = ob.animation_data
    if animation is None:
        return []
    strips = [strip.action for track in reversed(animation.nla_tracks) for strip in track.strips]
    return [action for action in (animation.action, *strips) if action is not None]
