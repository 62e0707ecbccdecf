# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one job at a time, a capture or a set-up, and the timer that keeps it moving.

Blender's side has no threads: `pump` is called by a timer, does a few milliseconds of work, and
may be called by hand where timers do not run (background mode, the bpy module).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import bpy

from ..bridge.job import Job, JobState

logger = logging.getLogger(__name__)

PUMP_INTERVAL_S = 0.1
PUMP_BUDGET_S = 0.005
_SHOWN_IN = {"SEQUENCE_EDITOR": "UI", "VIEW_3D": "UI", "PREFERENCES": "WINDOW"}
"""Region of each area that shows progress; the whole 3D View would be drawn ten times a second."""

_UNFORESEEN = {"worker_died", "worker_silent", "protocol_error", "internal"}
"""Errors whose cause stands in the worker's log; the others say it themselves."""


@dataclass
class Session:
    """What the panels show. Holds names, never references into Blender's data."""

    kind: str = ""  # 'capture' or 'set_up'
    job: Job | None = None
    on_result: Callable[[dict], str] | None = None
    on_pump: Callable[[Job], None] | None = None
    on_end: Callable[[], None] | None = None
    outcome: JobState | None = None  # DONE, FAILED or CANCELLED once the job has ended ...
    message: str = ""  # ... and what there is to say of it

    @property
    def failed(self) -> bool:
        return self.outcome is JobState.FAILED


current = Session()


def is_running() -> bool:
    return current.job is not None and not current.job.finished


def running_job(kind: str) -> Job | None:
    """The job that runs now, when it is of that kind."""
    return current.job if is_running() and current.kind == kind else None


def start(
    kind: str,
    job: Job,
    on_result: Callable[[dict], str],
    on_pump: Callable[[Job], None] | None = None,
    on_end: Callable[[], None] | None = None,
) -> None:
    """Makes `job` the current one and keeps it moving; `on_result` makes a sentence for the user
    of its result event. `on_pump` is called at each step, `on_end` after any ending, and may start
    the next job."""
    current.kind, current.job, current.on_result = kind, job, on_result
    current.on_pump, current.on_end = on_pump, on_end
    current.outcome, current.message = None, ""
    if not bpy.app.timers.is_registered(pump):
        bpy.app.timers.register(pump, first_interval=PUMP_INTERVAL_S, persistent=True)


def fail(kind: str, message: str) -> None:
    """What there is to say of a job that could not be started."""
    current.kind, current.outcome, current.message = kind, JobState.FAILED, message


def cancel() -> None:
    if current.job is not None:
        current.job.cancel()


def pump() -> float | None:
    """One step of the current job; seconds until the next one, None when it has ended."""
    job = current.job
    if job is None:
        return None
    job.pump(PUMP_BUDGET_S)
    if not job.finished:
        if current.on_pump is not None:
            current.on_pump(job)
    else:
        _finish(job)
        if current.on_end is not None:
            current.on_end()
    _redraw()
    return None if current.job is None else PUMP_INTERVAL_S


def _finish(job: Job) -> None:
    current.job, current.outcome = None, job.state
    if job.error is not None:
        current.message = str(job.error)
        if job.error.code in _UNFORESEEN:
            logger.error("%s\n%s", job.error, job.log_tail())
    elif job.result is None:
        current.message = "Cancelled. Start again to continue where it stopped."
    elif current.on_result is not None:
        current.message = " ".join([current.on_result(job.result), *job.log_lines])


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.type == _SHOWN_IN.get(area.type):
                    region.tag_redraw()


def close() -> None:
    """Ends the worker at once and the timer with it."""
    if bpy.app.timers.is_registered(pump):
        bpy.app.timers.unregister(pump)
    if current.job is not None:
        current.job.close()
        current.job = None
