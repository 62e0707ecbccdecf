# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which armature is keyed, by which bones, and how it moves through the scene."""

import bpy

from ..blender import targets
from ..blender.drawing import draw_sentence
from ..core.rig import BODY_ROLES
from .section import ClosedSection, Section

_REPORT_ICONS = {"SURE": "CHECKMARK", "DOUBTFUL": "QUESTION", "REFUSED": "ERROR"}
_RANKS = {"UNKNOWN": 0, "DOUBTFUL": 1, "MISSING": 2, "USER": 3, "SURE": 4}
_LAST = 5  # of what a rig need not have


class TargetRig(Section):
    bl_label = "Target Rig"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column, width = layout.column(), context.region.width
        column.prop(settings, "armature")
        if settings.armature is None or not settings.armature.users_scene:  # deleted
            draw_sentence(column, "A new armature will be made", "INFO", width)
            return
        if settings.rig_report:
            draw_sentence(column, settings.rig_report, _REPORT_ICONS[settings.rig_state], width)
        if targets.is_metarig(settings.armature):
            column.operator("capf.use_generated_rig", icon="OUTLINER_OB_ARMATURE")


class CAPF_UL_roles(bpy.types.UIList):
    """What the user should look at comes first."""

    def draw_item(self, _context, layout, _data, item, _icon, _active, _name) -> None:
        row = layout.split(factor=0.58, align=True)
        row.label(text=item.name, icon_value=row.enum_item_icon(item, "state", item.state))
        row.prop(item, "bone", text="", emboss=False, placeholder="None")

    def filter_items(self, _context, data, name: str) -> tuple[list[int], list[int]]:
        rows, helpers = getattr(data, name), bpy.types.UI_UL_list
        shown = self.bitflag_filter_item
        flags = helpers.filter_items_by_name(self.filter_name, shown, rows) or []
        ranks = [(index, _rank(row)) for index, row in enumerate(rows)]
        return flags, helpers.sort_items_helper(ranks, key=lambda ranked: ranked[1])


def _rank(row: bpy.types.PropertyGroup) -> int:
    optional = row.state == "MISSING" and row.role not in BODY_ROLES
    return _LAST if optional else _RANKS[row.state]


class Bones(ClosedSection):
    bl_label = "Bones"
    parent = TargetRig

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return cls.settings(context).armature is not None

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        layout.operator("capf.check_rig", icon="VIEWZOOM")
        if settings.roles:
            layout.template_list("CAPF_UL_roles", "", settings, "roles", settings, "active_role")
        if settings.active_role < len(settings.roles):
            row = settings.roles[settings.active_role]
            column = layout.column()
            column.prop(row, "bone", icon="BONE_DATA")
            shown = column.column()
            shown.enabled = False
            shown.prop(row, "confidence", slider=True)
        row = layout.row(align=True)
        row.operator("capf.save_role_map", text="Save Map", icon="EXPORT")
        row.operator("capf.load_role_map", text="Load Map", icon="IMPORT")
        layout.operator("capf.reset_role_map", icon="LOOP_BACK")


class Movement(ClosedSection):
    bl_label = "Movement"
    parent = TargetRig

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        column = layout.column()
        column.prop(settings, "root_mode", text="Carried by")
        column.prop(settings, "place")
        column.prop(settings, "scale_mode")
        if settings.camera_source == "FOOTAGE":  # a known camera tells both
            column.prop(settings, "yaw")
            column.prop(settings, "floor_m")


SECTIONS = (TargetRig, Bones, Movement)
CLASSES = (CAPF_UL_roles,)
