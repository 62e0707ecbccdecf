# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sections of the sidebar share. A section is written once and shown in both editors."""

from collections.abc import Sequence

import bpy

from ..blender import compat

EDITORS = {"sequencer": "SEQUENCE_EDITOR", "view3d": "VIEW_3D"}
"""Names within the panels' class names, and Blender's names of the editors."""


class Section:
    """One panel. Its `draw_settings` draws; `parent` is the section that holds it."""

    bl_region_type = "UI"
    bl_category = "CAPF"
    bl_label = ""
    parent: "type[Section] | None" = None
    layout: bpy.types.UILayout

    @staticmethod
    def settings(context: bpy.types.Context) -> bpy.types.PropertyGroup:
        return compat.sequencer_scene(context).capf

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        self.draw_settings(self.layout, self.settings(context), context)

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        raise NotImplementedError


class ClosedSection(Section):
    """Closed until the user opens it."""

    bl_options = {"DEFAULT_CLOSED"}


def in_both_editors(sections: Sequence[type[Section]]) -> tuple[type[bpy.types.Panel], ...]:
    """The panel classes of `sections`: those of one editor, then those of the other."""
    return tuple(
        _panel(section, order, editor, space)
        for editor, space in EDITORS.items()
        for order, section in enumerate(sections)
    )


def _panel(section: type[Section], order: int, editor: str, space: str) -> type[bpy.types.Panel]:
    placed = {"bl_space_type": space, "bl_order": order, "__module__": section.__module__}
    if section.parent is not None:
        placed["bl_parent_id"] = _name(section.parent, editor)
    return type(_name(section, editor), (section, bpy.types.Panel), placed)


def _name(section: type[Section], editor: str) -> str:
    """ "CAPF_PT_view3d_target_rig": Blender's names of panels are those of their classes."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in section.__name__)
    return f"CAPF_PT_{editor}{words}"


def draw_switched(
    layout: bpy.types.UILayout,
    settings: bpy.types.PropertyGroup,
    heading: str,
    switch: str,
    *values: str,
    otherwise: str,
) -> None:
    """A row of `values` that count while `switch` is on; what counts `otherwise`, in grey."""
    row = layout.column(heading=heading).row(align=True)
    row.prop(settings, switch, text="")
    row = row.row(align=True)
    if not getattr(settings, switch):
        row.active = False
        row.label(text=otherwise)
        return
    for value in values:
        row.prop(settings, value, text="")


def draw_main_button(layout: bpy.types.UILayout, operator: str, icon: str) -> None:
    """One of the steps from a strip to keys."""
    row = layout.row()
    row.scale_y = 1.5
    row.operator(operator, icon=icon)
