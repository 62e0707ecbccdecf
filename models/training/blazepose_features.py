# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the frozen landmark network saw on synthetic pictures, stored for training.

A folder holds one subfolder a block of pictures (`00012_1`: shard 12, second composite of it),
which appears when it is whole: `maps.npy` (N, BYTES) uint8, one picture's feature maps a row, level
after level with channels last; `values.npz` with the rest. `quantisation.npz` in the folder above
gives each channel's scale and is the same for all splits.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from capf_blender.core.errors import CaptureError

MAP_SHAPES = ((48, 32, 32), (48, 16, 16), (48, 8, 8), (288, 4, 4))  # (C, H, W)
SIZES = tuple(int(np.prod(shape)) for shape in MAP_SHAPES)
BYTES = sum(SIZES)  # a picture
QUANTISATION_FILE, MAPS_FILE, VALUES_FILE = "quantisation.npz", "maps.npy", "values.npz"
CLAMP_PERCENT = 0.1  # of a channel's values that the scale leaves out at either end


@dataclass(frozen=True, eq=False)
class Samples:
    """Everything but the maps, of N pictures; 28 joints in skeleton order, 33 keypoints."""

    keypoints_crop: np.ndarray  # (N, 33, 2) -1..1 in the crop, x right, y down
    visibility: np.ndarray  # (N, 33) 0..1
    presence: np.ndarray  # (N, 33) 0..1
    world: np.ndarray  # (N, 33, 3) the network's own, metres, axes of the crop
    score: np.ndarray  # (N,) 0..1
    truth_joints: np.ndarray  # (N, 28, 3) metres relative to the pelvis, crop-camera axes
    truth_2d: np.ndarray  # (N, 28, 2) -1..1 in the crop; beyond, where the crop cuts the person
    truth_visible: np.ndarray  # (N, 28) bool: in the frame and hidden by nothing
    self_visible: np.ndarray  # (N, 28) bool: not hidden by the person's own body
    in_frame: np.ndarray  # (N, 28) bool: the frame is not cut off before it
    truth_up: np.ndarray  # (N, 3) the world's up, crop-camera axes
    truth_root: np.ndarray  # (N, 3) the pelvis, metres, camera axes
    half_angle: np.ndarray  # (N,) half the region's side over the focal length
    region: np.ndarray  # (N, 4) in the picture: centre, side in pixels; rotation in radians
    focal_px: np.ndarray  # (N,)
    principal: np.ndarray  # (N, 2) pixels of the picture
    render: np.ndarray  # (N, 3) shard, row in it, composite
    flipped: np.ndarray  # (N,) bool
    actor: np.ndarray  # (N,) rows of `actors`
    clip: np.ndarray  # (N,) rows of `clips`
    pose_kind: np.ndarray  # (N,) rows of `pose_kinds`
    actors: np.ndarray  # (A,) names
    clips: np.ndarray  # (C,)
    pose_kinds: np.ndarray  # (P,)


NAMES = {"actor": "actors", "clip": "clips", "pose_kind": "pose_kinds"}


@dataclass(frozen=True, eq=False)
class Quantisation:
    """Map values from bytes: `low + step * byte`, for each channel of each level."""

    low: tuple[np.ndarray, ...]  # (C,) float32 a level
    step: tuple[np.ndarray, ...]

    def pack(self, maps: Sequence[Tensor]) -> np.ndarray:
        """(N, BYTES) uint8 of the (N, C, H, W) levels."""
        rows = []
        for level, low, step in zip(maps, self.low, self.step, strict=True):
            values = (level.permute(0, 2, 3, 1) - torch.from_numpy(low)) / torch.from_numpy(step)
            rows.append(values.round_().clamp_(0, 255).to(torch.uint8).flatten(1).numpy())
        return np.concatenate(rows, 1)

    def unpack(self, rows: np.ndarray) -> list[Tensor]:
        """The (N, C, H, W) float32 levels, channels last in memory, of (N, BYTES) bytes."""
        maps, start = [], 0
        packed = torch.from_numpy(rows)
        for (channels, height, width), size, low, step in zip(
            MAP_SHAPES, SIZES, self.low, self.step, strict=True
        ):
            values = packed[:, start : start + size].float()
            values = values.view(len(rows), height, width, channels)
            values.mul_(torch.from_numpy(step)).add_(torch.from_numpy(low))
            maps.append(values.permute(0, 3, 1, 2))
            start += size
        return maps


def fit_quantisation(maps: Sequence[Tensor]) -> Quantisation:
    """Scales for maps like the (N, C, H, W) levels, a sample of a few hundred pictures."""
    low, step = [], []
    for level in maps:
        values = level.transpose(0, 1).flatten(1).numpy()
        ends = np.percentile(values, (CLAMP_PERCENT, 100 - CLAMP_PERCENT), axis=1)
        low.append(ends[0].astype(np.float32))
        # a channel that slept in the whole sample may wake later
        span = np.maximum(ends[1] - ends[0], 0.5 * values.std())
        step.append((span / 255).astype(np.float32))
    return Quantisation(tuple(low), tuple(step))


