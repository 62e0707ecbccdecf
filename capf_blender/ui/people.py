# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is captured, and who is who."""

import bpy

from .section import Section, draw_switched

_MOST_ROWS = 6


class CAPF_UL_people(bpy.types.UIList):
    """Tick for Apply Everyone, number, share of the frames, armature."""

    def draw_item(self, _context, layout, _data, item, _icon, _active, _name) -> None:
        layout.use_property_split = False
        row = layout.row(align=True)
        row.prop(item, "use", text="")
        split = row.split(factor=0.4)
        split.label(text=item.name)
        split = split.split(factor=0.45)
        split.progress(factor=item.coverage, text=f"{item.coverage:.0%}")
        split.label(text=item.armature.name if item.armature is not None else "")


class People(Section):
    bl_label = "People"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column = layout.column()
        if settings.people:
            column.template_list(
                "CAPF_UL_people",
                "",
                settings,
                "people",
                settings,
                "active_person",
                rows=min(len(settings.people), _MOST_ROWS),
            )
        else:
            draw_switched(
                column, settings, "Person", "choose_person", "person_number",
                otherwise="The largest",
            )  # fmt: skip
        column.prop(settings, "height")
        if len(settings.people) > 1:
            layout.operator("capf.apply_everyone", icon="COMMUNITY")


SECTIONS = (People,)
CLASSES = (CAPF_UL_people,)
