# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAPF Motion Capture: video in, animated armature out.

Imports nothing of Blender's before `register`, so that the worker can import `capf_blender.core`.
"""


def register() -> None:
    from . import registration

    registration.register()


def unregister() -> None:
    from . import registration

    registration.unregister()
