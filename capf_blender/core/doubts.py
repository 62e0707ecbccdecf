# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames of a motion to look at: badly seen parts, parts far from the footage, and gaps."""

from dataclasses import dataclass, field

import numpy as np

from .camera import inverse, project, transformed
from .filters import segments
from .motion import Motion
from .skeleton import JOINT
from .take import Take

PARTS: dict[str, tuple[str, ...]] = {
    "Left Arm": ("l_shoulder", "l_elbow", "l_wrist"),
    "Right Arm": ("r_shoulder", "r_elbow", "r_wrist"),
    "Left Leg": ("l_hip", "l_knee", "l_ankle"),
    "Right Leg": ("r_hip", "r_knee", "r_ankle"),
    "Trunk": ("spine", "thorax", "l_shoulder", "r_shoulder"),
    "Head": ("neck", "nose", "head_top"),
}
"""Parts of the body, as the panel and the F-curves call them, and their joints."""

LEAST_CONFIDENCE = 0.4  # of a part, where the user asks for no other
# Share of the person's height in the picture by which a part may be off it, 9 cm of a grown-up.
FAR = 0.05
MERGE_S = 0.2  # runs of doubtful frames nearer to each other than this are one
KEY_STEP = 0.02  # of confidence that fewer keys may leave out


@dataclass(frozen=True)
class Doubt:
    """A run of frames to look at: indices of the take, both included."""

    first: int
    last: int
    reasons: tuple[str, ...] = field(default=())  # "left arm 23 % sure", worst first


def part_confidence(take: Take) -> np.ndarray:
    """(F, P) of each of `PARTS`: the mean probability, 0 to 1, that its joints were found within
    100 mm; NaN where the person is unknown."""
    columns = [take.joints_confidence[:, _indices(part)].mean(axis=1) for part in PARTS]
    return np.where(take.present[:, None], np.clip(np.stack(columns, axis=1), 0.0, 1.0), np.nan)


def seen_joints(motion: Motion) -> np.ndarray:
    """(F, J, 2) pixels of the footage at which the solved joints lie; NaN behind the lens."""
    camera_from_world = inverse(motion.world_from_camera)
    return project(transformed(motion.joints, camera_from_world), motion.camera)


def pixel_distances(motion: Motion, take: Take) -> np.ndarray:
    """(F, J) pixels from the solved joints to where the detector saw them."""
    return np.linalg.norm(seen_joints(motion) - take.joints_2d, axis=-1)


def find_doubts(take: Take, motion: Motion, threshold: float = LEAST_CONFIDENCE) -> list[Doubt]:
    """The runs of frames in which a part is below `threshold`, far from where it is seen, or the
    person is unknown; in order. `motion` has the take's own times.

    Runs within `MERGE_S` of one another are one, as a part that flickers is looked at once.
    """
    sure, far = part_confidence(take), _part_distances(take, motion)
    with np.errstate(invalid="ignore"):
        doubtful = (sure < threshold).any(axis=1) | (far > FAR).any(axis=1) | ~motion.present
    runs: list[list[int]] = []
    for run in segments(doubtful):
        near = runs and take.time_s[run.start] - take.time_s[runs[-1][1]] <= MERGE_S
        if near:
            runs[-1][1] = run.stop - 1
        else:
            runs.append([run.start, run.stop - 1])
    return [
        Doubt(first, last, _reasons(slice(first, last + 1), sure, far, motion.present, threshold))
        for first, last in runs
    ]


def summary(
    take: Take, frames_of: np.ndarray | None = None, threshold: float = LEAST_CONFIDENCE
) -> tuple[str, ...]:
    """A line for each part that is below `threshold` somewhere, worst first: "Left arm below 50 %
    in 34 frames". `frames_of` (N,) indices of the frames that are counted, all without."""
    sure = part_confidence(take)
    if frames_of is not None:
        sure = sure[frames_of]
    with np.errstate(invalid="ignore"):
        counts = (sure < threshold).sum(axis=0)
    order = np.argsort(-counts, kind="stable")
    names = list(PARTS)
    return tuple(
        f"{names[part].capitalize()} below {100 * threshold:.0f} % in {_frames(int(counts[part]))}"
        for part in order
        if counts[part]
    )


def thinned(values: np.ndarray, allowed: float = KEY_STEP) -> np.ndarray:
    """Indices of as few of `values` (N,) as straight lines between them need to stay within
    `allowed` of all (Ramer, Douglas and Peucker's division, with the distance in value)."""
    keep = np.zeros(len(values), bool)
    keep[[0, -1]] = True
    waiting = [(0, len(values) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        line = np.interp(np.arange(first, last + 1), (first, last), values[[first, last]])
        off = np.abs(values[first : last + 1] - line)
        worst = first + int(off.argmax())
        if off.max() > allowed:
            keep[worst] = True
            waiting += [(first, worst), (worst, last)]
    return np.flatnonzero(keep)


def _indices(part: str) -> list[int]:
    return [JOINT[name] for name in PARTS[part]]


def _part_distances(take: Take, motion: Motion) -> np.ndarray:
    """(F, P) mean distance of each part's joints from where they are seen, in heights of the
    person in the picture: the joints' extent, upright or not, at the middle of the clip's size."""
    distance = pixel_distances(motion, take)
    across = take.joints_2d[:, :, None] - take.joints_2d[:, None, :]
    extent = np.linalg.norm(across, axis=-1).max(axis=(1, 2))
    height = np.nanmedian(extent) if np.isfinite(extent).any() else np.nan
    parts = [distance[:, _indices(part)].mean(axis=1) for part in PARTS]
    return np.stack(parts, axis=1) / np.maximum(extent, 0.5 * height)[:, None]


def _reasons(
    run: slice, sure: np.ndarray, far: np.ndarray, present: np.ndarray, threshold: float
) -> tuple[str, ...]:
    found: list[tuple[float, str]] = []
    if not present[run].all():
        found.append((-1.0, "the person is unknown"))
    for index, part in enumerate(PARTS):
        least = np.nanmin(sure[run, index], initial=1.0)
        most = np.nanmax(far[run, index], initial=0.0)
        if least < threshold:
            found.append((least / threshold, f"{part.lower()} {100 * least:.0f} % sure"))
        if most > FAR:
            off = f"{part.lower()} {100 * most:.0f} % of the height off the footage"
            found.append((FAR / most, off))
    return tuple(text for _, text in sorted(found))


def _frames(count: int) -> str:
    return f"{count} frame{'s' if count != 1 else ''}"
