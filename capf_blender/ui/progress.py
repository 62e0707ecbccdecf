# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a job, drawn the same in panels and preferences."""

import textwrap

import bpy

from ..bridge.job import Job


def progress_text(job: Job) -> str:
    """Stage, frames a second and time left, as far as known."""
    parts = [job.stage or "Starting"]
    if job.fps:
        parts.append(f"{job.fps:.1f} fps")
    if job.eta_s is not None:
        minutes, seconds = divmod(round(job.eta_s), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return ", ".join(parts)


def draw_progress(layout: bpy.types.UILayout, job: Job) -> None:
    row = layout.row(align=True)
    row.progress(factor=job.fraction, text=progress_text(job))
    row.operator("capf.cancel", text="", icon="CANCEL")


def draw_sentence(layout: bpy.types.UILayout, text: str, icon: str, width: int) -> None:
    """A sentence over as many lines as `width` pixels of a region need."""
    column = layout.column(align=True)
    characters = max(20, int(width / (7 * bpy.context.preferences.system.ui_scale)) - 6)
    for index, line in enumerate(textwrap.wrap(text, characters)):
        column.label(text=line, icon=icon if index == 0 else "BLANK1")
