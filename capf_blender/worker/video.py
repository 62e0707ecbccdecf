# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage as upright RGB frames with their presentation times."""

import logging
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..bridge.messages import CaptureRequest
from ..core.errors import CaptureError
from ..core.lens import focal_from_35mm
from . import images

logger = logging.getLogger(__name__)

Frame = tuple[float, np.ndarray]
"""Seconds since the footage's first frame, and (H, W, 3) uint8 RGB, upright."""

_FOCAL_KEY = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
_TIME_MARGIN_S = 1e-6  # a range given by frame times rounds differently than the frames' own


@dataclass(frozen=True)
class Footage:
    """What is known of a clip before it is decoded."""

    width: int  # pixels of the upright frame
    height: int
    focal_px: float  # NaN when the file does not tell
    frames: int | None  # about how many lie in the requested range; None when unknown
    size_and_time: tuple[tuple[str, int, int], ...]  # name, bytes, mtime in ns of each file


def open_footage(request: CaptureRequest) -> Footage:
    """Facts of the request's source, from its first frame.

    Raises CaptureError `missing_file`, `not_readable`, `corrupt_video`, `no_video_stream` or
    `no_frames`.
    """
    source = Path(request.source)
    if _is_images(source):
        files = images.list_images(source, request.images)
        first, focal_mm = images.read_image(files[0])
        height, width = first.shape[:2]
        duration = len(files) / request.image_fps
        rate = request.image_fps
    else:
        files = [source]
        with _open(source) as container:
            stream = container.streams.video[0]
            first = _upright(_first_frame(container, stream, source), stream)
            height, width = first.shape[:2]
            focal_mm = _focal_35mm(container, stream)
            rate = float(stream.average_rate or 0)
            duration = _duration(container, stream)
    focal_px = focal_from_35mm(focal_mm, width, height) if focal_mm else math.nan
    frames = None
    if duration and rate:
        end = duration if request.end_s is None else min(request.end_s, duration)
        frames = max(0, round((end - request.start_s) * rate)) or None
    facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return Footage(width, height, focal_px, frames, tuple(facts))


def decode(
    request: CaptureRequest,
    after_s: float | None = None,
    warn: Callable[[str], None] = logger.warning,
) -> Iterator[Frame]:
    """The frames of the request's range in order of time, from the one at `after_s` on when given.

    A file that breaks off in the middle ends there; `warn` gets a sentence for the user. Raises
    CaptureError as `open_footage`, and `empty_range` when the range holds no frame.
    """
    start = request.start_s - _TIME_MARGIN_S
    if after_s is not None:
        start = max(start, after_s - _TIME_MARGIN_S)
    end = math.inf if request.end_s is None else request.end_s - _TIME_MARGIN_S
    source = Path(request.source)
    if _is_images(source):
        listed = images.list_images(source, request.images)
        frames = images.image_frames(listed, request.image_fps)
    else:
        frames = _video_frames(source, start, warn)
    found = False
    for time_s, image in frames:
        if time_s >= end:
            break
        if time_s >= start:
            found = True
            yield time_s, image
    if not found and after_s is None:
        raise CaptureError(
            "empty_range",
            f"{source.name} has no frame from {request.start_s:g} s on"
            + (f" before {request.end_s:g} s." if request.end_s is not None else "."),
            "Choose a range within the footage.",
        )


def _is_images(source: Path) -> bool:
    return source.is_dir() or source.suffix.lower() in images.IMAGE_SUFFIXES


def _open(source: Path) -> InputContainer:
    try:
        container = av.open(str(source), metadata_errors="replace")
    except FileNotFoundError as error:
        raise CaptureError(
            "missing_file", f"{source} does not exist.", "Choose the footage again."
        ) from error
    except PermissionError as error:
        raise CaptureError(
            "not_readable", f"{source} may not be read.", "Change its permissions."
        ) from error
    except (av.error.FFmpegError, OSError) as error:
        raise _corrupt(source) from error
    if not container.streams.video:
        container.close()
        raise CaptureError(
            "no_video_stream",
            f"{source.name} has no picture, only sound or data.",
            "Choose a video.",
        )
    container.streams.video[0].thread_type = "AUTO"
    return container


def _corrupt(source: Path) -> CaptureError:
    return CaptureError(
        "corrupt_video",
        f"{source.name} is damaged or no video that can be read.",
        "Export or copy it again.",
    )


def _first_frame(container: InputContainer, stream: VideoStream, source: Path) -> VideoFrame:
    broken = []
    for frame in _decoded(container, stream, broken):
        return frame
    if broken:
        raise _corrupt(source) from broken[0]
    raise CaptureError(
        "no_frames", f"{source.name} holds not a single picture.", "Choose another video."
    )


