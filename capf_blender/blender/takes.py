# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The captures that lie on the disk: where new ones go, and which of them a scene can go on with.

The folders tell, not the .blend, so nothing is lost when Blender ends without saving.
"""

import os
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy

from ..bridge.lock import folder_lock
from ..bridge.messages import CaptureRequest, request_from_dict
from ..core.chunks import chunk_files, frames_done
from ..core.errors import CaptureError
from ..core.take import PREVIEW_FILE, REQUEST_FILE, TAKE_FILE, load_request
from . import compat, footage

SCAN_INTERVAL_S = 2.0  # panels are drawn ten times a second
_LEFT_OVER = (TAKE_FILE, REQUEST_FILE, PREVIEW_FILE, ".lock")

_scanned: tuple[float, list[Path], list["Found"]] | None = None
_probed: dict["Found", bool] = {}  # whether another process is at it


@dataclass(frozen=True)
class Found:
    """A capture in its folder, complete or not."""

    folder: Path
    source: Path
    done: int  # frames
    expected: int | None  # about how many they will be
    complete: bool
    changed_ns: int

    @property
    def request(self) -> CaptureRequest:
        """What was captured, in the folder as it lies now. Raises CaptureError `bad_request`."""
        return request_from_dict(load_request(self.folder)["request"]).at(str(self.folder))


def new_takes_folder(home: Path) -> Path:
    """Beside the saved .blend where one may write, else in the worker's folder."""
    beside = Path(bpy.path.abspath("//"))
    if bpy.data.is_saved and os.access(beside, os.W_OK):
        return beside / "capf_takes"
    return home / "takes"


def found(home: Path) -> list[Found]:
    """All captures beside the .blend and in the worker's folder, the newest first."""
    global _scanned
    places = list(dict.fromkeys((new_takes_folder(home), home / "takes")))
    now = time.monotonic()
    if _scanned is None or _scanned[1] != places or now - _scanned[0] > SCAN_INTERVAL_S:
        _scanned = now, places, _scan(places)
        _probed.clear()
    return _scanned[2]


def look_again() -> None:
    """What lies on the disk has changed."""
    global _scanned
    _scanned = None


def _scan(places: Iterable[Path]) -> list[Found]:
    folders = [file.parent for place in places for file in place.glob(f"*/{REQUEST_FILE}")]
    captures = [capture for folder in folders if (capture := _read(folder)) is not None]
    return sorted(captures, key=lambda capture: -capture.changed_ns)


def _read(folder: Path) -> Found | None:
    try:
        changed_ns = (folder / REQUEST_FILE).stat().st_mtime_ns
    except OSError:
        return None  # deleted meanwhile
    source, frames, expected = _record(folder, changed_ns)
    if not source:
        return None
    if frames is not None and (folder / TAKE_FILE).is_file():
        return Found(folder, Path(source), frames, frames, True, changed_ns)
    files = chunk_files(folder)
    done = _frames_done(folder, files[-1]) if files else 0
    return Found(folder, Path(source), done, expected, False, changed_ns)


@lru_cache(maxsize=256)
def _record(folder: Path, _changed_ns: int) -> tuple[str, int | None, int | None]:
    """Source, frames when complete, and frames expected."""
    record = load_request(folder)
    source = record.get("request", {}).get("source", "")
    return source, record.get("frames"), record.get("expected_frames")


@lru_cache(maxsize=64)
def _frames_done(folder: Path, _last: Path) -> int:
    return frames_done(folder)


def interrupted(scene: bpy.types.Scene, home: Path, ordered: Collection[Path] = ()) -> list[Found]:
    """Captures of the scene's footage that have begun, are not complete, that nobody runs and that
    are not `ordered`: the lock of those is left to their worker."""
    sources = {footage.source_of(strip, scene) for strip in compat.strips(scene)}
    return [
        capture
        for capture in found(home)
        if not capture.complete
        and capture.done
        and capture.source in sources
        and capture.folder not in ordered
        and not _in_use(capture)
    ]


def finished(scene: bpy.types.Scene, strip: bpy.types.Strip, home: Path) -> Found | None:
    """The newest complete capture of what `strip` shows, unless its footage's take is chosen."""
    source = footage.source_of(strip, scene)
    complete = [each for each in found(home) if each.complete and each.source == source]
    folder = scene.capf.take_folder
    if not complete or (folder and _source_of_take(bpy.path.abspath(folder)) == str(source)):
        return None
    return complete[0]


@lru_cache(maxsize=16)
def _source_of_take(folder: str) -> str:
    return load_request(Path(folder)).get("request", {}).get("source", "")


def _in_use(capture: Found) -> bool:
    """Asked once a scan: panels are drawn more often."""
    if capture not in _probed:
        _probed[capture] = _is_locked(capture.folder)
    return _probed[capture]


def _is_locked(folder: Path) -> bool:
    try:
        with folder_lock(folder, "capture"):
            return False
    except CaptureError:
        return True
    except OSError:
        return False  # not writable: the capture itself will say so


def discard(folder: Path) -> None:
    """Deletes a capture, and nothing else that may lie in its folder. Raises CaptureError `busy` or
    `not_writable`."""
    try:
        with folder_lock(folder, "capture"):
            for file in chunk_files(folder):
                file.unlink()
        for name in _LEFT_OVER:
            (folder / name).unlink(missing_ok=True)
        for empty in (folder / "frames", folder):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()
    except OSError as error:
        raise CaptureError(
            "not_writable",
            f"{folder} could not be deleted ({error.strerror}).",
            "Delete it by hand.",
        ) from error
    finally:
        look_again()
