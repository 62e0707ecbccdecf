# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving and deleting the worker's home: what set-up made and nothing else. Takes are the user's,
they stay where .blend files look for them."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from ..core.errors import CaptureError
from . import environment
from .environment import read_stamp, write_stamp
from .lock import folder_lock
from .setup_run import Runner
from .setup_talk import CancelledError
from .worker_facts import size_on_disk, write_facts

_FOLDERS = ("venv", "models", "downloads", "tmp", "logs")
_FILES = ("worker.json", "worker.json.part", "stamp.json.part", ".lock")
_STAMP = "stamp.json"
_TAKES = "takes"
_OF_THE_SYSTEM = {".DS_Store", "._.DS_Store", "Thumbs.db", "desktop.ini", ".directory"}


def foreign_entries(home: Path) -> list[str]:
    """Names in `home` that set-up and captures do not make, sorted. Raises OSError."""
    ours = {*_FOLDERS, *_FILES, _STAMP, _TAKES, *_OF_THE_SYSTEM}
    return sorted({entry.name for entry in home.iterdir()} - ours) if home.is_dir() else []


def require_own(home: Path) -> None:
    """Raises CaptureError `foreign_files` where set-up could mix its files with the user's: a
    folder that holds others and no stamp. "models" and "downloads" are common names."""
    foreign = foreign_entries(home)
    if foreign and not (home / _STAMP).exists():
        raise CaptureError(
            "foreign_files",
            f"The folder {home} holds other files ({_listed(foreign)}).",
            f"Choose an empty or new folder, for example {home / 'capf_blender'}.",
        )


def _require_whole(home: Path, verb: str) -> None:
    if not (home / _STAMP).exists():
        raise CaptureError(
            "worker_not_set_up",
            f"There is no capture worker in {home}, so nothing was {verb}.",
            "Check the folder in the add-on's preferences.",
        )
    if foreign := foreign_entries(home):
        raise CaptureError(
            "foreign_files",
            f"The folder {home} also holds files of yours ({_listed(foreign)}), so nothing was "
            f"{verb}.",
            "Move them elsewhere and try again.",
        )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")


def delete(home: Path, runner: Runner) -> dict[str, Any]:
    """Deletes what set-up made in `home`; returns the result event. An interrupted one may be
    repeated. Raises CaptureError: `worker_not_set_up`, `foreign_files`, `busy`; OSError."""
    _require_whole(home, "deleted")
    with folder_lock(home, "set-up"):
        _mark_incomplete(home)
        for number, name in enumerate(_FOLDERS):
            runner.talk.progress("Deleting Worker", number, len(_FOLDERS))
            _remove(home / name)
        (home / _STAMP).unlink()
    _remove_rest(home)
    kept = home / _TAKES
    return {"type": "result", "home": str(home), "kept": str(kept) if kept.is_dir() else ""}


def move(home: Path, target: Path, runner: Runner, smoke_run: bool = True) -> dict[str, Any]:
    """Moves what set-up made in `home` to `target`, which is empty or new, and with `smoke_run`
    starts the worker there; returns the result event. Environments may be moved: nothing of them
    that the add-on uses holds its own path. An interrupted move may be repeated.

    Raises CaptureError: `worker_not_set_up`, `foreign_files`, `bad_folder`, `busy`, `disk_full`,
    `worker_broken`; CancelledError, OSError.
    """
    _require_whole(home, "moved")
    if target == home or home in target.parents or target in home.parents:
        raise CaptureError(
            "bad_folder",
            f"The worker cannot move from {home} to {target}.",
            "Choose a folder beside it: neither may lie in the other.",
        )
    if foreign := foreign_entries(target):
        raise CaptureError(
            "foreign_files",
            f"The folder {target} holds other files ({_listed(foreign)}).",
            f"Choose an empty or new folder, for example {target / 'capf_blender'}.",
        )
    if (target / _STAMP).exists():
        raise CaptureError(
            "foreign_files",
            f"There is a capture worker in {target} already.",
            "Choose it as the folder in the preferences, or delete it first.",
        )
    target.mkdir(parents=True, exist_ok=True)
    with folder_lock(home, "set-up"), folder_lock(target, "set-up"):
        stamp = _mark_incomplete(home)
        moving = _Move(home, target, runner)
        try:
            moving.run()
        except (CancelledError, CaptureError, OSError):
            moving.undo()
            write_stamp(home, stamp)
            raise
        write_stamp(target, stamp)
        (home / _STAMP).unlink()
        if smoke_run and stamp.complete:
            runner.talk.progress("Testing Worker")
            _test(target, stamp, runner)
    for name in _FOLDERS:
        shutil.rmtree(home / name, ignore_errors=True)  # Windows keeps what somebody uses
    _remove_rest(home)
    return {"type": "result", "home": str(target)}


def _test(home: Path, stamp: environment.Stamp, runner: Runner) -> None:
    try:
        write_facts(home, runner.greet(home))
    except CaptureError:
        stamp.complete, stamp.installing = False, True  # the next set-up makes it anew
        write_stamp(home, stamp)
        raise


class _Move:
    def __init__(self, home: Path, target: Path, runner: Runner) -> None:
        self.home, self.target, self.runner = home, target, runner
        self.copied, self.total = 0, 0
        self.renamed: list[str] = []
        self.copies: list[str] = []  # of what is on another disk

    def run(self) -> None:
        names = [n for n in ("venv", "models", "downloads") if (self.home / n).exists()]
        self.renamed = [name for name in names if self._rename(name)]
        self.copies = [name for name in names if name not in self.renamed]
        self.total = sum(size_on_disk(self.home / name) for name in self.copies)
        if shutil.disk_usage(self.target).free < self.total:
            raise CaptureError(
                "disk_full",
                f"The disk that holds {self.target} has less than the {self.total / 1e9:.1f} GB "
                "that the worker takes.",
                "Free some space there, or choose another folder.",
            )
        for name in self.copies:
            shutil.copytree(
                self.home / name, self.target / name, symlinks=True, copy_function=self._copy
            )

    def undo(self) -> None:
        """Everything is in `home` again."""
        for name in self.renamed:
            (self.target / name).rename(self.home / name)
        for name in self.copies:
            _remove(self.target / name)

    def _rename(self, name: str) -> bool:
        _remove(self.target / name)
        try:
            (self.home / name).rename(self.target / name)
        except OSError:
            return False
        return True

    def _copy(self, source: str, target: str) -> None:
        self.runner.talk.progress("Moving Worker", self.copied / 1e6, self.total / 1e6)
        shutil.copy2(source, target, follow_symlinks=False)
        self.copied += os.lstat(target).st_size


def _mark_incomplete(home: Path) -> environment.Stamp:
    """Returns the stamp as it was, or what of it is known."""
    stamp = read_stamp(home) or environment.Stamp()
    marked = read_stamp(home) or environment.Stamp()
    marked.complete = False
    write_stamp(home, marked)
    return stamp


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _remove_rest(home: Path) -> None:
    """The small files, and the folder itself unless takes lie in it. The lock is free by now."""
    for name in _FILES:
        (home / name).unlink(missing_ok=True)
    names = set(os.listdir(home))
    if names <= _OF_THE_SYSTEM:
        for name in names:
            (home / name).unlink()
        with contextlib.suppress(OSError):  # the disk's root, or it was made by an administrator
            home.rmdir()
