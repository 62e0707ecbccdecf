# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every class the add-on registers, in order."""

import bpy

from . import ops, preferences, properties, solve_properties, ui
from .blender import live, overlay, queue, session

CLASSES = (*properties.CLASSES, *preferences.CLASSES, *ops.CLASSES, *ui.CLASSES)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.capf = bpy.props.PointerProperty(type=properties.CAPF_PG_scene)
    solve_properties.LISTENERS.append(live.follow)
    overlay.start()


def unregister() -> None:
    overlay.stop()
    solve_properties.LISTENERS.remove(live.follow)
    session.close()
    queue.close()
    del bpy.types.Scene.capf
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
