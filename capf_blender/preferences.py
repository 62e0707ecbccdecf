# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences: the worker's environment, its set-up and its check."""

import bpy

from .blender import session
from .blender.drawing import draw_job, draw_sentence
from .bridge import environment

WHAT_SET_UP_DOES = (
    "Set Up downloads about 0.5 GB into the folder above, up to 3 GB on Linux, where PyTorch comes "
    "with CUDA: PyTorch (BSD), OpenCV, BlazePose and MMPose (Apache-2.0), PyAV (BSD, with FFmpeg: "
    "LGPL). "
    "Nothing is installed into Blender."
)


class CAPF_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    home: bpy.props.StringProperty(
        name="Folder",
        description="Where the worker's packages and models live; your data folder when left empty",
        subtype="DIR_PATH",
    )
    python: bpy.props.StringProperty(
        name="Python",
        description="Python 3.11 to 3.13 that runs the worker; found by itself when left empty",
        subtype="FILE_PATH",
    )
    offline_folder: bpy.props.StringProperty(
        name="Offline Folder",
        description="Folder of wheels to set up from without a network",
        subtype="DIR_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        column = layout.column()
        column.enabled = not session.is_running()
        column.prop(self, "home", placeholder=str(environment.home_folder()))
        column.prop(self, "python", placeholder="Automatic")
        column.prop(self, "offline_folder", placeholder="Download")
        draw_sentence(layout.box(), WHAT_SET_UP_DOES, "INFO", context.region.width)
        row = layout.row()
        row.operator("capf.set_up", icon="IMPORT")
        row.operator("capf.check", icon="CHECKMARK")
        row.operator("capf.import_checkpoint", icon="FILE_FOLDER")
        for kind in ("set_up", "weights"):
            draw_job(layout, context, kind)


def preferences(context: bpy.types.Context) -> CAPF_AP_preferences:
    return context.preferences.addons[__package__].preferences


CLASSES = (CAPF_AP_preferences,)
