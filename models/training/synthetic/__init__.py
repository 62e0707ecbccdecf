# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic people with exact joints: assembled, posed and rendered in Blender's Python module.

Axes of this package: metres, y up, the person faces +z in the rest pose, its own left is +x.
"""