def _decoded(
    container: InputContainer, stream: VideoStream, broken: list[Exception]
) -> Iterator[VideoFrame]:
    """Every frame that can be decoded; what went wrong is appended to `broken`."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, OSError) as error:  # the rest of the file is unreadable
            broken.append(error)
            return
        try:
            yield from packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError as error:  # one damaged packet: the next ones may be good
            broken.append(error)


def _video_frames(source: Path, start_s: float, warn: Callable[[str], None]) -> Iterator[Frame]:
    """Frames of a video from the last one before `start_s` (or earlier) on, times increasing."""
    with _open(source) as container:
        stream = container.streams.video[0]
        first = _first_frame(container, stream, source)
        first_pts = first.pts
    with _open(source) as container:
        stream = container.streams.video[0]
        time_base = float(stream.time_base or 0)
        broken: list[Exception] = []
        if start_s > 0 and first_pts is not None and time_base:
            yield from _sought(container, stream, broken, first_pts, start_s)
        else:
            yield from _timed(container, stream, broken, first_pts)
        if broken:
            logger.info("%s: %d errors, the first is %s", source, len(broken), broken[0])
        if broken or _is_cut_off(source, stream):
            warn(f"{source.name} is damaged: frames are missing where it could not be read.")


def _is_cut_off(source: Path, stream: VideoStream) -> bool:
    """Whether the index names frames behind the file's end: ffmpeg passes over that silently."""
    entries = stream.index_entries
    return len(entries) > 0 and entries[-1].pos + entries[-1].size > source.stat().st_size


def _sought(
    container: InputContainer,
    stream: VideoStream,
    broken: list[Exception],
    first_pts: int,
    start_s: float,
) -> Iterator[Frame]:
    """As `_timed`, but not from the beginning where the file's index can be trusted."""
    time_base = float(stream.time_base or 1)
    frames = _timed(container, stream, broken, first_pts)
    try:
        container.seek(first_pts + math.floor(start_s / time_base), stream=stream)
        early = next(frames, None)
    except av.error.FFmpegError:
        early = None
    if early is None or early[0] > start_s:  # sought too far: start over and decode all
        broken.clear()
        container.seek(first_pts, stream=stream)
        frames = _timed(container, stream, broken, first_pts)
        early = next(frames, None)
    if early is not None:
        yield early
    yield from frames


def _timed(
    container: InputContainer, stream: VideoStream, broken: list[Exception], first_pts: int | None
) -> Iterator[Frame]:
    last_s = -math.inf
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    for index, frame in enumerate(_decoded(container, stream, broken)):
        if frame.pts is None or first_pts is None:
            time_s = index / rate  # a raw stream without times
        else:
            time_s = float((frame.pts - first_pts) * (frame.time_base or stream.time_base or 0))
        if time_s < 0 or time_s <= last_s:
            logger.warning("a frame at %.6f s after one at %.6f s is left out", time_s, last_s)
            continue
        last_s = time_s
        yield time_s, _upright(frame, stream)


def _upright(frame: VideoFrame, stream: VideoStream) -> np.ndarray:
    """(H, W, 3) RGB, turned by the display matrix, with square pixels."""
    aspect = float(stream.codec_context.sample_aspect_ratio or stream.sample_aspect_ratio or 1)
    width = frame.width
    if abs(aspect - 1) > 0.01:  # anamorphic
        width = max(1, round(frame.width * aspect))
    image = frame.to_ndarray(format="rgb24", width=width, height=frame.height)
    return _turn(image, _display_matrix(frame))


def _display_matrix(frame: VideoFrame) -> np.ndarray:
    """(2, 2) of -1, 0, 1: upright (x, y) = (x, y) @ matrix up to a shift; x right, y down.

    ffmpeg's matrix (libavutil/display.h) is nine 16.16 numbers a b u c d v x y w.
    """
    try:
        data = frame.side_data[SideData.DISPLAYMATRIX]  # pyright: ignore[reportGeneralTypeIssues]
    except KeyError:
        return np.eye(2, dtype=int)
    matrix = np.frombuffer(bytes(data), np.int32).reshape(3, 3)[:2, :2]
    nearest = np.where(np.abs(matrix) == np.abs(matrix).max(axis=1, keepdims=True), 1, 0)
    turned = np.sign(matrix) * nearest
    return turned if abs(round(np.linalg.det(turned))) == 1 else np.eye(2, dtype=int)


def _turn(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    if matrix[0, 0] == 0:  # x becomes y
        image = image.swapaxes(0, 1)
    if matrix[:, 0].sum() < 0:  # what is now x runs leftwards
        image = image[:, ::-1]
    if matrix[:, 1].sum() < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


def _duration(container: InputContainer, stream: VideoStream) -> float:
    """Seconds, 0 when the file does not say."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _focal_35mm(container: InputContainer, stream: VideoStream) -> float | None:
    """The 35 mm equivalent focal length in mm that phones write, None when there is none."""
    text = {**container.metadata, **stream.metadata}.get(_FOCAL_KEY, "")
    number = re.match(r"\s*(\d+(\.\d+)?)", text)
    return float(number[1]) or None if number else None
