# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python3 run.py evaluate synthetic --features DIR --lifter FILE ...`: lifters on synthetic people
that they have not seen, beside BlazePose's own 3D."""

import argparse
import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT_NAMES

from ..blazepose.context_lifter import load_lifter
from ..blazepose.context_network import CORRECT_M
from ..blazepose.world_lifter import WorldLandmarkLifter
from ..interface import Lifter
from ..training.blazepose_features import Features, open_features
from .bootstrap import LEVEL, Interval, compare
from .calibration import draw_reliability, reliability
from .predictors import choose_device
from .scores import as_text, without_nan
from .synthetic import METRICS, Lifted, groups, lift

Tables = dict[str, dict[str, dict[str, float]]]

BASELINE = WorldLandmarkLifter.name
MEASURED = [row for row, name in enumerate(JOINT_NAMES) if name != "pelvis"]  # that has no error


def main(arguments: Sequence[str]) -> int:
    """Prints the tables; returns 0. Raises CaptureError."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    device = choose_device(options.device)
    features = open_features(options.features)
    lifters: dict[str, Lifter] = {BASELINE: WorldLandmarkLifter()}
    for file in options.lifter:
        lifters[_label(file, lifters)] = load_lifter(file, device)
    started = time.monotonic()
    lifted = {name: lift(each, features, device) for name, each in lifters.items()}
    masks = groups(features)
    clips = features.clips[features.clip]
    print(f"{len(features)} samples of {len(np.unique(clips))} clips")
    tables = _tables(lifted, masks)
    tables |= _tables(lifted, _by_kind(features), "by kind of pose")
    for title, table in tables.items():
        print(f"\n{title}\n{as_text(table)}")
    comparisons = _comparisons(lifted, masks, clips)
    for line in _sentences(comparisons):
        print(line)
    found = {
        name: reliability(
            each.confidence[:, MEASURED].ravel(),
            each.errors_mm[:, MEASURED].ravel() <= 1000 * CORRECT_M,
        )
        for name, each in lifted.items()
    }
    print(f"\nConfidence, as the probability of an error within {1000 * CORRECT_M:.0f} mm")
    for name, each in found.items():
        print(f"{name}: expected calibration error {each.expected_error:.3f}")
    if options.plot:
        draw_reliability(found, options.plot)
    if options.json:
        facts: dict[str, Any] = {
            "features": str(options.features), "samples": len(features),
            "lifters": [str(file) for file in options.lifter],
            "seconds": round(time.monotonic() - started, 1),
            "scores": {title: without_nan(table) for title, table in tables.items()},
            "comparisons": comparisons,
            "reliability": {
                name: {"expected_error": each.expected_error, **_listed(vars(each))}
                for name, each in found.items()
            },
        }  # fmt: skip
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


def _label(file: Path, taken: Mapping[str, Any]) -> str:
    """A lifter's name: the file's, or the folder's where several may be called alike. Raises
    CaptureError `same_name`."""
    name = file.resolve().parent.name if file.stem in ("best", "last") else file.stem
    if name in taken:
        raise CaptureError(
            "same_name", f"Two lifters are called {name!r}.", "Rename one file, or leave one away."
        )
    return name


def _by_kind(features: Features) -> dict[str, np.ndarray]:
    return {str(kind): features.pose_kind == n for n, kind in enumerate(features.pose_kinds)}


def _tables(
    lifted: Mapping[str, Lifted], masks: Mapping[str, np.ndarray], suffix: str = ""
) -> Tables:
    """Of each metric: group -> lifter -> mean."""
    tables: Tables = {}
    for metric in METRICS:
        rows = {}
        for group, mask in masks.items():
            rows[f"{group} ({int(mask.sum())})"] = {
                name: _mean(each.by_sample[metric][mask]) for name, each in lifted.items()
            }
        tables[f"{metric} {suffix}".rstrip()] = rows
    return tables


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _comparisons(
    lifted: Mapping[str, Lifted], masks: Mapping[str, np.ndarray], clips: np.ndarray
) -> list[dict[str, Any]]:
    """The last lifter beside each other one, by metric and group; paired, by clip."""
    *others, last = lifted
    found = []
    for other in others:
        for metric in METRICS:
            mine, theirs = (lifted[name].by_sample[metric] for name in (last, other))
            for group, mask in masks.items():
                rows = mask & np.isfinite(mine) & np.isfinite(theirs)
                if rows.any():
                    each = compare(mine[rows], theirs[rows], clips[rows])
                    facts = {"lifter": last, "against": other, "metric": metric, "group": group}
                    found.append(facts | asdict(each))
    return found


def _sentences(comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    lines, heading = [], None
    for each in comparisons:
        if heading != (heading := f"{each['lifter']} against {each['against']}"):
            lines.append(f"\n{heading}, with intervals of {LEVEL:.0f} % by clip")
        difference, ratio = Interval(**each["difference"]), Interval(**each["ratio"])
        lines.append(
            f"{each['metric']}, {each['group']}: {difference.value:+.1f} "
            f"[{difference.low:+.1f}, {difference.high:+.1f}], "
            f"x {ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}], {each['clusters']} clips"
        )
    return lines


def _listed(arrays: Mapping[str, np.ndarray]) -> dict[str, list[float | None]]:
    return {
        name: [None if value != value else value for value in values.tolist()]
        for name, values in arrays.items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py evaluate synthetic", description=__doc__)
    parser.add_argument(
        "--features", type=Path, required=True, metavar="DIR", help="one split's folder"
    )
    parser.add_argument(
        "--lifter", type=Path, nargs="+", action="extend", default=[], metavar="FILE",
        help="made by run.py train; the last one is compared with all before it",
    )  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE", help="reliability, a PNG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures for programs")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    return parser
