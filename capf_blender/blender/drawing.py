# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and sentences, drawn the same in panels and preferences."""

import textwrap
from pathlib import Path

import blf
import bpy

from ..bridge.job import Job, JobState
from ..core.errors import CaptureError
from . import compat, footage, preview, queue, session, takes

PREVIEW_SCALE = 9.0  # of an icon's side: as wide as a usual sidebar
BOX_BORDERS = 12  # pixels

_ICONS = {JobState.DONE: "CHECKMARK", JobState.FAILED: "ERROR", JobState.CANCELLED: "CANCEL"}


def progress_text(job: Job) -> str:
    """Stage, frames a second and time left, as far as known."""
    parts = [job.stage or "Starting"]
    if job.fps:
        parts.append(f"{job.fps:.1f} fps")
    if job.eta_s is not None:
        minutes, seconds = divmod(round(job.eta_s), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return ", ".join(parts)


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, kind: str) -> None:
    """The progress of the running job of that kind, else how the last one ended, if one did."""
    if kind == "capture":
        _draw_ended(layout, context)
    if job := session.running_job(kind):
        _draw_progress(layout, job)
        if kind == "capture":
            _draw_preview(layout)
            _draw_queue(layout)
    elif session.current.kind == kind and session.current.outcome is not None:
        icon = _ICONS[session.current.outcome]
        draw_sentence(layout, session.current.message, icon, context.region.width)


def _draw_progress(layout: bpy.types.UILayout, job: Job) -> None:
    row = layout.row(align=True)
    row.progress(factor=job.fraction, text=progress_text(job))
    row.operator("capf.cancel", text="", icon="CANCEL")


def _draw_ended(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    for outcome, sentence in queue.ended:
        draw_sentence(layout, sentence, _ICONS[outcome], context.region.width)


def _draw_preview(layout: bpy.types.UILayout) -> None:
    if icon := preview.icon():
        layout.template_icon(icon, scale=PREVIEW_SCALE)


def _draw_queue(layout: bpy.types.UILayout) -> None:
    """What waits, each with a button that removes it."""
    if not queue.waiting:
        return
    column = layout.column(align=True)
    column.label(text="Waiting")
    for index, order in enumerate(queue.waiting):
        row = column.row(align=True)
        row.label(text=order.title, icon="TIME")
        row.operator("capf.unqueue", text="", icon="X").index = index


def draw_captures_found(layout: bpy.types.UILayout, context: bpy.types.Context, home: Path) -> None:
    """Captures of the scene's footage that were interrupted, or that no scene has taken over."""
    scene, width = compat.sequencer_scene(context), context.region.width - BOX_BORDERS
    for capture in takes.interrupted(scene, home, queue.ordered()):
        box = layout.box()
        of = f" of {capture.expected}" if capture.expected else ""
        text = f"A capture of {capture.source.name} was interrupted at {capture.done}{of} frames"
        draw_sentence(box, text, "RECOVER_LAST", width)
        row = box.row(align=True)
        row.operator("capf.continue_capture", icon="PLAY").folder = str(capture.folder)
        row.operator("capf.discard_capture", icon="TRASH").folder = str(capture.folder)
    if (capture := _finished(context, scene, home)) is not None:
        box = layout.box()
        text = f"{capture.source.name} was captured before, {capture.done} frames"
        draw_sentence(box, text, "INFO", width)
        box.operator("capf.load_take", text="Use That Take").directory = str(capture.folder)
    if not scene.capf.take_folder and not session.running_job("capture"):
        layout.operator("capf.load_take", icon="FILE_FOLDER")


def _finished(context: bpy.types.Context, scene: bpy.types.Scene, home: Path) -> takes.Found | None:
    try:
        strip = footage.find_strip(context, scene.capf.strip)
    except CaptureError:
        return None
    return takes.finished(scene, strip, home)


def draw_sentence(layout: bpy.types.UILayout, text: str, icon: str, width: int) -> None:
    """A sentence over as many lines as `width` pixels of a region need."""
    column = layout.column(align=True)
    for index, line in enumerate(textwrap.wrap(text, _characters(text, width))):
        column.label(text=line, icon=icon if index == 0 else "BLANK1")


def _characters(text: str, width: int) -> int:
    """How many characters of `text` fit beside an icon in a sidebar with tabs, `width` pixels."""
    preferences = bpy.context.preferences
    scale = preferences.system.ui_scale
    blf.size(0, preferences.ui_styles[0].widget.points * scale)
    advance = 1.07 * blf.dimensions(0, text)[0] / max(1, len(text))  # some lines hold wider letters
    return max(20, int((width - 82 * scale) / max(1.0, advance)))
