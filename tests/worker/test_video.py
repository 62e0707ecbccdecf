# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoding of real files: right frames, right times, right way up, right sentence."""

import math
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_frames import HEIGHT, WIDTH, number_in, numbered_image

from capf_blender.bridge.messages import CaptureRequest
from capf_blender.core.errors import CaptureError
from capf_blender.worker.decode_ahead import DecodeAhead
from capf_blender.worker.video import decode, open_footage

STEADY = [number / 25 for number in range(60)]
VARIABLE = np.cumsum([0.0] + [(1 / 30, 1 / 15, 1 / 60, 0.21)[n % 4] for n in range(49)]).tolist()


def request(source: Path, **options) -> CaptureRequest:
    return CaptureRequest(str(source), str(source.parent / "job"), **options)


def code_of(source: Path, **options) -> str:
    with pytest.raises(CaptureError) as caught:
        open_footage(request(source, **options))
        list(decode(request(source, **options)))
    assert str(source.name) in caught.value.message
    return caught.value.code


def test_every_frame_with_its_time(make_video):
    frames = list(decode(request(make_video(STEADY))))
    assert [number_in(image) for _, image in frames] == list(range(60))
    np.testing.assert_allclose([time_s for time_s, _ in frames], STEADY, atol=1e-4)
    facts = open_footage(request(make_video(STEADY)))
    assert (facts.width, facts.height, facts.frames) == (WIDTH, HEIGHT, 60)
    assert math.isnan(facts.focal_px)


def test_variable_frame_rate(make_video):
    frames = list(decode(request(make_video(VARIABLE))))
    assert [number_in(image) for _, image in frames] == list(range(50))
    np.testing.assert_allclose([time_s for time_s, _ in frames], VARIABLE, atol=1e-4)


def test_times_count_from_the_first_frame(make_video):
    late = [3.0 + time_s for time_s in STEADY]
    frames = list(decode(request(make_video(late, name="late.mkv"))))
    np.testing.assert_allclose([time_s for time_s, _ in frames], STEADY, atol=1.1e-3)


@pytest.mark.parametrize("times", [STEADY, VARIABLE], ids=["steady", "variable"])
def test_a_range_holds_exactly_its_frames(make_video, times):
    path = make_video(times)
    whole = list(decode(request(path)))
    for first, last in ((0, 10), (1, 9), (17, 18), (25, 44), (49, 50)):
        end_s = whole[last][0] if last < len(whole) else None
        part = list(decode(request(path, start_s=whole[first][0], end_s=end_s)))
        assert [number_in(image) for _, image in part] == list(range(first, min(last, len(whole))))
        assert [time_s for time_s, _ in part] == [time_s for time_s, _ in whole[first:last]]
        for (_, image), (_, expected) in zip(part, whole[first:last], strict=True):
            np.testing.assert_array_equal(image, expected)


def test_from_a_time_on(make_video):
    path = make_video(VARIABLE)
    whole = list(decode(request(path, start_s=0.5)))
    rest = list(decode(request(path, start_s=0.5), after_s=whole[12][0]))
    assert [time_s for time_s, _ in rest] == [time_s for time_s, _ in whole[12:]]
    np.testing.assert_array_equal(rest[0][1], whole[12][1])


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("mirror", [(False, False), (True, False), (False, True)])
def test_the_display_matrix_is_honoured(make_video, degrees, mirror):
    path = make_video(STEADY[:3], turn=(degrees, *mirror), pixels="yuv444p")
    expected = np.rot90(numbered_image(0), degrees // 90 % 4)
    expected = expected[:, ::-1] if mirror[0] else expected
    expected = expected[::-1] if mirror[1] else expected
    facts = open_footage(request(path))
    assert (facts.height, facts.width) == expected.shape[:2]
    image = next(decode(request(path)))[1]
    assert np.abs(image.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("size", [(97, 65), (101, 64), (96, 67)])
def test_odd_sizes(make_video, size):
    path = make_video(STEADY[:5], size=size, pixels="yuv444p")
    frames = list(decode(request(path)))
    assert [number_in(image) for _, image in frames] == list(range(5))
    assert frames[0][1].shape == (size[1], size[0], 3)
    assert np.abs(frames[3][1].astype(int) - numbered_image(3, *size)).mean() < 4


def test_pixels_that_are_not_square_become_so(make_video, tmp_path):
    path = make_video(STEADY[:3], options={"x264-params": "sar=2/1"})
    assert open_footage(request(path)).width == 2 * WIDTH


def test_focal_length_of_a_phone(make_video):
    path = make_video(
        STEADY[:3],
        name="phone.mov",
        metadata={"com.apple.quicktime.camera.focal_length.35mm_equivalent": "26"},
        container_options={"movflags": "use_metadata_tags"},
        turn=(-90, False, False),
    )
    facts = open_footage(request(path))
    assert facts.focal_px == pytest.approx(26 * math.hypot(WIDTH, HEIGHT) / math.hypot(36, 24))


def test_missing(tmp_path):
    assert code_of(tmp_path / "missing.mp4") == "missing_file"


def test_garbage_and_empty(tmp_path):
    for name, content in (("noise.mp4", bytes(range(256)) * 50), ("empty.mp4", b"")):
        (tmp_path / name).write_bytes(content)
        assert code_of(tmp_path / name) == "corrupt_video"


def test_cut_before_its_index(make_video):
    path = make_video(STEADY)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert code_of(path) == "corrupt_video"


def test_cut_behind_its_index(make_video):
    """A download that broke off: what is there is captured."""
    path = make_video(STEADY, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    said: list[str] = []
    frames = list(decode(request(path), warn=said.append))
    assert said == [f"{path.name} is damaged: frames are missing where it could not be read."]
    assert 10 < len(frames) < 60
    assert [number_in(image) for _, image in frames] == list(range(len(frames)))


def test_damage_in_the_middle(make_video, caplog):
    path = make_video(STEADY, name="clip.mkv", codec="mjpeg", pixels="yuvj420p", options={})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = bytes(600)
    path.write_bytes(data)
    numbers = [number_in(image) for _, image in decode(request(path))]
    assert numbers[:20] == list(range(20))
    assert len(numbers) >= 50
    assert "damaged" in caplog.text


def test_sound_only(tmp_path):
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = np.zeros((1, 1024), np.float32)
        for number in range(5):
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.rate, frame.pts = 44100, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert code_of(path) == "no_video_stream"


def test_no_frames(make_video):
    assert code_of(make_video([], name="none.avi", codec="mpeg4", options={})) == "no_frames"


def test_a_range_behind_the_end(make_video):
    assert code_of(make_video(STEADY), start_s=100.0) == "empty_range"
    with pytest.raises(CaptureError, match="holds no frame"):
        request(Path("x"), start_s=2.0, end_s=1.0)


def test_decoding_ahead_gives_the_same_frames_and_errors(make_video, tmp_path):
    path = make_video(STEADY)
    expected = list(decode(request(path)))
    ahead = DecodeAhead(decode(request(path)), depth=3)
    got = []
    while batch := ahead.take(7):
        got += batch
    ahead.close()
    assert [time_s for time_s, _ in got] == [time_s for time_s, _ in expected]

    ahead = DecodeAhead(decode(request(tmp_path / "missing.mp4")), depth=3)
    for _ in range(2):
        with pytest.raises(CaptureError):
            ahead.take(4)
    ahead.close()

    ahead = DecodeAhead(decode(request(path)), depth=2)
    ahead.take(1)
    ahead.close()  # ends the thread though frames are left
