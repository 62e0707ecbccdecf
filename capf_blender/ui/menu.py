# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons once more as a menu: search (F3) finds what is in menus, and nothing of sidebars."""

import bpy

OPERATORS = (
    ("capf.capture_pose", "capf.load_take"),
    ("capf.check_rig", "capf.apply_take", "capf.apply_everyone"),
    ("capf.match_camera", "capf.show_footage", "capf.height_from_camera"),
    (
        "capf.next_doubtful",
        "capf.previous_doubtful",
        "capf.correct_joint",
        "capf.apply_corrections",
    ),
    ("capf.plant_foot", "capf.lift_foot", "capf.detect_contacts"),
)
"""In groups, as the work goes."""
MENUS = ("SEQUENCER_MT_strip", "VIEW3D_MT_object", "VIEW3D_MT_pose")
"""Blender's menus at whose end ours is."""


class CAPF_MT_motion_capture(bpy.types.Menu):
    bl_label = "Motion Capture"

    @classmethod
    def register(cls) -> None:
        for name in MENUS:
            getattr(bpy.types, name).append(_draw)

    @classmethod
    def unregister(cls) -> None:
        for name in MENUS:
            getattr(bpy.types, name).remove(_draw)

    def draw(self, _context: bpy.types.Context) -> None:
        for group in OPERATORS:
            for operator in group:
                self.layout.operator(operator)
            self.layout.separator()
        self.layout.operator_menu_enum("capf.export", "file_format")


def _draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.menu(CAPF_MT_motion_capture.__name__)


CLASSES = (CAPF_MT_motion_capture,)
