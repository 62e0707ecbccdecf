# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is who from frame to frame: one track a person, found again when lost, never twice."""

from dataclasses import dataclass, fields

import numpy as np

from .landmarks import CENTRE, CIRCLE, KEYPOINT_COUNT, KEYPOINT_NAMES
from .regions import regions_from_alignment

ALIGNMENT = [CENTRE, CIRCLE]
UNCONFIRMED = -1  # `person` of a track that may still be a false detection
CONFIRM_FRAMES = 3  # followed for so many frames, somebody really is there
REMEMBER_S = 1.0  # somebody lost keeps the number for so long

# One-Euro filter (Casiez et al., CHI 2012) on the points that make the next region; constants of
# MediaPipe's pose_landmark_filtering graph, where it runs even with smoothing off
MIN_CUTOFF_HZ, CUTOFF_SLOPE, SPEED_CUTOFF_HZ = 0.01, 10.0, 1.0


LOOK_S = 1.0  # a track's look follows what is seen with this time constant
LOOK_MARGIN = 12.0  # levels by which a look must fit better to decide who somebody is
HEADING_S = 0.11  # for so long it is known where the keypoints were heading
DOUBTFUL = 0.05  # sides of the region by which a limb may be off from there on average
LIMBS = [
    [n for n, name in enumerate(KEYPOINT_NAMES) if name.endswith(endings)]
    for endings in (
        ("shoulder", "hip"),
        ("elbow", "wrist", "index", "pinky"),
        ("knee", "ankle", "heel", "toe"),
    )
]


@dataclass(eq=False)
class Track:
    """One person's way through the clip; all that the next frame needs."""

    person: int  # number in order of appearance
    frames: int  # in which the person was found
    seen_s: float  # the last of them
    lost: bool
    region: np.ndarray  # (4,) where to look next
    raw: np.ndarray  # (2, 2) pixels: centre and circle point as last found
    smooth: np.ndarray  # (2, 2) pixels: filtered
    speed: np.ndarray  # (2, 2) sides a second, filtered
    look: np.ndarray  # (2, 3) colours of chest and thighs, 0..255
    settled_s: float  # when the keypoints last were where they were expected
    keypoints: np.ndarray  # (33, 2) pixels, as they were then
    motion: np.ndarray  # (33, 2) pixels a second, then


def start_track(points: np.ndarray, look: np.ndarray, time_s: float) -> Track:
    """A new track; `points` (39, 2) pixels are the landmarks as first found."""
    keypoints, points = points[:KEYPOINT_COUNT], points[ALIGNMENT]
    region = regions_from_alignment(points[:1], points[1:])[0]
    return Track(
        person=UNCONFIRMED, frames=1, seen_s=time_s, lost=False,
        region=region, raw=points, smooth=points, speed=np.zeros((2, 2)),
        look=look, settled_s=time_s, keypoints=keypoints, motion=np.zeros((KEYPOINT_COUNT, 2)),
    )  # fmt: skip


def follow(track: Track, points: np.ndarray, look: np.ndarray, time_s: float) -> None:
    """The person was found again with landmarks at `points` (39, 2) pixels, looking like that."""
    track.look = track.look + min((time_s - track.seen_s) / LOOK_S, 1) * (look - track.look)
    if track.lost:
        fresh = start_track(points, look, time_s)
        track.region, track.raw, track.smooth = fresh.region, fresh.raw, fresh.smooth
        track.speed = fresh.speed
        track.settled_s, track.keypoints, track.motion = time_s, fresh.keypoints, fresh.motion
    else:
        settle(track, points[:KEYPOINT_COUNT], time_s)
        points = points[ALIGNMENT]
        step = max(time_s - track.seen_s, 1e-3)
        side = max(2 * float(np.hypot(*(points[1] - points[0]))), 1.0)
        found = (points - track.raw) / (side * step)
        track.speed = track.speed + _alpha(SPEED_CUTOFF_HZ, step) * (found - track.speed)
        cutoff = MIN_CUTOFF_HZ + CUTOFF_SLOPE * np.abs(track.speed)
        track.smooth = track.smooth + _alpha(cutoff, step) * (points - track.smooth)
        track.raw = points
        track.region = regions_from_alignment(track.smooth[:1], track.smooth[1:])[0]
    track.frames += 1
    track.seen_s = time_s
    track.lost = False


