# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an action of ours takes effect: as the object's own, or as an NLA strip on top."""

from collections.abc import Iterator

import bpy

from . import bake_record


def make_active(ob: bpy.types.Object, action: bpy.types.Action) -> None:
    """Makes `action` the object's own. The one that was there stays in the file."""
    animation = ob.animation_data
    _remove_strips(animation, action)
    if animation.action == action and animation.action_slot is not None:
        return
    if animation.action is not None:
        animation.action.use_fake_user = True  # else it would be gone after saving
    animation.action = action
    animation.action_slot = bake_record.slot_of(action, ob)


def put_on_top(ob: bpy.types.Object, action: bpy.types.Action, blend_frames: float) -> None:
    """A strip of `action` on a track above all others, faded in and out over `blend_frames`. What
    was the object's own action goes on as a strip below."""
    animation = ob.animation_data
    if animation.action == action:
        animation.action = None
    elif animation.action is not None:
        _push_down(animation)
    first, last = action.frame_range
    strip = next(_strips_of(animation, action), None)
    if strip is None:
        track = animation.nla_tracks.new()
        track.name = action.name
        strip = track.strips.new(action.name, int(first), action)
        strip.action_slot = bake_record.slot_of(action, ob)
    strip.use_sync_length = False
    strip.action_frame_start, strip.action_frame_end = first, last
    strip.frame_start_ui, strip.frame_end_ui = first, last
    strip.extrapolation = "NOTHING"
    strip.blend_type = "REPLACE"
    strip.use_auto_blend = False
    strip.blend_in = strip.blend_out = min(blend_frames, 0.5 * (last - first))
    animation.use_nla = True


def is_in_use(ob: bpy.types.Object, action: bpy.types.Action) -> bool:
    """Whether `action` animates `ob`, as its own or as a strip."""
    animation = ob.animation_data
    return animation is not None and (
        animation.action == action or next(_strips_of(animation, action), None) is not None
    )


def bag_below(ob: bpy.types.Object, action: bpy.types.Action) -> bpy.types.ActionChannelbag | None:
    """The keys on top of which a strip of `action` would fade in."""
    animation = ob.animation_data
    if animation.action is not None and animation.action != action:
        return bake_record.channelbag(animation.action, animation.action_slot)
    for track in reversed(animation.nla_tracks):
        for strip in track.strips:
            if strip.action is not None and strip.action != action:
                return bake_record.channelbag(strip.action, strip.action_slot)
    return None


def _push_down(animation: bpy.types.AnimData) -> None:
    """As Push Down Action does."""
    action, slot = animation.action, animation.action_slot
    track = animation.nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, int(action.frame_range[0]), action)
    strip.action_slot = slot
    strip.blend_type = animation.action_blend_type
    strip.extrapolation = animation.action_extrapolation
    if animation.action_influence < 1.0:
        strip.use_animated_influence = True
        strip.influence = animation.action_influence
    animation.action = None


def _strips_of(
    animation: bpy.types.AnimData, action: bpy.types.Action
) -> Iterator[bpy.types.NlaStrip]:
    return (
        strip for track in animation.nla_tracks for strip in track.strips if strip.action == action
    )


def _remove_strips(animation: bpy.types.AnimData, action: bpy.types.Action) -> None:
    for track in list(animation.nla_tracks):
        for strip in list(track.strips):
            if strip.action == action:
                track.strips.remove(strip)
        if not track.strips and track.name == action.name:
            animation.nla_tracks.remove(track)
