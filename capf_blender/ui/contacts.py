# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When feet stand: found, or told."""

import bpy

from .section import ClosedSection


class Contacts(ClosedSection):
    bl_label = "Contacts"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        layout.prop(settings, "contact_mode")


class EditContacts(ClosedSection):
    bl_label = "Edit Contacts"
    parent = Contacts

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        layout.prop(settings, "use_edited_contacts", text="Keep Edited")
        column = layout.column(align=True)
        for foot, side in (("l", "Left"), ("r", "Right")):
            row = column.row(align=True)
            row.operator("capf.plant_foot", text=f"Plant {side}").foot = foot
            row.operator("capf.lift_foot", text=f"Lift {side}").foot = foot
        layout.operator("capf.detect_contacts", icon="FILE_REFRESH")


SECTIONS = (Contacts, EditContacts)
