# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures one after the other: the one that runs, and those that wait.

What waits is plain data, so it survives undo, saving and the loading of another file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..bridge.job import Job, JobState, capture_job
from ..bridge.messages import CaptureRequest
from ..core.errors import CaptureError
from . import people, preview, session, takes


@dataclass(frozen=True)
class Order:
    """One capture."""

    request: CaptureRequest
    home: Path  # of the worker
    strip: str  # name of the strip that shows the footage
    find_scene: Callable[[], bpy.types.Scene | None]  # that gets the take

    @property
    def title(self) -> str:
        return Path(self.request.source).name


waiting: list[Order] = []
running: Order | None = None
ended: list[tuple[JobState, str]] = []
"""How those before the running one ended, and what there is to say of each."""


def ordered() -> set[Path]:
    """Folders of the captures that run or wait."""
    orders = [*waiting, *([running] if running is not None and session.is_running() else [])]
    return {Path(order.request.job_folder) for order in orders}


def is_open() -> bool:
    """Whether captures may be added: nothing else than a capture is running."""
    return not session.is_running() or session.running_job("capture") is not None


def add(order: Order) -> bool:
    """Starts the capture, or makes it wait for those before it; whether it has started.

    Raises CaptureError when it cannot start.
    """
    if session.is_running():
        waiting.append(order)
        return False
    ended.clear()
    _start(order)
    return True


def remove(index: int) -> None:
    del waiting[index]


def _start(order: Order) -> None:
    global running
    job = capture_job(order.home, order.request)
    running = order
    session.start("capture", job, lambda event: _take_over(order, event), _watch, _next)


def _watch(job: Job) -> None:
    if running is not None and job.frames_kept:
        preview.refresh(Path(running.request.job_folder))


def _next() -> None:
    """Starts what waits, once a capture has ended in whatever way."""
    global running
    preview.close()
    takes.look_again()
    order, running = running, None
    while waiting and running is None:
        if order is not None and session.current.outcome is not None:
            ended.append((session.current.outcome, f"{order.title}: {session.current.message}"))
        order = waiting.pop(0)
        try:
            _start(order)
        except CaptureError as error:
            session.fail("capture", str(error))


def _take_over(order: Order, event: dict) -> str:
    """Makes the take the scene's; the sentence for the user."""
    sentence = _sentence(event["summary"])
    scene, folder = order.find_scene(), order.request.job_folder
    if scene is None:  # another file is open now, or the scene was deleted
        return f"{sentence} Its scene is gone; the take is in {folder}."
    scene.capf.take_strip = order.strip
    scene.capf.take_folder = folder
    _add_undo_step()
    return sentence


def scene_finder(scene: bpy.types.Scene) -> Callable[[], bpy.types.Scene | None]:
    """Finds `scene` again later, renamed or in the same file opened anew; None when it is gone.

    A name alone does not do: nearly every file has a "Scene".
    """
    uid, name, file = scene.session_uid, scene.name, bpy.data.filepath

    def find() -> bpy.types.Scene | None:
        for candidate in bpy.data.scenes:
            if candidate.session_uid == uid:
                return candidate
        return bpy.data.scenes.get(name) if file and file == bpy.data.filepath else None

    return find


def _add_undo_step() -> None:
    """Else undoing what the user does next would take the finished take out of the panel again."""
    windows = bpy.context.window_manager.windows
    if any(window.modal_operators for window in windows):
        return  # amid a drag the step would hold half of it
    for window in windows[:1]:
        with bpy.context.temp_override(window=window):
            bpy.ops.ed.undo_push(message="Capture 3D Pose")


def _sentence(summary: dict) -> str:
    others = ", ".join(
        f"person {people.shown_number(person['id'])} ({person['coverage']:.0%})"
        for person in summary["people"]
        if person["id"] != summary["person"]
    )
    return (
        f"Person {people.shown_number(summary['person'])} captured in "
        f"{summary['frames_with_person']} of {summary['frames']} frames, at {summary['fps']:.1f} "
        "frames a second." + (f" Also seen: {others}." if others else "")
    )


def close() -> None:
    """Forgets what waits."""
    global running
    waiting.clear()
    ended.clear()
    running = None
    preview.close()