def expected(track: Track, time_s: float) -> np.ndarray | None:
    """(33, 2) pixels where the keypoints were heading, None where that is too long ago."""
    since = time_s - track.settled_s
    return None if since > HEADING_S else track.keypoints + since * track.motion


def misfits(points: np.ndarray, aim: np.ndarray, side: float) -> np.ndarray:
    """(3,) mean distances of trunk, arms and legs from where they are expected, in sides of the
    region; both sets (33, 2) pixels."""
    distance = np.linalg.norm(points - aim, axis=1) / side
    return np.array([distance[group].mean() for group in LIMBS])


def settle(track: Track, keypoints: np.ndarray, time_s: float) -> None:
    """Keypoints that are not where they were heading count only when they stay away."""
    aim = expected(track, time_s)
    if aim is None:
        track.motion = np.zeros_like(keypoints)
    elif misfits(keypoints, aim, track.region[2]).max() > DOUBTFUL:
        return
    else:
        track.motion = (keypoints - track.keypoints) / max(time_s - track.settled_s, 1e-3)
    track.settled_s, track.keypoints = time_s, keypoints


def _alpha(cutoff_hz, step_s: float):
    """Weight of a new value in a first-order low pass."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * step_s))


def _look_samples() -> tuple[np.ndarray, np.ndarray]:
    """(S, 33) weights of the keypoints in sample points on the chest, and on the thighs."""

    def at(**shares: float) -> np.ndarray:
        weights = np.zeros(KEYPOINT_COUNT)
        for name, share in shares.items():
            weights[KEYPOINT_NAMES.index(name)] = share
        return weights

    chest = [
        (1 - v) * at(l_shoulder=u, r_shoulder=1 - u) + v * at(l_hip=u, r_hip=1 - u)
        for v in (0.2, 0.4, 0.6, 0.8)
        for u in (0.3, 0.5, 0.7)
    ]
    left = [at(l_hip=1 - v, l_knee=v) for v in (0.3, 0.5, 0.7)]
    right = [at(r_hip=1 - v, r_knee=v) for v in (0.3, 0.5, 0.7)]
    return np.stack(chest), np.stack(left + right)


LOOK_SAMPLES = _look_samples()


def look_of(frame: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """(2, 3) median colours of chest and thighs of somebody with (33, 2) keypoints."""
    height, width = frame.shape[:2]
    colours = []
    for samples in LOOK_SAMPLES:
        x, y = np.clip((samples @ keypoints).astype(int), 0, (width - 1, height - 1)).T
        colours.append(np.median(frame[y, x], axis=0))
    return np.stack(colours)


def look_distance(track: Track, look: np.ndarray) -> float:
    """Root mean square of the difference, in levels of 0..255."""
    return float(np.sqrt(np.mean((track.look - look) ** 2)))


def same_person(points: np.ndarray, others: np.ndarray, side: float) -> bool:
    """Two sets of (33, 2) keypoints in pixels lie on one body whose region has that side."""
    return float(np.median(np.linalg.norm(points - others, axis=1))) < 0.08 * side


def same_place(region: np.ndarray, other: np.ndarray, reach: float) -> float | None:
    """Distance of two regions' centres in sides when it is below `reach` and their sizes are
    alike, otherwise None."""
    small, large = sorted((region[2], other[2]))
    distance = float(np.hypot(*(region[:2] - other[:2]))) / large
    return distance if distance < reach and large < 1.8 * small else None


def pack(tracks: list[Track]) -> dict[str, np.ndarray]:
    """The tracks as one array a field, T tracks in front."""
    return {
        field.name: np.array([getattr(track, field.name) for track in tracks])
        for field in fields(Track)
    }


def unpack(arrays: dict[str, np.ndarray]) -> list[Track]:
    """What `pack` packed."""
    return [
        Track(
            person=int(arrays["person"][row]),
            frames=int(arrays["frames"][row]),
            seen_s=float(arrays["seen_s"][row]),
            lost=bool(arrays["lost"][row]),
            region=arrays["region"][row],
            raw=arrays["raw"][row],
            smooth=arrays["smooth"][row],
            speed=arrays["speed"][row],
            look=arrays["look"][row],
            settled_s=float(arrays["settled_s"][row]),
            keypoints=arrays["keypoints"][row],
            motion=arrays["motion"][row],
        )
        for row in range(len(arrays["person"]))
    ]
