# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For other programs."""

import bpy

from .section import ClosedSection


class Export(ClosedSection):
    bl_label = "Export"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        layout.operator_menu_enum("capf.export", "file_format", text="Export As", icon="EXPORT")


SECTIONS = (Export,)
