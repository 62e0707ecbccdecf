# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage made here, so that a test knows every frame's number, time and corners."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.video.stream import VideoStream
from numbered_frames import HEIGHT, WIDTH, numbered_image

from capf_blender.bridge import environment
from capf_blender.bridge.messages import CaptureRequest
from capf_blender.worker import pipeline

TIME_BASE = Fraction(1, 12800)


@pytest.fixture
def make_video(tmp_path) -> Callable[..., Path]:
    def make(
        times_s: Sequence[float],
        name: str = "clip.mp4",
        size: tuple[int, int] = (WIDTH, HEIGHT),
        codec: str = "libx264",
        pixels: str = "yuv420p",
        turn: tuple[int, bool, bool] | None = None,  # degrees counter-clockwise, then mirrored
        options: dict[str, object] | None = None,
        metadata: dict[str, str] | None = None,
        container_options: dict[str, str] | None = None,
    ) -> Path:
        """A real video with numbered frames at these times; keyframes every 10, and B-frames."""
        path = tmp_path / name
        with av.open(str(path), "w", options=container_options or {}) as container:
            container.metadata.update(metadata or {})
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = size
            stream.pix_fmt = pixels
            stream.codec_context.time_base = TIME_BASE
            stream.options = {"g": "10", "bf": "2", "crf": "12"} if options is None else options
            if turn is not None:
                stream.set_display_rotation(*turn)
            container.start_encoding()
            for number, time_s in enumerate(times_s):
                image = numbered_image(number, *size)
                frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=pixels)
                frame.pts, frame.time_base = round(time_s / TIME_BASE), TIME_BASE
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


@pytest.fixture(scope="session")
def walk(demo_video, tmp_path_factory) -> Callable[..., CaptureRequest]:
    """Requests for a second of the demo clip, each in a new job folder unless one is given."""

    def request(job_folder: Path | None = None, **options) -> CaptureRequest:
        folder = job_folder or tmp_path_factory.mktemp("walk")
        options = {"start_s": 2.0, "end_s": 3.0, "device": "cpu"} | options
        return CaptureRequest(str(demo_video), str(folder), **options)

    return request


@pytest.fixture(scope="session")
def models_folder(worker_home) -> Path:
    return environment.models_folder(worker_home)


@pytest.fixture(scope="session")
def unbroken(walk, models_folder) -> dict:
    """The result of a capture of `walk()` that nothing interrupted."""
    return pipeline.capture(walk(), models_folder, lambda _event: None, lambda: False)
