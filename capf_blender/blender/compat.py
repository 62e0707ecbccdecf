# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between Blender 4.5 and 5.2, in one place."""

import bpy

# 5.2 warns at each use of the old names of a strip's handles; before 5.1 the new ones do not exist.
_NEW_HANDLE_NAMES = bpy.app.version >= (5, 2, 0)


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the sequencer shows: since 5.0 not always the active one."""
    return getattr(context, "sequencer_scene", None) or context.scene


def sequencer_without_scene(context: bpy.types.Context) -> bool:
    """Whether the sequencer shows no scene, so that no strip can be added there: since 5.0 so in a
    new file."""
    return getattr(context, "sequencer_scene", context.scene) is None


def strips(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """The scene's strips, those within meta strips included: they too lie at scene frames."""
    editor = scene.sequence_editor
    return [] if editor is None else list(editor.strips_all)


def active_strip(scene: bpy.types.Scene) -> bpy.types.Strip | None:
    editor = scene.sequence_editor
    return None if editor is None else editor.active_strip


def content_start(strip: bpy.types.Strip) -> float:
    """Scene frame of the first source frame that was not cut away for good."""
    return strip.content_start if _NEW_HANDLE_NAMES else strip.frame_start


def content_duration(strip: bpy.types.Strip) -> int:
    """Scene frames from the first to the last source frame that was not cut away for good."""
    return strip.content_duration if _NEW_HANDLE_NAMES else strip.frame_duration


def handles(strip: bpy.types.Strip) -> tuple[int, int]:
    """First visible scene frame, and the one after the last."""
    if _NEW_HANDLE_NAMES:
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def hard_trims(strip: bpy.types.Strip) -> tuple[int, int]:
    """Source frames cut away for good at the start and at the end."""
    if _NEW_HANDLE_NAMES:
        return strip.content_trim_start, strip.content_trim_end
    return strip.animation_offset_start, strip.animation_offset_end


def other_addons_property(owner: bpy.types.bpy_struct, name: str) -> object:
    """A property that another add-on registers, whether it is enabled or not; None without one.
    Since 5.0 such values lie apart from custom properties."""
    if hasattr(owner, name):
        return getattr(owner, name)
    apart = getattr(owner, "bl_system_properties_get", lambda: None)() or {}
    return apart.get(name, owner.get(name))
