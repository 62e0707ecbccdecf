# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is captured."""

import bpy

from .section import Section, draw_switched


class People(Section):
    bl_label = "People"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column = layout.column()
        draw_switched(column, settings, "Person", "choose_person", "person")
        column.prop(settings, "height")


SECTIONS = (People,)
