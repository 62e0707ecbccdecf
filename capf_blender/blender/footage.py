# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a sequencer strip to the file, the time range and the scene frames of a capture."""

import os
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..core.errors import CaptureError
from ..core.timing import TimeMap, strip_time_map
from . import compat


@dataclass(frozen=True)
class Footage:
    """What a strip shows: a source, its time map and the visible scene frames."""

    source: Path  # video, still image, or folder of images
    images: tuple[str, ...]  # file names inside a folder of images, in order
    source_fps: float  # source frames a second (images: as the scene plays them)
    time_map: TimeMap
    first_frame: int  # scene frame, inclusive
    last_frame: int  # scene frame, inclusive

    def scene_frames(self, first: int | None = None, last: int | None = None) -> np.ndarray:
        """(N,) int: the visible scene frames, optionally only those from `first` to `last`.

        Raises CaptureError `empty_range` when none is left.
        """
        if first is not None and last is not None and last < first:
            raise CaptureError(
                "empty_range",
                f"The frame range ends at {last}, before it starts at {first}.",
                "Change the range or turn it off.",
            )
        start = self.first_frame if first is None else max(first, self.first_frame)
        end = self.last_frame if last is None else min(last, self.last_frame)
        if end < start:
            raise CaptureError(
                "empty_range",
                f"The frame range does not touch the strip, which is visible from frame "
                f"{self.first_frame} to {self.last_frame}.",
                "Change the range or turn it off.",
            )
        return np.arange(start, end + 1)

    def source_range_s(self, frames: np.ndarray) -> tuple[float, float]:
        """Start and end in source seconds that hold exactly the source frames shown at `frames`."""
        half = 0.5 / self.source_fps
        times = self.time_map.times_s(frames)
        return max(0.0, float(times[0]) - half), float(times[-1]) + half


