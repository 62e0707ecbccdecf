# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python3 run.py evaluate reference VIDEO REFERENCE.npz`: a real clip, captured and solved as a
user does it, beside what several cameras measured."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from capf_blender.bridge.messages import CaptureRequest
from capf_blender.core.model_cards import DEFAULT_MODEL
from capf_blender.core.settings import SolveSettings
from capf_blender.core.solve import solve

from ..registry import load_estimator
from .predictors import choose_device, worker_weights
from .product import MakeEstimator, capture_take
from .reference import Reference, read_reference
from .reference_scores import Rows, reference_scores
from .scores import as_text, without_nan

TITLES = {
    "capture": "Captured (mm, 12 limb joints relative to the mid-hip)",
    "solved": "Solved (the same joints after smoothing, constant bones and the person's height)",
    "breakdown": "MPJPE of the capture, were one thing right (mm)",
    "joints": "Error of each joint (mm)",
}


def main(arguments: Sequence[str]) -> int:
    """Prints the tables; returns 0. Raises CaptureError."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    reference = read_reference(options.reference)
    cameras = {"assumed focal": options.focal, "true focal": reference.focal_px}
    columns = {name: _scores(options, reference, focal_px) for name, focal_px in cameras.items()}
    tables = {
        part: {
            row: {name: scores[part][row] for name, scores in columns.items()}
            for row in next(iter(columns.values()))[part]
        }
        for part in TITLES
    }
    for part, title in TITLES.items():
        print(f"{title}\n{as_text(tables[part])}\n")
    if options.json:
        facts: dict[str, Any] = {
            "video": options.video.name, "reference": options.reference.name,
            "model": options.model, "lifter": str(options.lifter) if options.lifter else None,
            "height": options.height, "frames": len(reference.frames),
            "scores": {part: without_nan(table) for part, table in tables.items()},
        }  # fmt: skip
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


def _scores(
    options: argparse.Namespace, reference: Reference, focal_px: float | None
) -> dict[str, Rows]:
    request = CaptureRequest(
        source=str(options.video.absolute()),
        job_folder="",  # the take stays in memory
        person=options.person,
        model=options.model,
        device=options.device,
        focal_px=focal_px,
    )
    take = capture_take(request, _estimator(options))
    motion = solve(take, SolveSettings(height_m=options.height))
    scores = reference_scores(take, motion, reference)
    scores["capture"] = {"focal length, px": motion.camera.focal_px} | scores["capture"]
    return scores


def _estimator(options: argparse.Namespace) -> MakeEstimator:
    weights, device = worker_weights(options.models), choose_device(options.device)
    return lambda camera: load_estimator(options.model, weights, device, camera, options.lifter)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py evaluate reference", description=__doc__)
    parser.add_argument("video", type=Path, help="video, still image or folder of images")
    parser.add_argument("reference", type=Path, help=".npz file, its layout is in the README")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument(
        "--lifter", type=Path, metavar="FILE", help="one that run.py train blazepose made"
    )
    parser.add_argument(
        "--height", type=float, metavar="M", help="the person's; default: as the model guesses"
    )
    parser.add_argument("--person", type=int, metavar="N", help="id; default: a capture's choice")
    parser.add_argument(
        "--focal", type=float, metavar="PX", help="in place of the one that a capture assumes"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures for programs")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of the weight files")
    return parser
