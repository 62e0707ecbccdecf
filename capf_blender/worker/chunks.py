# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture's frames on disk, a file a batch, and the take made from them.

`frames/NNNNNN.npz` (number of its first frame) holds everybody in the batch's frames, and what
the estimator needs to go on behind it.
"""

import logging
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.interface import PersonPose

from ..core.errors import CaptureError
from ..core.skeleton import JOINT_NAMES, JOINT_PARENTS
from ..core.take import Take, write_atomically

logger = logging.getLogger(__name__)

_FOLDER = "frames"
_NAME = re.compile(r"\d{6,}\.npz")
_PERSON_ARRAYS = (
    "bbox", "keypoints_2d", "confidence", "joints", "joints_2d", "joints_confidence",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Chunk:
    """B consecutive frames with M persons in them, all frames together."""

    time_s: np.ndarray  # (B,) seconds since the footage's first frame
    last_image: int  # checksum of the last frame's pixels
    keypoint_names: np.ndarray  # (K,) str
    frame: np.ndarray  # (M,) which of the B frames each person is in
    person: np.ndarray  # (M,) id
    people: dict[str, np.ndarray]  # the arrays of PersonPose, stacked: (M, ...)
    state: dict[str, np.ndarray]  # the estimator's, behind the last frame


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
        for name, shape in zip(_PERSON_ARRAYS, shapes, strict=True)
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
    file = job_folder / _FOLDER / f"{first_frame:06d}.npz"
    write_atomically(file, lambda stream: np.savez(stream, allow_pickle=False, **arrays))


def read_chunks(job_folder: Path) -> list[Chunk]:
    """The unbroken row of chunks from frame 0 on. A damaged one and all behind it are deleted."""
    chunks: list[Chunk] = []
    expected = 0
    files = [file for file in _files(job_folder) if file.suffix == ".npz"]
    for index, file in enumerate(files):
        chunk = _read_chunk(file)
        if chunk is None or int(file.stem) != expected:
            logger.warning("%s is damaged; its frames are done again", file)
            for later in files[index:]:
                later.unlink()
            break
        chunks.append(chunk)
        expected += len(chunk.time_s)
    return chunks


def _read_chunk(file: Path) -> Chunk | None:
    try:
        with np.load(file, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        return Chunk(
            time_s=arrays["time_s"],
            last_image=int(arrays["last_image"]),
            keypoint_names=arrays["keypoint_names"],
            frame=arrays["frame"],
            person=arrays["person"],
            people={name: arrays[f"people.{name}"] for name in _PERSON_ARRAYS},
            state={
                name.removeprefix("state."): values
                for name, values in arrays.items()
                if name.startswith("state.")
            },
        )
    except Exception as error:  # zip, zlib, numpy, key errors: whatever is wrong, it is no chunk
        logger.warning("%s: %s", file, error)
        return None


def delete_chunks(job_folder: Path) -> None:
    for file in _files(job_folder):
        file.unlink()


def _files(job_folder: Path) -> list[Path]:
    folder = job_folder / _FOLDER
    folder.mkdir(exist_ok=True)
    return sorted(file for file in folder.iterdir() if _NAME.match(file.name))


def people_summary(chunks: Sequence[Chunk]) -> list[dict[str, float]]:
    """Everybody who was seen, the default person first: id, coverage (share of the frames with
    them) and median height of their box in pixels.

    The default is the largest, longest seen: the sum over the frames of height times confidence.
    """
    frames = sum(len(chunk.time_s) for chunk in chunks)
    person = np.concatenate([chunk.person for chunk in chunks])
    bbox = np.concatenate([chunk.people["bbox"] for chunk in chunks])
    confidence = np.concatenate([chunk.people["confidence"].mean(axis=1) for chunk in chunks])
    height = bbox[:, 3] - bbox[:, 1]
    weight = height.astype(float) * confidence
    ids = np.unique(person)
    order = np.argsort([-weight[person == number].sum() for number in ids], kind="stable")
    return [
        {
            "id": int(number),
            "coverage": round(int((person == number).sum()) / frames, 4),
            "height_px": round(float(np.median(height[person == number])), 1),
        }
        for number in ids[order]
    ]


def assemble_take(
    chunks: Sequence[Chunk], wanted: int | None, image_size: tuple[int, int], focal_px: float
) -> Take:
    """The take of the person with id `wanted`, of the default one for None.

    Raises CaptureError `no_person` or `no_such_person`.
    """
    ids = [person["id"] for person in people_summary(chunks)]
    if not ids:
        raise CaptureError(
            "no_person",
            "Nobody was found in the footage.",
            "Choose footage or a range that shows a person with most of the body in view.",
        )
    if wanted is not None and wanted not in ids:
        raise CaptureError(
            "no_such_person",
            f"There is no person {wanted}, only {', '.join(map(str, sorted(ids)))}.",
            "Choose one of them.",
        )
    chosen = int(ids[0] if wanted is None else wanted)
    starts = np.cumsum([0] + [len(chunk.time_s) for chunk in chunks])
    frame = np.concatenate([c.frame + start for c, start in zip(chunks, starts, strict=False)])
    person = np.concatenate([chunk.person for chunk in chunks])

    def spread(name: str, number: int) -> np.ndarray:
        values = np.concatenate([chunk.people[name] for chunk in chunks])
        per_frame = np.full((starts[-1], *values.shape[1:]), np.nan, np.float32)
        per_frame[frame[person == number]] = values[person == number]
        return per_frame

    people_ids = sorted(int(number) for number in ids)
    return Take(
        time_s=np.concatenate([chunk.time_s for chunk in chunks]),
        keypoint_names=chunks[0].keypoint_names,
        joint_names=np.array(JOINT_NAMES),
        joint_parents=np.array(JOINT_PARENTS),
        image_size=np.array(image_size),
        focal_px=focal_px,
        person=chosen,
        people_ids=np.array(people_ids),
        people_bbox=np.stack([spread("bbox", number) for number in people_ids]),
        **{name: spread(name, chosen) for name in _PERSON_ARRAYS},
    )
