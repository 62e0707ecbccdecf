# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When each foot stands, as keys of two custom properties of the armature object: seen, moved and
mended in the Dope Sheet, and read again by the next solve."""

import bpy
import numpy as np

from ..core.contacts import FEET, Contact, tidied
from ..core.timing import TimeMap
from . import bake_record
from .bake_record import BakeRecord
from .keys import CONSTANT, Keys, fingerprint, set_keys, straight_keys

PROPERTIES = {"l": "Left Foot Planted", "r": "Right Foot Planted"}


def data_path(foot: str) -> str:
    return f'["{PROPERTIES[foot]}"]'


def keys_of(standing: np.ndarray, first_frame: int) -> Keys:
    """Keys that say `standing` (N,) bool on each frame from `first_frame` on."""
    changes = np.flatnonzero(np.diff(standing)) + 1
    at = np.unique(
        np.concatenate([[0, len(standing) - 1], changes])
    )  # the last one tells how far it is known
    return straight_keys(first_frame + at, standing[at].astype(float), CONSTANT)


def contact_keys(
    contacts: tuple[Contact, ...], frames: np.ndarray, time_map: TimeMap
) -> dict[str, Keys]:
    """Keys by property name, over all of the frames from the first to the last of `frames`."""
    first, last = int(np.floor(frames[0])), int(np.ceil(frames[-1]))
    grid = np.arange(first, last + 1)
    standing = on_frames(contacts, grid, time_map)
    return {PROPERTIES[foot]: keys_of(standing[:, side], first) for side, foot in enumerate(FEET)}


def on_frames(contacts: tuple[Contact, ...], frames: np.ndarray, time_map: TimeMap) -> np.ndarray:
    """(N, 2) bool: whether the left and the right foot stand at scene `frames` (N,)."""
    result = np.zeros((len(frames), len(FEET)), bool)
    for contact in contacts:
        start, end = time_map.frames(np.array([contact.start_s, contact.end_s]))
        inside = (frames > start - 0.5) & (frames <= end + 0.5)  # the nearest frames
        result[inside, FEET.index(contact.foot)] = True
    return result


def read(
    ob: bpy.types.Object, action: bpy.types.Action, record: BakeRecord
) -> tuple[Contact, ...] | None:
    """The contacts that the keys in `action` say; None where it has none."""
    curves = _curves(ob, action)
    if not curves:
        return None
    found: list[Contact] = []
    for foot, curve in curves.items():
        standing, first = _standing(curve)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], standing, [False]]).astype(int)))
        times = record.time_map.times_s(first + np.stack([edges[::2], edges[1::2] - 1], axis=1))
        found += [Contact(start_s=float(a), end_s=float(b), foot=foot) for a, b in times]
    return tidied(found)


def edited(ob: bpy.types.Object, action: bpy.types.Action, record: BakeRecord) -> bool:
    """Whether the user has changed the contacts since they were detected."""
    curves = _curves(ob, action)
    if record.contacts_edited or not curves:
        return record.contacts_edited
    bag = bake_record.channelbag(action, bake_record.slot_of(action, ob))
    paths = {curve.data_path for curve in curves.values()}
    return bag is not None and fingerprint(bake_record.ours(bag, paths)) != record.contacts


def mark(
    ob: bpy.types.Object,
    action: bpy.types.Action,
    feet: tuple[str, ...],
    first: int,
    last: int,
    stands: bool,
) -> None:
    """Makes `feet` stand, or not, from frame `first` to `last`, both included."""
    for foot, curve in _curves(ob, action).items():
        if foot not in feet:
            continue
        standing, start = _standing(curve)
        before, after = max(start - first, 0), max(last - (start + len(standing) - 1), 0)
        standing = np.pad(standing, (before, after))  # outside of what is keyed nothing stands
        start -= before
        standing[first - start : last + 1 - start] = stands
        set_keys(curve, keys_of(standing, start))
    ob.update_tag(refresh={"OBJECT", "TIME"})


def _curves(ob: bpy.types.Object, action: bpy.types.Action) -> dict[str, bpy.types.FCurve]:
    """By foot."""
    bag = bake_record.channelbag(action, bake_record.slot_of(action, ob))
    if bag is None:
        return {}
    found = {foot: bag.fcurves.find(data_path(foot)) for foot in FEET}
    return {foot: curve for foot, curve in found.items() if curve and curve.keyframe_points}


def _standing(curve: bpy.types.FCurve) -> tuple[np.ndarray, int]:
    """(N,) bool on each frame from the first key to the last one, and the first frame."""
    first, last = (round(end) for end in curve.range())
    standing = [curve.evaluate(frame) > 0.5 for frame in range(first, last + 1)]
    return np.array(standing), first
