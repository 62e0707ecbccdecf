# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections of joints, kept in the scene: undone and saved with it, and never in the take.

A handle is an empty at a joint, for the user to move; what it became is a correction.
"""

import bpy
import numpy as np

from ..core.corrections import CORRECTABLE, Correction

HANDLE = "capf_handle"
"""Custom property of a handle: take, joint and seconds in the footage."""
HANDLE_SIZE = 0.06  # metres
SAME_S = 1e-3  # corrections of a joint nearer in time than this are of one frame


def read(settings: bpy.types.PropertyGroup, take: str) -> tuple[Correction, ...]:
    """Those of the take with that key."""
    return tuple(
        Correction(one.time_s, one.joint, (one.pixel[0], one.pixel[1]), one.depth)
        for one in settings.corrections
        if one.take == take
    )


def add(settings: bpy.types.PropertyGroup, take: str, correction: Correction) -> None:
    """Replaces an earlier one of the same joint and frame."""
    found = (
        one
        for one in settings.corrections
        if (one.take, one.joint) == (take, correction.joint)
        and abs(one.time_s - correction.time_s) < SAME_S
    )
    one = next(found, None) or settings.corrections.add()
    one.name = CORRECTABLE[correction.joint]
    one.take, one.joint, one.time_s = take, correction.joint, correction.time_s
    one.pixel, one.depth = correction.pixel, correction.depth


def handles(scene: bpy.types.Scene, take: str) -> list[bpy.types.Object]:
    """The handles in `scene` of the take with that key."""
    found = (ob for ob in scene.objects if HANDLE in ob)
    return [ob for ob in found if ob[HANDLE]["take"] == take]


def moment_of(handle: bpy.types.Object) -> tuple[str, float]:
    """Joint, and seconds in the footage."""
    return handle[HANDLE]["joint"], float(handle[HANDLE]["time_s"])


def place_handle(
    context: bpy.types.Context, take: str, joint: str, time_s: float, place: np.ndarray
) -> bpy.types.Object:
    """The handle of `joint` at that moment, at `place` (3,) in the world, selected alone; the one
    that is there already stays where it is."""
    there = (
        ob for ob in handles(context.scene, take)
        if moment_of(ob)[0] == joint and abs(moment_of(ob)[1] - time_s) < SAME_S
    )  # fmt: skip
    handle = next(there, None)
    if handle is None:
        handle = bpy.data.objects.new(f"Correct {CORRECTABLE[joint]}", None)
        handle.empty_display_type, handle.empty_display_size = "SPHERE", HANDLE_SIZE
        handle.show_in_front = handle.show_name = True
        handle.location = place
        handle[HANDLE] = {"take": take, "joint": joint, "time_s": time_s}
        context.scene.collection.objects.link(handle)
    for ob in context.selected_objects:
        ob.select_set(False)
    handle.select_set(True)
    context.view_layer.objects.active = handle
    return handle
