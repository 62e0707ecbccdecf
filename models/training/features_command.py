# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python3 run.py features --renders DIR --out DIR --assets DIR`: a lifter's inputs."""

import argparse
import ctypes
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import cv2
import torch
from torch import Tensor

from capf_blender.core.errors import CaptureError

from ..blazepose.network import GraphNetwork
from ..blazepose.weights import LANDMARKS_FILE, load_network
from ..evaluation.predictors import worker_weights
from . import feature_report
from .backgrounds import Backgrounds
from .blazepose_features import (
    QUANTISATION_FILE,
    Quantisation,
    fit_quantisation,
    open_features,
    read_quantisation,
    write_block,
    write_quantisation,
)
from .feature_extraction import Extracted, extract
from .synthetic.shards import Render, read

SPLITS = ("train", "validation")
POLL_S = 3.0
SHEET = 64  # pictures
FIT_SHARDS, FIT_RENDERS = 10, 40  # whose pictures give the scales of the maps


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code. Raises CaptureError."""
    options = _parser().parse_args(arguments)
    _keep_memory()
    cv2.setNumThreads(1)
    network = GraphNetwork(load_network(worker_weights(options.models), LANDMARKS_FILE))
    backgrounds = Backgrounds(options.assets, options.split)
    renders, out = options.renders / options.split, options.out / options.split
    if options.sheet:
        number, path = max(_shards(renders), default=(0, renders))
        extracted = _extract(network, backgrounds, number, path, 0, options)
        feature_report.write_sheet(options.sheet, extracted.crops[:SHEET], extracted.samples)
        return 0
    if not any(_shards(renders)) and not options.shards:
        raise _missing(renders)
    out.mkdir(parents=True, exist_ok=True)
    wanted, (part, parts) = options.shards or 0, options.part
    quantisation: Quantisation | None = None
    while True:
        present = list(_shards(renders))
        if quantisation is None:
            if len(present) < min(wanted, FIT_SHARDS):
                time.sleep(POLL_S)
                continue
            quantisation = _quantisation(network, backgrounds, present, options)
        for number, path in present:
            for composite in range(options.composites):
                name = f"{number:05d}_{composite}"
                if number % parts == part and not (out / name).is_dir():
                    start = time.perf_counter()
                    extracted = _extract(network, backgrounds, number, path, composite, options)
                    packed = quantisation.pack(extracted.maps)
                    write_block(out, name, packed, extracted.samples)
                    rate = len(packed) / (time.perf_counter() - start)
                    print(f"{path.stem}, composite {composite}: {rate:.1f}/s", file=sys.stderr)
        if len(present) >= wanted:
            break
        time.sleep(POLL_S)
    print(feature_report.as_text(open_features(out)))
    return 0


def _quantisation(
    network: GraphNetwork,
    backgrounds: Backgrounds,
    shards: list[tuple[int, Path]],
    options: argparse.Namespace,
) -> Quantisation:
    """The scales of the maps in `options.out`; the first process makes them of some pictures of
    several shards, the others wait for it."""
    if not (options.out / QUANTISATION_FILE).is_file() and options.part[0] == 0:
        some: list[tuple[Tensor, ...]] = []
        for number, path in shards[:FIT_SHARDS]:
            renders = _renders(path)[:: max(1, len(_renders(path)) // FIT_RENDERS)]
            some.append(extract(network, renders, [], backgrounds, number, 0, options.seed).maps)
        fitted = fit_quantisation([torch.cat(level) for level in zip(*some, strict=True)])
        write_quantisation(options.out, fitted)
    while not (options.out / QUANTISATION_FILE).is_file():
        time.sleep(POLL_S)
    return read_quantisation(options.out)


def _extract(
    network: GraphNetwork,
    backgrounds: Backgrounds,
    number: int,
    path: Path,
    composite: int,
    options: argparse.Namespace,
) -> Extracted:
    """One composite of a shard; whom its people meet are those of the shard before, others."""
    before = path.with_name(f"shard_{number - 1:05d}.npz")
    company = _renders(before) if before.is_file() else []
    return extract(network, _renders(path), company, backgrounds, number, composite, options.seed)


def _shards(folder: Path) -> Iterator[tuple[int, Path]]:
    """Number and file of each render shard that is there, in order."""
    for path in sorted(folder.glob("shard_*.npz")):
        digits = path.stem.removeprefix("shard_")
        if digits.isdigit():
            yield int(digits), path


@lru_cache(maxsize=2)
def _renders(path: Path) -> list[Render]:
    """Raises CaptureError `renders_missing`."""
    try:
        return read(path)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise _missing(path) from error


def _missing(path: Path) -> CaptureError:
    return CaptureError(
        "renders_missing", f"There are no readable renders in {path}.", "Render some people first."
    )


def _keep_memory() -> None:
    """Tells glibc not to give memory back between operations: its pages would be cleared again
    for each of the network's large tensors, a third of the whole time."""
    with suppress(OSError, AttributeError):  # another C library
        allocator = ctypes.CDLL(None).mallopt
        for option, size in ((-3, 1 << 30), (-1, 2_000_000_000), (-2, 200 << 20)):
            allocator(option, size)  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 0/2")
    return int(part), int(parts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py features",
        description="Composites rendered people and stores what the frozen landmark network sees; "
        "started again it goes on.",
    )
    add = parser.add_argument
    add("--renders", type=Path, required=True, help="folder with train/ and validation/")
    add("--out", type=Path, required=True, help="features are stored in train/, validation/ below")
    add("--assets", type=Path, required=True, help="folder with hdri/*.hdr, the backgrounds")
    add("--split", choices=SPLITS, default=SPLITS[0])
    add("--composites", type=int, default=2, help="pictures of each render; default: 2")
    add("--shards", type=int, help="wait until so many are rendered; default: those that are there")
    add("--part", type=_part, default=(0, 1), metavar="K/N", help="every N-th shard from the K-th")
    add("--seed", type=int, default=0)
    add("--models", type=Path, help="folder of the weights; default: the worker's")
    add("--sheet", type=Path, help="only draw pictures of the last shard into this file")
    return parser
