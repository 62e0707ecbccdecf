# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators: they read the context, call core, bridge or blender, and report."""

from . import (
    apply,
    camera,
    capture,
    check_rig,
    contacts,
    doubts,
    export,
    fix,
    people,
    set_up,
    take,
    weights,
)

CLASSES = (
    *capture.CLASSES,
    *take.CLASSES,
    *apply.CLASSES,
    *people.CLASSES,
    *camera.CLASSES,
    *export.CLASSES,
    *check_rig.CLASSES,
    *contacts.CLASSES,
    *doubts.CLASSES,
    *fix.CLASSES,
    *set_up.CLASSES,
    *weights.CLASSES,
)
