# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CAPF tab in the sidebars of the Video Sequencer and the 3D View."""

import bpy

from ..blender import compat, footage, session
from ..blender.drawing import draw_job, draw_sentence
from ..bridge import environment
from ..core.errors import CaptureError
from ..core.model_cards import MODEL_CARDS, Checkpoint, ModelCard
from ..preferences import preferences

_CARDS = {card.name: card for card in MODEL_CARDS}


class _Sidebar:
    bl_region_type = "UI"
    bl_category = "CAPF"


class _Sequencer(_Sidebar):
    bl_space_type = "SEQUENCE_EDITOR"


class _View3D(_Sidebar):
    bl_space_type = "VIEW_3D"


def _properties_layout(panel: bpy.types.Panel) -> bpy.types.UILayout:
    panel.layout.use_property_split = True
    panel.layout.use_property_decorate = False
    return panel.layout


class _Footage:
    bl_label = "Footage"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout = _properties_layout(self)
        scene = compat.sequencer_scene(context)
        settings = scene.capf
        column = layout.column()
        if scene.sequence_editor is not None:
            column.prop_search(
                settings, "strip", scene.sequence_editor, "strips_all", icon="SEQ_SEQUENCER"
            )
            if not settings.strip:
                try:
                    column.label(text=f"Will be captured: {footage.find_strip(context, '').name}")
                except CaptureError as error:
                    column.label(text=error.message, icon="INFO")
        else:
            column.label(text="Add a video in the Video Sequencer", icon="INFO")
        column.prop(settings, "use_range")
        if settings.use_range:
            row = column.row(align=True)
            row.prop(settings, "frame_start", text="Frames")
            row.prop(settings, "frame_end", text="")


class _Capture:
    bl_label = "Capture"
    bl_order = 1

    def draw(self, context: bpy.types.Context) -> None:
        layout = _properties_layout(self)
        settings = compat.sequencer_scene(context).capf
        column = layout.column()
        column.prop(settings, "model")
        card = _CARDS[settings.model]
        draw_sentence(column, _licence(card), "INFO", context.region.width)
        _draw_weights(column, settings.model, context)
        column.prop(settings, "device")
        column.prop(settings, "choose_person")
        if settings.choose_person:
            column.prop(settings, "person")
        column.prop(settings, "use_field_of_view")
        if settings.use_field_of_view:
            column.prop(settings, "field_of_view")
        if not session.running_job("capture"):
            row = layout.row()
            row.scale_y = 1.5
            row.operator("capf.capture_pose", icon="ARMATURE_DATA")
        draw_job(layout, context, "capture")


def _licence(of: ModelCard | Checkpoint) -> str:
    use = "commercial use allowed" if of.commercial_use else "no commercial use"
    return f"{of.licence}: {use}"


def _draw_weights(layout: bpy.types.UILayout, model: str, context: bpy.types.Context) -> None:
    """What the model still lacks, and the buttons that bring it."""
    home = environment.home_folder(preferences(context).home)
    for checkpoint in environment.missing_checkpoints(home, model):
        box = layout.box()
        width = context.region.width - 12  # the box's borders
        draw_sentence(box, f"{checkpoint.label} is missing", "ERROR", width)
        draw_sentence(box, f"Licence: {_licence(checkpoint)}", "BLANK1", width)
        if checkpoint.source:
            row = box.row(align=True)
            button = row.operator("capf.download_weights", icon="IMPORT")
            button.checkpoint = checkpoint.name
            row.operator("capf.import_checkpoint", text="", icon="FILE_FOLDER")
        else:
            text = f"Fetch {checkpoint.published} from {checkpoint.publisher} and choose the file"
            draw_sentence(box, text, "BLANK1", width)
            box.operator("capf.import_checkpoint", icon="FILE_FOLDER")
    draw_job(layout, context, "weights")


class _Armature:
    bl_label = "Armature"
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout = _properties_layout(self)
        settings = compat.sequencer_scene(context).capf
        column = layout.column()
        column.prop(settings, "take_folder")
        column.prop(settings, "height")
        column.prop(settings, "armature")
        column.operator("capf.apply_take", icon="POSE_HLT")


class CAPF_PT_sequencer_footage(_Sequencer, _Footage, bpy.types.Panel):
    pass


class CAPF_PT_sequencer_capture(_Sequencer, _Capture, bpy.types.Panel):
    pass


class CAPF_PT_sequencer_armature(_Sequencer, _Armature, bpy.types.Panel):
    pass


class CAPF_PT_view3d_footage(_View3D, _Footage, bpy.types.Panel):
    pass


class CAPF_PT_view3d_capture(_View3D, _Capture, bpy.types.Panel):
    pass


class CAPF_PT_view3d_armature(_View3D, _Armature, bpy.types.Panel):
    pass


CLASSES = (
    CAPF_PT_sequencer_footage,
    CAPF_PT_sequencer_capture,
    CAPF_PT_sequencer_armature,
    CAPF_PT_view3d_footage,
    CAPF_PT_view3d_capture,
    CAPF_PT_view3d_armature,
)
