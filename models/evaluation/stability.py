# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python3 run.py evaluate stability VIDEO [--model NAME]`: how often left and right are exchanged
from one frame to the next, and how often the person is lost. It needs no truth."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from capf_blender.bridge.messages import CaptureRequest
from capf_blender.core.model_cards import DEFAULT_MODEL
from capf_blender.core.skeleton import JOINT, MIRROR
from capf_blender.worker import video

from ..interface import PersonPose
from ..registry import load_estimator
from .predictors import choose_device, worker_weights
from .product import BATCH, footage_camera

AXES = {"hips": ("r_hip", "l_hip"), "shoulders": ("r_shoulder", "l_shoulder")}
LIMBS = {
    "legs": ("l_knee", "l_ankle", "l_heel", "l_toe"),
    "arms": ("l_elbow", "l_wrist", "l_index", "l_pinky"),
}
TURN = 0.0  # cosine between neighbouring frames: an axis that turns by more than 90 degrees
CLEARLY = 0.5  # of the cost unexchanged: exchanged, the joints fit the last frame better
LEAST_STEP = 0.06  # of the body's extent: joints that hardly move are not exchanged


@dataclass
class Stability:
    """Of one person: numbers of the frames in which something happens, after the first."""

    frames: int  # in the clip
    person: int
    found: int  # in so many frames
    lost: list[int] = field(default_factory=list)  # the person was there before
    turned: dict[str, list[int]] = field(default_factory=dict)  # by AXES
    exchanged: dict[str, list[int]] = field(default_factory=dict)  # by LIMBS, in the image

    @property
    def events(self) -> int:
        """Number of frames in which an axis turns or limbs are exchanged."""
        happenings = (*self.turned.values(), *self.exchanged.values())
        return len({number for numbers in happenings for number in numbers})


def stability(people: Sequence[Sequence[PersonPose]], person: int) -> Stability:
    """How steadily the `person` is followed through the frames that hold `people`."""
    found = [next((pose for pose in frame if pose.person == person), None) for frame in people]
    numbers = [number for number, pose in enumerate(found) if pose is not None]
    result = Stability(len(people), person, len(numbers))
    result.turned = {name: [] for name in AXES}
    result.exchanged = {name: [] for name in LIMBS}
    if not numbers:
        return result
    result.lost = [number for number in range(numbers[0], len(people)) if found[number] is None]
    for number in range(numbers[0] + 1, len(people)):
        before, pose = found[number - 1], found[number]
        if before is None or pose is None:
            continue
        for name, (right, left) in AXES.items():
            if _cosine(*(_axis(each.joints, right, left) for each in (before, pose))) < TURN:
                result.turned[name].append(number)
        extent = float(np.ptp(pose.joints_2d, axis=0).max())
        for name, joints in LIMBS.items():
            if _exchanged(before.joints_2d, pose.joints_2d, joints, extent):
                result.exchanged[name].append(number)
    return result


def _axis(joints: np.ndarray, start: str, end: str) -> np.ndarray:
    return joints[JOINT[end]] - joints[JOINT[start]]


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / max(np.linalg.norm(one) * np.linalg.norm(other), 1e-9))


def _exchanged(before: np.ndarray, now: np.ndarray, left: Sequence[str], extent: float) -> bool:
    """The joints called `left` and their counterparts lie (J, 2) `now` where the other side's were
    `before`."""
    one = [JOINT[name] for name in left]
    rows = one + [MIRROR[row] for row in one]
    kept = float(np.linalg.norm(now[rows] - before[rows], axis=1).mean())
    crossed = float(
        np.linalg.norm(now[[MIRROR[row] for row in rows]] - before[rows], axis=1).mean()
    )
    return kept > LEAST_STEP * extent and crossed < CLEARLY * kept


def main(arguments: Sequence[str]) -> int:
    """Prints a line a person; returns 0. Raises CaptureError."""
    parser = argparse.ArgumentParser(prog="run.py evaluate stability", description=__doc__)
    parser.add_argument("video", type=Path, nargs="+")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--lifter", type=Path, metavar="FILE", help="one that run.py train made")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of the weight files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures for programs")
    options = parser.parse_args(arguments)
    facts = {}
    for file in options.video:
        people = _people(file, options)
        seen = sorted({pose.person for frame in people for pose in frame})
        found = [stability(people, person) for person in seen]
        empty = sum(not frame for frame in people)
        print(f"{file.name}: {len(people)} frames, {empty} without anybody")
        for person in found:
            print(f"  {_line(person)}", flush=True)
        facts[file.name] = {"without_anybody": empty, "people": [asdict(each) for each in found]}
    if options.json:
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


def _people(file: Path, options: argparse.Namespace) -> list[list[PersonPose]]:
    """Everybody in each frame of the clip."""
    request = CaptureRequest(str(file.absolute()), job_folder="")
    footage = video.open_footage(request)
    estimator = load_estimator(
        options.model,
        worker_weights(options.models),
        choose_device(options.device),
        footage_camera(footage, footage.focal_px),
        options.lifter,
    )
    people: list[list[PersonPose]] = []
    frames = video.decode(request)
    while batch := list(islice(frames, BATCH)):
        people += estimator.process([image for _, image in batch], [time_s for time_s, _ in batch])
    return people


def _line(found: Stability) -> str:
    turned = ", ".join(f"{name} {len(numbers)}" for name, numbers in found.turned.items())
    crossed = ", ".join(f"{name} {len(numbers)}" for name, numbers in found.exchanged.items())
    return (
        f"person {found.person}: in {found.found} frames, lost in {len(found.lost)}; "
        f"axes turned: {turned}; exchanged: {crossed}; frames with any {found.events}"
    )
