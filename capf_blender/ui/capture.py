# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which model captures, what it still lacks, and the button."""

import bpy

from ..blender import session
from ..blender.drawing import draw_captures_found, draw_job, draw_sentence
from ..bridge import environment
from ..bridge.worker_facts import missing_device
from ..core.model_cards import MODEL_CARDS, Checkpoint, ModelCard
from ..preferences import CAPF_AP_preferences, preferences
from .section import Section, draw_main_button

_CARDS = {card.name: card for card in MODEL_CARDS}
_BOX_BORDERS = 12  # pixels


class Capture(Section):
    bl_label = "Capture"

    def draw_settings(
        self,
        layout: bpy.types.UILayout,
        settings: bpy.types.PropertyGroup,
        context: bpy.types.Context,
    ) -> None:
        home = environment.home_folder(preferences(context).home)
        if environment.findings(home):
            _draw_set_up(layout, home, context)
            return
        column = layout.column()
        column.prop(settings, "model", text="")  # names too long to stand beside a label
        draw_sentence(column, _licence(_CARDS[settings.model]), "BLANK1", context.region.width)
        _draw_weights(column, home, settings.model, context)
        column.prop(settings, "device")
        if missing := missing_device(home, settings.device):
            draw_sentence(column, str(missing), "ERROR", context.region.width)
        draw_main_button(layout, "capf.capture_pose", "ARMATURE_DATA")
        draw_captures_found(layout, context, home)
        draw_job(layout, context, "capture")


def _draw_set_up(layout: bpy.types.UILayout, home, context: bpy.types.Context) -> None:
    """What it downloads, and under which licences, stands in the preferences."""
    stamp = environment.read_stamp(home)
    text = "Capturing needs Set Up to be run " + ("once" if stamp is None else "again")
    draw_sentence(layout, text, "INFO", context.region.width)
    if not session.running_job("set_up"):
        button = layout.operator("preferences.addon_show", text="Set Up in Preferences")
        button.module = CAPF_AP_preferences.bl_idname
    draw_job(layout, context, "set_up")


def _licence(of: ModelCard | Checkpoint) -> str:
    use = "commercial use allowed" if of.commercial_use else "no commercial use"
    return f"{of.licence}: {use}"


def _draw_weights(layout: bpy.types.UILayout, home, model: str, context: bpy.types.Context) -> None:
    """What the model still lacks, and the buttons that bring it."""
    width = context.region.width - _BOX_BORDERS
    for checkpoint in environment.missing_checkpoints(home, model):
        box = layout.box()
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


SECTIONS = (Capture,)
