# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture's frames on disk, a file a batch, and the takes made from them, one a person.

`frames/NNNNNN.npz` (number of its first frame) holds everybody in the batch's frames, and what
the estimator needs to go on behind it.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import CaptureError
from .skeleton import JOINT_NAMES, JOINT_PARENTS
from .take import Take, load_take

logger = logging.getLogger(__name__)

FOLDER = "frames"
PERSON_ARRAYS = (
    "bbox", "keypoints_2d", "confidence", "joints", "joints_2d", "joints_confidence",
)  # fmt: skip
_NAME = re.compile(r"\d{6,}\.npz")


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


def chunk_files(job_folder: Path) -> list[Path]:
    """In order; [] where there are none."""
    folder = Path(job_folder) / FOLDER
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if _NAME.fullmatch(file.name))


def read_chunks(job_folder: Path) -> list[Chunk]:
    """The unbroken row of chunks from frame 0 on."""
    chunks: list[Chunk] = []
    expected = 0
    for file in chunk_files(job_folder):
        chunk = read_chunk(file) if int(file.stem) == expected else None
        if chunk is None:
            break
        chunks.append(chunk)
        expected += len(chunk.time_s)
    return chunks


def frames_done(job_folder: Path) -> int:
    """Frames on the disk, as the last chunk tells."""
    files = chunk_files(job_folder)
    last = read_chunk(files[-1]) if files else None
    return int(files[-1].stem) + len(last.time_s) if last is not None else 0


def read_chunk(file: Path) -> Chunk | None:
    """None where the file is no chunk."""
    try:
        with np.load(file, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        return Chunk(
            time_s=arrays["time_s"],
            last_image=int(arrays["last_image"]),
            keypoint_names=arrays["keypoint_names"],
            frame=arrays["frame"],
            person=arrays["person"],
            people={name: arrays[f"people.{name}"] for name in PERSON_ARRAYS},
            state={
                name.removeprefix("state."): values
                for name, values in arrays.items()
                if name.startswith("state.")
            },
        )
    except Exception as error:  # zip, zlib, numpy, key errors: whatever is wrong, it is no chunk
        logger.warning("%s: %s", file, error)
        return None


def load_person(job_folder: Path, person: int | None) -> Take:
    """The take in `job_folder` with that person in it, whoever was captured; None: as it is.

    Every capture keeps everybody, so nothing is inferred again. Raises CaptureError as `load_take`
    and `assemble_take` do, and `no_frames_of_others`.
    """
    take = load_take(job_folder)
    if person is None or person == take.person:
        return take
    chunks = read_chunks(job_folder)
    if sum(len(chunk.time_s) for chunk in chunks) != len(take.time_s):
        raise CaptureError(
            "no_frames_of_others",
            f"The take in {job_folder} holds only the person it was made of; its folder of frames "
            "is missing or damaged.",
            "Choose that person, or capture the footage again.",
        )
    width, height = (int(side) for side in take.image_size)
    return assemble_take(chunks, person, (width, height), take.focal_px)


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
            "Choose one of them: here they count from 0, in the panels from 1.",
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
        **{name: spread(name, chosen) for name in PERSON_ARRAYS},
    )
