# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's mode, selection and active object: kept, or what was just made is selected."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy


@contextmanager
def kept(context: bpy.types.Context) -> Iterator[None]:
    """Object mode inside; mode, selected objects and active object are as before afterwards."""
    view_layer = context.view_layer
    active = view_layer.objects.active
    mode = active.mode if active is not None else "OBJECT"
    selected = [ob for ob in view_layer.objects if ob.select_get(view_layer=view_layer)]
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    try:
        yield
    finally:
        if context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        for ob in view_layer.objects:
            ob.select_set(ob in selected, view_layer=view_layer)
        view_layer.objects.active = active
        if mode != "OBJECT":
            bpy.ops.object.mode_set(mode=mode)


def select_new(context: bpy.types.Context, ob: bpy.types.Object) -> None:
    """Selects `ob`, which was just made, alone and makes it active; nothing outside Object mode,
    where the user works on something else."""
    objects = context.view_layer.objects
    if context.mode != "OBJECT" or ob.name not in objects:
        return
    for other in objects:
        other.select_set(other == ob)
    objects.active = ob
