# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage to take: decode, find and lift people, keep every batch on disk, assemble."""

import contextlib
import dataclasses
import json
import logging
import math
import platform
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models import registry
from models.interface import Camera, PersonPose, PoseEstimator

from ..bridge.environment import addon_version
from ..bridge.lock import folder_lock
from ..bridge.messages import CaptureRequest
from ..core import lens
from ..core.chunks import Chunk, assemble_take, people_summary
from ..core.errors import CaptureError
from ..core.take import (
    REQUEST_FILE,
    TAKE_FILE,
    disk_error,
    load_request,
    load_take,
    save_take,
    write_atomically,
)
from . import chunks as chunk_files
from . import device as devices
from . import video
from .decode_ahead import DecodeAhead
from .events import CancelledError
from .preview import Preview

logger = logging.getLogger(__name__)

Emit = Callable[[dict[str, Any]], None]

_BATCH_BYTES = 512 << 20  # decoded frames in one batch
_AHEAD_BYTES = 256 << 20  # decoded frames that wait for their batch
_PROGRESS_INTERVAL_S = 0.1


def capture(
    request: CaptureRequest, models_folder: Path, emit: Emit, is_cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Makes or continues the request's take; `emit` gets progress, log and partial events.

    Returns the result event: `take` (path), `folder` and `summary` (frames, frames_with_person,
    person, people as in `core.chunks.people_summary`, seconds by stage, fps). Raises CaptureError
    and CancelledError. The frames done until then stay in the job folder for the next time.
    """
    job_folder = Path(request.job_folder)
    try:
        job_folder.mkdir(parents=True, exist_ok=True)
        (job_folder / "frames").mkdir(exist_ok=True)
        with folder_lock(job_folder, "capture"):
            return _Capture(request, job_folder, models_folder, emit, is_cancelled).run()
    except OSError as error:  # reading the footage has its own words for its errors
        raise disk_error(error, job_folder / TAKE_FILE) from error


class _Capture:
    """One run of a capture, complete or up to an interruption."""

    def __init__(
        self,
        request: CaptureRequest,
        job_folder: Path,
        models_folder: Path,
        emit: Emit,
        is_cancelled: Callable[[], bool],
    ) -> None:
        self.request = request
        self.job_folder = job_folder
        self.models_folder = models_folder
        self.lifter_file = Path(request.lifter) if request.lifter else None
        self.emit = emit
        self.is_cancelled = is_cancelled
        self.seconds: dict[str, float] = {}
        self.progress = _Progress(emit)

    def run(self) -> dict[str, Any]:
        started = time.monotonic()
        self.progress.stage("Opening Footage")
        with self._timed("open"):
            footage = video.open_footage(self.request)
            record = self._matching_record(footage)
            done = chunk_files.sound_chunks(self.job_folder)
        frames_before = sum(len(chunk.time_s) for chunk in done)
        if record.get("frames") != frames_before:
            done += self._estimate(footage, done)
        self.progress.stage("Writing Take")
        focal_px = self.request.focal_px or footage.focal_px
        frames = sum(len(chunk.time_s) for chunk in done)
        with self._timed("write"):
            people = people_summary(done)
            take = assemble_take(
                done, self.request.person, (footage.width, footage.height), focal_px
            )
            if self._saved_person() != take.person:
                save_take(self.job_folder, take)
        self.seconds["total"] = time.monotonic() - started
        seconds = {stage: round(value, 3) for stage, value in self.seconds.items()}
        worked = self.seconds.get("decode", 0) + self.seconds.get("pose", 0)
        if worked:
            record["seconds"] = seconds
            record["fps"] = round((frames - frames_before) / worked, 2)
        record |= {"frames": frames, "person": take.person, "people": people}
        self._write_record(record)
        return {
            "type": "result",
            "take": str(self.job_folder / TAKE_FILE),
            "folder": str(self.job_folder),
            "summary": {
                "frames": frames,
                "frames_with_person": int(take.present.sum()),
                "person": take.person,
                "people": people,
                "seconds": seconds,
                "fps": record.get("fps", 0.0),
            },
        }

    def _matching_record(self, footage: video.Footage) -> dict[str, Any]:
        """What request.json holds of an earlier run whose frames may be used, else a new one; then
        the frames of another request are deleted."""
        facts = registry.model_facts(self.request.model, self.models_folder, self.lifter_file)
        fingerprint = self.request.fingerprint(
            files=footage.size_and_time, model_facts=facts, version=addon_version()
        )
        record = load_request(self.job_folder)
        if record.get("fingerprint") != fingerprint:
            chunk_files.delete_chunks(self.job_folder)
            (self.job_folder / TAKE_FILE).unlink(missing_ok=True)
            record = {}
        record |= {
            "request": dataclasses.asdict(self.request),
            "fingerprint": fingerprint,
            "model": facts,
            "image_size": [footage.width, footage.height],
            "expected_frames": footage.frames,
            "versions": _versions(),
        }
        self._write_record(record)
        return record

    def _write_record(self, record: dict[str, Any]) -> None:
        text = json.dumps(record, indent=2).encode()
        write_atomically(self.job_folder / REQUEST_FILE, lambda file: file.write(text))

    def _saved_person(self) -> int | None:
        try:
            return load_take(self.job_folder).person
        except CaptureError:
            return None

    def _estimate(self, footage: video.Footage, done: Sequence[Chunk]) -> list[Chunk]:
        """The chunks behind `done`, each on disk before the next one is begun."""
        self.progress.stage("Loading Model")
        with self._timed("load"):
            device = devices.choose_device(self.request.device)
            focal_px = self.request.focal_px or footage.focal_px
            if math.isnan(focal_px):
                focal_px = lens.default_focal_px(footage.width, footage.height)
            camera = Camera(footage.width, footage.height, focal_px)
            estimator = registry.load_estimator(
                self.request.model, self.models_folder, str(device), camera, self.lifter_file
            )
            if done:
                estimator.restore(done[-1].state)
        frame_bytes = footage.width * footage.height * 3
        count = max(1, min(devices.batch_size(device), _BATCH_BYTES // frame_bytes))
        ahead = max(2, min(4 * count, _AHEAD_BYTES // frame_bytes))
        frames = DecodeAhead(_frames_after(self.request, done, self._warn), ahead)
        batches = _Batches(estimator, device, count, self.emit)
        first = sum(len(chunk.time_s) for chunk in done)
        preview = Preview(self.job_folder)
        self.progress.stage("Capturing", first, footage.frames)
        added: list[Chunk] = []
        try:
            while True:
                if self.is_cancelled():
                    raise CancelledError
                with self._timed("decode"):
                    batch = frames.take(count)
                if not batch:
                    return added
                times = [time_s for time_s, _image in batch]
                with self._timed("pose"):
                    poses = batches.process([image for _time_s, image in batch], times)
                with self._timed("write"):
                    chunk = chunk_files.make_chunk(
                        times, batch[-1][1], estimator.keypoint_names, poses, estimator.state()
                    )
                    chunk_files.write_chunk(self.job_folder, first, chunk)
                    preview.show(batch[-1][1], poses[-1])
                added.append(chunk)
                first += len(batch)
                self.emit({"type": "partial", "frames": first})
                self.progress.advance(first)
        finally:
            frames.close()

    def _warn(self, message: str) -> None:
        """Tells the user something that does not end the capture."""
        logger.warning(message)
        self.emit({"type": "log", "level": "warning", "message": message})

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - started


def _frames_after(
    request: CaptureRequest, done: Sequence[Chunk], warn: Callable[[str], None]
) -> Iterator[video.Frame]:
    """The frames behind the last one in `done`, exactly those that an unbroken run would see."""
    if not done:
        return video.decode(request, warn=warn)
    last_s = float(done[-1].time_s[-1])
    frames = video.decode(request, last_s, warn)
    last = next(frames, None)
    if last and last[0] == last_s and chunk_files.checksum(last[1]) == done[-1].last_image:
        return frames
    # The file's index led elsewhere: slower, but certain.
    logger.info("seeking to %.6f s is not exact, decoding from the start", last_s)
    return (frame for frame in video.decode(request, warn=warn) if frame[0] > last_s)


class _Batches:
    """Runs the estimator; when memory runs out, on smaller batches from then on."""

    def __init__(
        self, estimator: PoseEstimator, device: torch.device, size: int, emit: Emit
    ) -> None:
        self.estimator = estimator
        self.device = device
        self.size = size
        self.emit = emit

    def process(
        self, images: Sequence[np.ndarray], times_s: Sequence[float]
    ) -> list[list[PersonPose]]:
        before = self.estimator.state()
        while True:
            try:
                poses: list[list[PersonPose]] = []
                for start in range(0, len(images), self.size):
                    part = slice(start, start + self.size)
                    poses += self.estimator.process(images[part], times_s[part])
                return poses
            except Exception as error:
                if not devices.is_out_of_memory(error):
                    raise
                logger.warning("out of memory with %d frames: %s", self.size, error)
            if self.size == 1:
                raise CaptureError(
                    "out_of_memory",
                    f"The memory of {self.device} does not suffice for a single frame.",
                    "Close other programs, or choose the device cpu.",
                )
            devices.free_memory(self.device)
            self.size //= 2
            self.estimator.restore(before)
            message = f"Out of memory: going on with {self.size} frames at a time."
            self.emit({"type": "log", "level": "warning", "message": message})


class _Progress:
    """Progress events, ten a second at most, with the speed over the last seconds."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._title = ""
        self._total: int | None = None
        self._history: deque[tuple[float, int]] = deque(maxlen=20)  # (monotonic s, frames done)
        self._emitted_at = -math.inf

    def stage(self, title: str, done: int = 0, total: int | None = None) -> None:
        self._title, self._total = title, total
        self._history.clear()
        self._emitted_at = -math.inf
        self.advance(done)

    def advance(self, done: int) -> None:
        now = time.monotonic()
        self._history.append((now, done))
        if now - self._emitted_at < _PROGRESS_INTERVAL_S:
            return
        self._emitted_at = now
        (since, from_frame), total = self._history[0], max(self._total or 0, done)
        fps = (done - from_frame) / (now - since) if done > from_frame else None
        eta_s = (total - done) / fps if fps and self._total else None
        self._emit({
            "type": "progress", "stage": self._title, "done": done, "total": total,
            "fps": fps and round(fps, 2), "eta_s": eta_s if eta_s is None else round(eta_s, 1),
        })  # fmt: skip


def _versions() -> dict[str, str]:
    packages = ("torch", "numpy", "av", "opencv-python-headless", "safetensors")
    return {
        "capf_blender": addon_version(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
