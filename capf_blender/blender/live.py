# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings take effect while a slider moves: the take is solved again and our keys are rewritten.

Runs within the change of a property, so the change and its keys are one undo step.
"""

from dataclasses import replace

import bpy

from ..core.errors import CaptureError
from . import bake_record, choices, compat, nla
from .apply import key_of

LONGEST = 1000  # frames; more would make sliders drag

status = ""
"""Why the last change of a setting did not reach the keys, one sentence; "" when it did."""

_running = False


def follow(scene: bpy.types.Scene) -> None:
    """Solves the take of `scene` again into the keys that it already has; does nothing where there
    are none yet. A solve_properties listener."""
    global _running, status
    if _running or not _may_run(scene):
        return
    _running = True
    try:
        status = _rewrite(scene)
    except CaptureError as error:
        status = str(error)
    finally:
        _running = False


def _may_run(scene: bpy.types.Scene) -> bool:
    context = bpy.context
    if not isinstance(getattr(context, "scene", None), bpy.types.Scene):
        return False  # while Blender registers add-ons or loads a file
    settings = scene.capf
    return (
        settings.live
        and settings.armature is not None
        and bool(settings.take_folder)
        and compat.sequencer_scene(context) == scene
        and not bpy.app.is_job_running("RENDER")
    )


def _rewrite(scene: bpy.types.Scene) -> str:
    """The sentence for `status`."""
    context, settings = bpy.context, scene.capf
    ob = settings.armature
    shot = choices.chosen_shot(context)
    found = bake_record.find(ob, key_of(shot.take))
    if found is None or not nla.is_in_use(ob, found[0]):
        return ""  # nothing was applied yet, or the user works on another action now
    if len(shot.frames) > LONGEST:
        return (
            f"The take has {len(shot.frames)} frames, too many to follow at once: press Apply to "
            "Armature."
        )
    if bake_record.edited_by_hand(found[0], ob, found[1]):
        return f"{found[0].name} was edited by hand, so it is left alone: press Apply to Armature."
    on_top = ob.animation_data.action != found[0]
    wanted = replace(choices.bake_settings(settings), destination="NLA" if on_top else "ACTION")
    choices.apply_chosen(context, shot, wanted)
    return ""
