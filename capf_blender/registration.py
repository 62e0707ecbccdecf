# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every class the add-on registers, in order."""

import bpy

from . import ops, preferences, properties, ui
from .blender import session

CLASSES = (*properties.CLASSES, *preferences.CLASSES, *ops.CLASSES, *ui.CLASSES)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.capf = bpy.props.PointerProperty(type=properties.CAPF_PG_scene)


def unregister() -> None:
    session.close()
    del bpy.types.Scene.capf
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
