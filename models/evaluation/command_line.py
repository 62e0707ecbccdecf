# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python3 run.py evaluate h36m|3dhp --data DIR --model NAME`: a data set's figures for a model."""

import argparse
import importlib
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from capf_blender.core.errors import CaptureError

from ..datasets.h36m import VALIDATION, read_h36m
from ..datasets.loading import batches
from ..datasets.mpi_inf_3dhp import PCK_JOINTS, read_3dhp
from ..datasets.samples import PoseSamples
from .predictors import PREDICTORS, Predictor, choose_device, load_predictor, worker_weights
from .scores import (
    Protocol,
    Scores,
    as_text,
    h36m_protocol,
    mpi_inf_3dhp_protocol,
    without_nan,
)
from .view_lifter import flip_test

OTHERS = {
    "reference": "models.evaluation.reference_command",
    "stability": "models.evaluation.stability",
    "synthetic": "models.evaluation.synthetic_command",
}
"""Evaluations that need no data set: the module of each, with a `main` like this one's."""


def main(arguments: Sequence[str]) -> int:
    """Prints the table; returns 0. Raises CaptureError."""
    if arguments and arguments[0] in OTHERS:
        return importlib.import_module(OTHERS[arguments[0]]).main(arguments[1:])
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    samples, protocol = _samples(options)
    device = choose_device(options.device)
    own_keypoints = bool(np.isnan(samples.keypoints).any())
    predictor = load_predictor(
        options.model, worker_weights(options.models), device, own_keypoints, options.lifter
    )
    if options.flip_test and not predictor.mirrors:
        raise CaptureError(
            "no_flip_test", f"{options.model} has no flip test.", "Leave --flip-test away."
        )
    started = time.monotonic()
    scores = evaluate(samples, predictor, device, options.batch, options.flip_test, options.workers)
    table = scores.table(protocol)
    print(as_text(table, turned=not protocol.mean_of_groups))
    if options.json:
        facts = {
            name: getattr(options, name) for name in ("data_set", "model", "flip_test", "every")
        }
        facts |= {"frames": len(samples), "keypoints": options.keypoints, "device": device}
        facts |= {"seconds": round(time.monotonic() - started, 1), "scores": without_nan(table)}
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


def evaluate(
    samples: PoseSamples,
    predictor: Predictor,
    device: str,
    batch: int,
    flipped: bool = False,
    workers: int = 0,
) -> Scores:
    """Runs the model over all samples; `batch` and `workers` do not change the results."""
    scores = Scores(samples)
    done, shown, started = 0, 0.0, time.monotonic()
    for view in batches(predictor.views(samples), workers, batch_size=batch):
        rows = view["row"]
        view = {name: values.to(device, non_blocking=True) for name, values in view.items()}
        with torch.inference_mode():
            poses = flip_test(predictor.predict, view) if flipped else predictor.predict(view)
        scores.add(rows, poses)
        done += len(rows)
        if sys.stderr.isatty() and (done == len(samples) or time.monotonic() - shown > 0.2):
            shown = time.monotonic()
            rate = done / (shown - started)
            left = (len(samples) - done) / rate
            text = f"\r\033[K{done}/{len(samples)}, {rate:.1f} a second, {left:.0f} s left"
            print(text, end="\n" if done == len(samples) else "", file=sys.stderr, flush=True)
    return scores


def _samples(options: argparse.Namespace) -> tuple[PoseSamples, Protocol]:
    if options.data_set == "h36m":
        samples = read_h36m(options.data, options.labels, options.keypoints)
        protocol = h36m_protocol()
    else:
        samples = read_3dhp(options.data, options.keypoints)
        protocol = mpi_inf_3dhp_protocol(PCK_JOINTS)
    return (samples.every(options.every) if options.every > 1 else samples), protocol


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py evaluate",
        description=__doc__,
        epilog=f"Without a data set: run.py evaluate {', '.join(OTHERS)}; each has its own --help.",
    )
    parser.add_argument("data_set", choices=("h36m", "3dhp"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--model", required=True, help=", ".join(PREDICTORS))
    parser.add_argument("--batch", type=_positive, default=32)
    parser.add_argument("--flip-test", action="store_true", help="mean with the mirrored view")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures for programs")
    parser.add_argument(
        "--keypoints", default="auto", metavar="FIELD",
        help="2D joints: a field of the labels, or detector; auto takes a detector's in the labels",
    )  # fmt: skip
    parser.add_argument("--labels", default=VALIDATION, metavar="FILE", help="of Human3.6M")
    parser.add_argument("--every", type=_positive, default=1, metavar="N", help="Nth frames only")
    parser.add_argument("--workers", type=int, default=2, help="processes that read images")
    parser.add_argument("--lifter", type=Path, metavar="FILE", help="one that run.py train made")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of the weight files")
    return parser


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value