def scene_fps(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def find_strip(context: bpy.types.Context, name: str) -> bpy.types.Strip:
    """The strip called `name`, or the active one when `name` is empty.

    Raises CaptureError `no_strip`.
    """
    scene = compat.sequencer_scene(context)
    candidates = compat.strips(scene)
    if name:
        for strip in candidates:
            if strip.name == name:
                return strip
        raise CaptureError("no_strip", f"The strip {name!r} is gone.", "Choose another strip.")
    strip = compat.active_strip(scene)
    if strip is not None and strip.type in _READERS:
        return strip
    footage = [strip for strip in candidates if strip.type in _READERS]
    if len(footage) == 1:
        return footage[0]
    raise CaptureError(
        "no_strip",
        "No strip is chosen.",
        "Select a video strip in the Video Sequencer, or choose one in the panel.",
    )


def source_of(strip: bpy.types.Strip, scene: bpy.types.Scene) -> Path | None:
    """The video, image or folder of images that `strip` shows; None when it shows none."""
    if strip.type == "MOVIE":
        return _path(strip.filepath, scene)
    if strip.type == "IMAGE":
        folder = _path(strip.directory, scene)
        return folder / strip.elements[0].filename if len(strip.elements) == 1 else folder
    if strip.type == "MOVIECLIP" and strip.clip is not None:
        return _path(strip.clip.filepath, strip.clip)
    return None


def _path(path: str, owner: bpy.types.ID) -> Path:
    """A path that `owner` holds, absolute and without detours, so that equal ones compare equal."""
    return Path(os.path.normpath(bpy.path.abspath(path, library=owner.library)))


def strip_showing(scene: bpy.types.Scene, source: str, name: str) -> bpy.types.Strip | None:
    """The strip that shows the file `source`: of several the one called `name`, else the first.

    Where none shows it, the footage may have been moved on the disk: then the one called `name`.
    """
    strips = compat.strips(scene)
    named = [strip for strip in strips if strip.name == name]
    showing = [strip for strip in strips if source and source_of(strip, scene) == Path(source)]
    candidates = [strip for strip in named if strip in showing] or showing or named
    return min(candidates, key=compat.handles, default=None)


def read_strip(strip: bpy.types.Strip, scene: bpy.types.Scene) -> Footage:
    """What `strip` of `scene` shows. Raises CaptureError when its capture would not be right."""
    _refuse_altered_time(strip, scene)
    reader = _READERS.get(strip.type)
    if reader is None:
        raise CaptureError(
            "unsupported_strip",
            f"The strip {strip.name!r} is of type {strip.type.title()}, which has no footage.",
            "Choose a movie, image or movie clip strip.",
        )
    footage = reader(strip, scene)
    if not footage.source.exists():
        raise CaptureError(
            "missing_file",
            f"The file of the strip {strip.name!r} is missing: {footage.source}.",
            "Put it back, or correct the strip's path under Source in the sequencer's sidebar.",
        )
    return footage


def _refuse_altered_time(strip: bpy.types.Strip, scene: bpy.types.Scene) -> None:
    reason = None
    if len(getattr(strip, "retiming_keys", ())) > 0:
        reason = "is retimed", "Clear its retiming (Strip > Retiming) or capture the original."
    elif getattr(strip, "use_reverse_frames", False):
        reason = "plays backwards", "Turn off Reverse Frames in its Time panel."
    elif getattr(strip, "use_flip_x", False) or getattr(strip, "use_flip_y", False):
        reason = "is mirrored", "Turn off Mirror in its Transform panel."
    elif any(s.type == "SPEED" and s.input_1 == strip for s in compat.strips(scene)):
        reason = "has a Speed effect", "Remove the effect or capture the original."
    if reason:
        raise CaptureError("altered_strip", f"The strip {strip.name!r} {reason[0]}.", reason[1])


def _read_movie(strip: bpy.types.Strip, scene: bpy.types.Scene) -> Footage:
    source = _path(strip.filepath, scene)
    fps = strip.fps or scene_fps(scene)
    trim_start, trim_end = compat.hard_trims(strip)
    first, end = compat.handles(strip)
    return Footage(
        source=source,
        images=(),
        source_fps=fps,
        time_map=strip_time_map(
            compat.content_start(strip),
            trim_start,
            fps,
            scene_fps(scene),
            _plays_in_real_time(strip, scene, source, trim_start + trim_end),
        ),
        first_frame=first,
        last_frame=end - 1,
    )


def _plays_in_real_time(
    strip: bpy.types.Strip, scene: bpy.types.Scene, source: Path, trimmed: int
) -> bool:
    """Whether the strip carries Blender's hidden playback rate.

    No property tells it (4.5 to 5.2); the strip's length in scene frames does, compared with the
    file's length in source frames.
    """
    fps = scene_fps(scene)
    if not source.is_file() or not strip.fps or abs(strip.fps - fps) < 1e-3:
        return True  # nothing to tell apart: no file, one that Blender cannot read, equal rates
    clip = bpy.data.movieclips.load(str(source))
    source_frames = clip.frame_duration - trimmed
    bpy.data.movieclips.remove(clip)
    duration = compat.content_duration(strip)
    real_time = source_frames * fps / strip.fps
    return abs(duration - real_time) < abs(duration - source_frames)


def _read_images(strip: bpy.types.Strip, scene: bpy.types.Scene) -> Footage:
    folder = _path(strip.directory, scene)
    names = tuple(element.filename for element in strip.elements)
    first, end = compat.handles(strip)
    fps = scene_fps(scene)
    if len(names) == 1:  # a still is stretched over the strip: one pose, on its first frame
        time_map = TimeMap(frame=first, time_s=0.0, seconds_per_frame=1.0 / fps)
        return Footage(folder / names[0], (), fps, time_map, first, first)
    trim_start, _ = compat.hard_trims(strip)
    time_map = strip_time_map(compat.content_start(strip), trim_start, fps, fps, True)
    return Footage(folder, names, fps, time_map, first, end - 1)


def _read_movie_clip(strip: bpy.types.Strip, scene: bpy.types.Scene) -> Footage:
    clip = strip.clip
    if clip is None or clip.source != "MOVIE":
        raise CaptureError(
            "unsupported_strip",
            f"The strip {strip.name!r} shows no movie file.",
            "Use a clip made of a video file, or add the images as an image strip.",
        )
    first, end = compat.handles(strip)
    fps = clip.fps or scene_fps(scene)
    trim_start, _ = compat.hard_trims(strip)
    return Footage(
        source=_path(clip.filepath, clip),
        images=(),
        source_fps=fps,
        time_map=strip_time_map(compat.content_start(strip), trim_start, fps, fps, False),
        first_frame=first,
        last_frame=end - 1,
    )


_READERS = {"MOVIE": _read_movie, "IMAGE": _read_images, "MOVIECLIP": _read_movie_clip}
