# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and sentences, drawn the same in panels and preferences."""

import textwrap

import blf
import bpy

from ..bridge.job import Job, JobState
from . import session

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
    if job := session.running_job(kind):
        _draw_progress(layout, job)
    elif session.current.kind == kind and session.current.outcome is not None:
        icon = _ICONS[session.current.outcome]
        draw_sentence(layout, session.current.message, icon, context.region.width)


def _draw_progress(layout: bpy.types.UILayout, job: Job) -> None:
    row = layout.row(align=True)
    row.progress(factor=job.fraction, text=progress_text(job))
    row.operator("capf.cancel", text="", icon="CANCEL")


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