def write_quantisation(folder: Path, quantisation: Quantisation) -> None:
    """Stores the scales in `folder`, the one above the splits."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{QUANTISATION_FILE}.{os.getpid()}"
    arrays = {f"low{n}": values for n, values in enumerate(quantisation.low)}
    arrays |= {f"step{n}": values for n, values in enumerate(quantisation.step)}
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    partial.replace(folder / QUANTISATION_FILE)


def read_quantisation(folder: Path) -> Quantisation:
    """Raises CaptureError `features_missing`."""
    path = Path(folder) / QUANTISATION_FILE
    try:
        with np.load(path) as data:
            levels = range(len(MAP_SHAPES))
            return Quantisation(
                tuple(data[f"low{n}"] for n in levels), tuple(data[f"step{n}"] for n in levels)
            )
    except (OSError, ValueError, KeyError) as error:
        message = f"The scales of the feature maps, {path}, cannot be read."
        hint = "Make the features with run.py features."
        raise CaptureError("features_missing", message, hint) from error


def write_block(folder: Path, name: str, maps: np.ndarray, samples: Samples) -> None:
    """Adds the block `name` to `folder`, whole or not at all; `maps` are packed rows. A block that
    another process has finished in the meantime stays."""
    partial = folder / f"{name}.partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    np.save(partial / MAPS_FILE, maps)
    with (partial / VALUES_FILE).open("wb") as file:
        np.savez(file, **{field.name: getattr(samples, field.name) for field in fields(samples)})
    try:
        partial.replace(folder / name)
    except OSError:
        shutil.rmtree(partial)
        if not (folder / name).is_dir():
            raise


def block_names(folder: Path) -> list[str]:
    """Names of the finished blocks in `folder`, sorted."""
    return sorted(
        p.parent.name for p in Path(folder).glob(f"*/{VALUES_FILE}") if "." not in p.parent.name
    )


@dataclass(frozen=True, eq=False)
class Features(Samples):
    """All finished blocks of a folder: `samples` in memory, maps read from disk when asked for."""

    quantisation: Quantisation
    blocks: tuple[Path, ...]  # the files of the maps; opened for each reading, there are many
    starts: np.ndarray  # (blocks + 1,) first row of each block, then the number of rows
    headers: tuple[int, ...]  # bytes before the first row of each file

    def __len__(self) -> int:
        return int(self.starts[-1])

    def packed_maps(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """(B, BYTES) uint8 of those rows, in their order."""
        rows = np.asarray(rows)
        packed = np.empty((len(rows), BYTES), np.uint8)
        block = np.searchsorted(self.starts, rows, side="right") - 1
        for b in np.unique(block).tolist():
            with self.blocks[b].open("rb", buffering=0) as file:
                for n in np.flatnonzero(block == b).tolist():
                    file.seek(self.headers[b] + int(rows[n] - self.starts[b]) * BYTES)
                    file.readinto(packed[n])
        return packed

    def maps(self, rows: Sequence[int] | np.ndarray) -> list[Tensor]:
        """The (B, C, H, W) float32 levels of MAP_SHAPES of those rows, channels last in memory."""
        return self.quantisation.unpack(self.packed_maps(rows))


def open_features(folder: Path) -> Features:
    """The finished blocks of a split's folder; later ones need another call.

    Raises CaptureError `features_missing` when there are none or they cannot be read.
    """
    folder = Path(folder)
    names = block_names(folder)
    hint = "Make the features with run.py features."
    if not names:
        raise CaptureError("features_missing", f"There are no features in {folder}.", hint)
    files, values, headers = [], [], []
    for name in names:
        try:
            with np.load(folder / name / VALUES_FILE) as data:
                values.append(
                    Samples(**{field.name: data[field.name] for field in fields(Samples)})
                )
            files.append(folder / name / MAPS_FILE)
            headers.append(np.load(files[-1], mmap_mode="r").offset)  # fails where it is cut
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            message = f"The features in {folder / name} cannot be read."
            raise CaptureError("features_missing", message, hint) from error
    return Features(
        **vars(joined(values)),
        quantisation=read_quantisation(folder.parent),
        blocks=tuple(files),
        starts=np.cumsum([0, *(len(value.score) for value in values)]),
        headers=tuple(headers),
    )


def joined(parts: Sequence[Samples]) -> Samples:
    """The samples of all parts, with common lists of names."""
    columns = {}
    for field in fields(Samples):
        if field.name in NAMES:
            texts = [getattr(part, NAMES[field.name])[getattr(part, field.name)] for part in parts]
            names, rows = np.unique(np.concatenate(texts), return_inverse=True)
            columns[NAMES[field.name]], columns[field.name] = names, rows.astype(np.int32)
        elif field.name not in NAMES.values():
            columns[field.name] = np.concatenate([getattr(part, field.name) for part in parts])
    return Samples(**columns)
