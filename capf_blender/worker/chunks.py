# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a capture (`core.chunks`), written and continued by the worker."""

import logging
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from models.interface import PersonPose

from ..core.chunks import FOLDER, PERSON_ARRAYS, Chunk, chunk_files, read_chunk
from ..core.skeleton import JOINT_NAMES
from ..core.take import write_atomically

logger = logging.getLogger(__name__)


def checksum(image: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(image).tobytes())


def make_chunk(
    times_s: Sequence[float],
    last_image: np.ndarray,
    keypoint_names: Sequence[str],
    poses: Sequence[Sequence[PersonPose]],
    state: Mapping[str, np.ndarray],
) -> Chunk:
    """The chunk of frames with these `poses`."""
    count, joints = len(keypoint_names), len(JOINT_NAMES)
    shapes = ((4,), (count, 2), (count,), (joints, 3), (joints, 2), (joints,))
    flat = [pose for frame in poses for pose in frame]
    people = {
        name: np.array([getattr(pose, name) for pose in flat], np.float32).reshape(-1, *shape)
        for name, shape in zip(PERSON_ARRAYS, shapes, strict=True)
    }
    return Chunk(
        time_s=np.array(times_s, float),
        last_image=checksum(last_image),
        keypoint_names=np.array(keypoint_names),
        frame=np.repeat(np.arange(len(poses)), [len(frame) for frame in poses]),
        person=np.array([pose.person for pose in flat], int),
        people=people,
        state=dict(state),
    )


def write_chunk(job_folder: Path, first_frame: int, chunk: Chunk) -> None:
    """Raises CaptureError `disk_full` or `not_writable`."""
    arrays = {f"people.{name}": values for name, values in chunk.people.items()}
    arrays |= {f"state.{name}": values for name, values in chunk.state.items()}
    for name in ("time_s", "last_image", "keypoint_names", "frame", "person"):
        arrays[name] = np.asarray(getattr(chunk, name))
    file = job_folder / FOLDER / f"{first_frame:06d}.npz"
    write_atomically(file, lambda stream: np.savez(stream, allow_pickle=False, **arrays))


def sound_chunks(job_folder: Path) -> list[Chunk]:
    """The unbroken row of chunks from frame 0 on. A damaged one and all behind it are deleted."""
    chunks: list[Chunk] = []
    expected = 0
    files = chunk_files(job_folder)
    for index, file in enumerate(files):
        chunk = read_chunk(file)
        if chunk is None or int(file.stem) != expected:
            logger.warning("%s is damaged; its frames are done again", file)
            for later in files[index:]:
                later.unlink()
            break
        chunks.append(chunk)
        expected += len(chunk.time_s)
    return chunks


def delete_chunks(job_folder: Path) -> None:
    for file in chunk_files(job_folder):
        file.unlink()
