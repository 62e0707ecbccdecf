# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Still images and folders of them as footage."""

import logging
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from ..core.errors import CaptureError

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset([".bmp", ".jpeg", ".jpg", ".jp2", ".png", ".tif", ".tiff", ".webp"])


def list_images(source: Path, chosen: Sequence[str]) -> list[Path]:
    """The images of a folder, `chosen` ones in their order or all by name and number; or the one
    image that `source` is. Raises CaptureError `missing_file`, `no_frames` or `bad_request`."""
    if not source.is_dir():
        return [source]
    for name in chosen:
        if Path(name).name != name:
            raise CaptureError("bad_request", f"{name!r} is no file name within {source}.")
        if not (source / name).is_file():
            raise CaptureError(
                "missing_file",
                f"The image {name} is not in {source}.",
                "Reload the strip or correct its path.",
            )
    files = [source / name for name in chosen] or sorted(
        (file for file in source.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES),
        key=lambda file: _natural(file.name),
    )
    if not files:
        raise CaptureError("no_frames", f"{source} holds no images.", "Choose another folder.")
    return files


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key in which frame 2 comes before frame 10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part.lower())
        for part in re.split(r"(\d+)", name)
    ]


def read_image(file: Path) -> tuple[np.ndarray, float | None]:
    """(H, W, 3) uint8 RGB, upright by its EXIF orientation; and the 35 mm equivalent focal length
    in mm when the file tells it. Raises CaptureError `missing_file`, `not_readable` or
    `corrupt_video`."""
    try:
        data = np.fromfile(file, np.uint8)  # cv2.imread cannot open every path on Windows
    except FileNotFoundError as error:
        raise CaptureError(
            "missing_file", f"{file} does not exist.", "Choose the footage again."
        ) from error
    except OSError as error:
        raise CaptureError(
            "not_readable", f"{file} cannot be read ({error.strerror}).", "Choose another file."
        ) from error
    try:
        image, kinds, metadata = cv2.imdecodeWithMetadata(data, flags=cv2.IMREAD_COLOR)
    except cv2.error:
        image, kinds, metadata = None, [], []
    if image is None:
        raise CaptureError(
            "corrupt_video", f"{file} is no image that can be read.", "Choose another file."
        )
    exif = [
        bytes(block) for kind, block in zip(kinds, metadata, strict=True)
        if kind == cv2.IMAGE_METADATA_EXIF
    ]  # fmt: skip
    focal_mm = focal_35mm_of_exif(exif[0]) if exif else None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), focal_mm


def image_frames(files: Sequence[Path], fps: float) -> Iterator[tuple[float, np.ndarray]]:
    """(time in seconds, upright RGB image) of each file. A later one that cannot be read is left
    out. Raises CaptureError `mixed_sizes` for another size than the first one's."""
    size = None
    for index, file in enumerate(files):
        try:
            image, _focal = read_image(file)
        except CaptureError:
            if size is None:
                raise
            logger.warning("%s cannot be read and is left out", file)
            continue
        size = size or image.shape
        if image.shape != size:
            raise CaptureError(
                "mixed_sizes",
                f"{file.name} has {image.shape[1]} x {image.shape[0]} pixels, "
                f"the first image {size[1]} x {size[0]}.",
                "Capture images of one size at a time.",
            )
        yield index / fps, image


def focal_35mm_of_exif(exif: bytes) -> float | None:
    """FocalLengthIn35mmFilm (tag 0xA405) in mm of a TIFF block, None when unknown (Exif 2.32)."""
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return None
    try:
        (first,) = struct.unpack_from(order + "I", block, 4)
        sub_directory = _tag(block, order, first, 0x8769, "I")
        focal = sub_directory and _tag(block, order, sub_directory, 0xA405, "H")
    except struct.error:
        return None
    return float(focal) if focal else None  # 0 means unknown


def _tag(block: bytes, order: str, directory: int, wanted: int, form: str) -> int | None:
    (count,) = struct.unpack_from(order + "H", block, directory)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        if struct.unpack_from(order + "H", block, entry)[0] == wanted:
            return struct.unpack_from(order + form, block, entry + 8)[0]
    return None
