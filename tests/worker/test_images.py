# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import math
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numbered_frames import number_in, numbered_image

from capf_blender.bridge.messages import CaptureRequest
from capf_blender.core.errors import CaptureError
from capf_blender.worker.images import read_image
from capf_blender.worker.video import decode, open_footage


def write(path: Path, image: np.ndarray, exif: bytes | None = None) -> Path:
    """A real image file, with an EXIF block where asked for."""
    _, data = cv2.imencode(path.suffix, image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    content = data.tobytes()
    if exif is not None:
        block = b"Exif\0\0" + exif
        content = (
            content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]
        )
    path.write_bytes(content)
    return path


def exif(order: str, orientation: int, focal_mm: int) -> bytes:
    """A TIFF block with Orientation and FocalLengthIn35mmFilm."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    first = struct.pack(order + "H", 2)
    first += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    first += struct.pack(order + "HHII", 0x8769, 4, 1, 8 + 2 + 24 + 4) + bytes(4)
    second = struct.pack(order + "H", 1)
    second += struct.pack(order + "HHIHH", 0xA405, 3, 1, focal_mm, 0) + bytes(4)
    return head + first + second


def request(source: Path, **options) -> CaptureRequest:
    return CaptureRequest(str(source), str(source.parent / "job"), **options)


def test_a_still_image(tmp_path):
    path = write(tmp_path / "Größe.png", numbered_image(5))
    ((time_s, image),) = decode(request(path))
    assert time_s == 0
    np.testing.assert_array_equal(image, numbered_image(5))
    facts = open_footage(request(path))
    assert (facts.frames, math.isnan(facts.focal_px)) == (1, True)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_orientation_and_focal_length(tmp_path, order):
    path = write(tmp_path / "phone.jpg", numbered_image(5), exif(order, 6, 28))
    image = next(decode(request(path)))[1]
    upright = np.rot90(numbered_image(5), -1)  # 6: turn clockwise to see it upright
    assert np.abs(image.astype(int) - upright).mean() < 6
    facts = open_footage(request(path))
    assert (facts.height, facts.width) == upright.shape[:2]
    assert facts.focal_px == pytest.approx(28 * math.hypot(96, 64) / math.hypot(36, 24))


def test_a_broken_exif_block_is_no_error(tmp_path):
    for block in (b"", b"II", exif("<", 1, 28)[:20], b"II*\0\xff\xff\xff\xff", exif("<", 1, 0)):
        path = write(tmp_path / "x.jpg", numbered_image(5), block)
        assert math.isnan(open_footage(request(path)).focal_px)


def test_a_folder_in_order_of_its_numbers(tmp_path):
    for number in range(12):
        write(tmp_path / f"frame_{number}.png", numbered_image(number))
    (tmp_path / "notes.txt").write_text("no image")
    frames = list(decode(request(tmp_path, image_fps=30.0)))
    assert [number_in(image) for _, image in frames] == list(range(12))
    np.testing.assert_allclose([time_s for time_s, _ in frames], np.arange(12) / 30)
    part = list(decode(request(tmp_path, image_fps=30.0, start_s=0.1, end_s=0.2)))
    assert [number_in(image) for _, image in part] == [3, 4, 5]


def test_chosen_images_in_the_given_order(tmp_path):
    for number in range(4):
        write(tmp_path / f"{number}.png", numbered_image(number))
    frames = list(decode(request(tmp_path, images=("3.png", "1.png"))))
    assert [number_in(image) for _, image in frames] == [3, 1]


def code_of(source: Path, **options) -> str:
    with pytest.raises(CaptureError) as caught:
        open_footage(request(source, **options))
        list(decode(request(source, **options)))
    return caught.value.code


def test_what_cannot_be_captured(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    assert code_of(folder) == "no_frames"
    write(folder / "a.png", numbered_image(1))
    assert code_of(folder, images=("a.png", "b.png")) == "missing_file"
    assert code_of(folder, images=("../images/a.png",)) == "bad_request"
    write(folder / "b.png", numbered_image(1, 128, 64))
    assert code_of(folder) == "mixed_sizes"
    (tmp_path / "no.jpg").write_bytes(b"\xff\xd8\xff nothing")
    assert code_of(tmp_path / "no.jpg") == "corrupt_video"
    assert code_of(tmp_path / "missing.png") == "missing_file"


def test_one_broken_image_of_many_is_left_out(tmp_path, caplog):
    for number in range(4):
        write(tmp_path / f"{number}.png", numbered_image(number))
    (tmp_path / "2.png").write_bytes(b"broken")
    frames = list(decode(request(tmp_path, image_fps=10.0)))
    assert [number_in(image) for _, image in frames] == [0, 1, 3]
    assert frames[2][0] == pytest.approx(0.3)
    assert "2.png" in caplog.text


def test_an_image_that_may_not_be_read_is_not_called_a_full_disk(tmp_path):
    (tmp_path / "folder.png").mkdir()  # stands for any error of the system's, also for root
    with pytest.raises(CaptureError) as caught:
        read_image(tmp_path / "folder.png")
    assert caught.value.code == "not_readable"
