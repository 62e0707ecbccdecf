# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences: the worker's environment, what its set-up brings, and how it is."""

import time
from pathlib import Path

import bpy

from .blender import session
from .blender.drawing import draw_job, draw_sentence
from .bridge import environment
from .bridge.job import JobState
from .bridge.setup_check import CheckReport
from .bridge.setup_contents import downloads, gigabytes_needed
from .bridge.worker_facts import read_facts
from .core.errors import CaptureError

PACKAGE = __package__
reports: dict[Path, CheckReport] = {}
"""What the last check of a worker's folder found; forgotten when a set-up changes it."""

_BOX_BORDERS = 24  # pixels
_BUTTONS = {  # what Set Up is called, by the first thing that is wrong
    "worker_not_set_up": "Set Up",
    "worker_incomplete": "Continue Set Up",
    "worker_outdated": "Set Up Again",
}


class CAPF_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    home: bpy.props.StringProperty(
        name="Folder",
        description="Where the worker's packages and models live; your data folder when left empty",
        subtype="DIR_PATH",
    )
    python: bpy.props.StringProperty(
        name="Python",
        description="Python 3.11 to 3.14 that runs the worker; found by itself when left empty",
        subtype="FILE_PATH",
    )
    offline_folder: bpy.props.StringProperty(
        name="Offline Folder",
        description="Folder of wheels to set up from without a network",
        subtype="DIR_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        home = environment.home_folder(self.home)
        layout = self.layout
        layout.use_property_split = True
        column = layout.column()
        column.enabled = not session.is_running()
        column.prop(self, "home", placeholder=str(home))
        column.prop(self, "python", placeholder="Automatic")
        column.prop(self, "offline_folder", placeholder="Download")
        wrong = environment.findings(home)
        if session.running_job("set_up"):
            draw_job(layout.box(), context, "set_up")
        elif wrong:
            _draw_set_up(layout, context, home, wrong)
        else:
            _draw_ready(layout, home)
        for kind in ("set_up", "check", "weights"):
            _draw_job(layout, context, kind)
        if report := reports.get(home):
            _draw_report(layout, context, report)


def _draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, kind: str) -> None:
    if kind == "set_up" and session.running_job(kind):
        return  # in the place of its button
    if kind == "check" and session.current.outcome is JobState.DONE:
        return  # its report says more
    draw_job(layout, context, kind)


def _draw_set_up(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    home: Path,
    wrong: list[CaptureError],
) -> None:
    """What a click will do, and the button."""
    width = context.region.width - _BOX_BORDERS
    box = layout.box()
    if wrong[0].code == "worker_not_set_up":
        box.label(text="Set Up fetches what captures need, once, and installs it outside Blender:")
        _draw_downloads(box)
        draw_sentence(box, f"Into the folder {home}", "FILE_FOLDER", width)
    else:
        draw_sentence(box, str(wrong[0]), "ERROR", width)
    if not bpy.app.online_access and not preferences(context).offline_folder:
        box.label(text="Blender's network access is off. Allow it, or give an offline folder:")
        box.prop(context.preferences.system, "use_online_access")
    row = box.row()
    row.scale_y = 1.5
    row.operator("capf.set_up", text=_BUTTONS[wrong[0].code], icon="IMPORT")
    row = layout.row(align=True)
    row.operator("capf.check", icon="CHECKMARK")
    if wrong[0].code != "worker_not_set_up":
        row.operator("capf.delete_worker", text="Delete...", icon="TRASH")


def _draw_downloads(layout: bpy.types.UILayout) -> None:
    wanted = downloads()
    column = layout.column(align=True)
    for item in wanted:
        row = column.split(factor=0.45)
        row.label(text=item.label, icon="DOT")
        row = row.split(factor=0.2)
        row.label(text=_size(item.megabytes * 1e6))
        row.label(text=item.licences)
    total = _size(sum(item.megabytes for item in wanted) * 1e6)
    text = f"Up to {total} to download, and {gigabytes_needed():g} GB of free disk space"
    layout.label(text=text, icon="IMPORT")


def _draw_ready(layout: bpy.types.UILayout, home: Path) -> None:
    """What is there, and what may be done with it."""
    box = layout.box()
    box.label(text="The worker is ready", icon="CHECKMARK")
    column = box.column(align=True)
    stamp, facts = environment.read_stamp(home), read_facts(home)
    if facts is None:
        column.label(text="Check starts it once, and shows its devices here")
    else:
        lines = [
            ("Version", f"{facts.version}, Python {facts.python}, PyTorch {facts.torch}"),
            ("On disk", f"{_size(facts.size)} in {home}"),
        ]
        if stamp and stamp.finished_at:
            lines.insert(1, ("Set up", _day(stamp.finished_at)))
        lines += [("" if n else "Devices", d.sentence) for n, d in enumerate(facts.devices)]
        for name, text in lines:
            row = column.split(factor=0.15)
            row.label(text=name)
            row.label(text=text)
    row = layout.row(align=True)
    row.operator("capf.check", icon="CHECKMARK")
    row.operator("capf.set_up", text="Set Up Again", icon="FILE_REFRESH")
    row = layout.row(align=True)
    row.operator("capf.import_checkpoint", text="Import Checkpoint...", icon="IMPORT")
    row.operator("capf.move_worker", text="Move...", icon="FILE_FOLDER")
    row.operator("capf.delete_worker", text="Delete...", icon="TRASH")


def _draw_report(
    layout: bpy.types.UILayout, context: bpy.types.Context, report: CheckReport
) -> None:
    """One line a finding, the next step below it."""
    box = layout.box()
    box.label(text=f"Checked {_day(report.looked_at)}")
    column = box.column(align=True)
    for finding in report.findings:
        text = f"{finding.what}: {finding.text}"
        width = context.region.width - _BOX_BORDERS
        draw_sentence(column, text, "CHECKMARK" if finding.ok else "ERROR", width)
        if finding.hint:
            draw_sentence(column, finding.hint, "BLANK1", width)


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def preferences(context: bpy.types.Context) -> CAPF_AP_preferences:
    return context.preferences.addons[PACKAGE].preferences


CLASSES = (CAPF_AP_preferences,)
