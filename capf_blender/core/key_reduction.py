# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer keys: cubic curves through some of the frames that stay near to all of them.

Between two keys a curve is the cubic Hermite polynomial of their values and slopes. Blender's
Bezier curve is the same one where each handle ends a third of the way to the next key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .filters import frame_interval


@dataclass(frozen=True, eq=False)
class Track:
    """Curves that share their keys; K keys, C curves."""

    keys: np.ndarray  # (K,) int indices of frames, increasing
    values: np.ndarray  # (K, C)
    slopes_in: np.ndarray  # (K, C) a frame, as the curve reaches the key ...
    slopes_out: np.ndarray  # (K, C) ... and as it leaves it


@dataclass(frozen=True, eq=False)
class _Curves:
    """What a track is cut from; N frames."""

    values: np.ndarray  # (N, C)
    slopes_in: np.ndarray  # (N, C)
    slopes_out: np.ndarray  # (N, C)

    def track(self, keys: np.ndarray) -> Track:
        return Track(keys, self.values[keys], self.slopes_in[keys], self.slopes_out[keys])


def reduce_keys(
    frames: np.ndarray,
    curves: Sequence[np.ndarray],
    errors: Callable[[list[np.ndarray]], np.ndarray],
    edges: np.ndarray,
) -> list[Track]:
    """As few keys as a search from coarse to fine needs to keep every error at 1 or below.

    `frames` (N,) increasing; `curves` a (N, C) array a track; `errors(approximations)` takes arrays
    of the same shapes and returns (T, N): how much of what is allowed each track uses up at each
    frame, 0 where a track's approximation is exact. `edges` (T, N) bool: frames that are keyed in
    any case and at which a track may have corners, such as a foot's touching down.
    """
    gaps = np.flatnonzero(np.diff(frames) > 1.5 * frame_interval(frames))
    keyed = edges.copy()
    keyed[:, np.concatenate([[0, len(frames) - 1], gaps, gaps + 1])] = True
    sources = [
        _Curves(values, *_slopes(frames, values, corners))
        for values, corners in zip(curves, keyed, strict=True)
    ]
    while True:
        tracks = [
            source.track(np.flatnonzero(row)) for source, row in zip(sources, keyed, strict=True)
        ]
        wrong = errors([curve_values(frames, track) for track in tracks])
        worst = _worst_between(wrong, keyed)
        if not worst.any():
            return tracks
        keyed |= worst


def curve_values(frames: np.ndarray, track: Track) -> np.ndarray:
    """(N, C) values of the track's curves at `frames` (N,), of which its keys are indices."""
    if len(track.keys) == 1:
        return np.repeat(track.values, len(frames), axis=0)
    left = np.clip(np.searchsorted(track.keys, np.arange(len(frames)), "right") - 1, 0, None)
    left = np.minimum(left, len(track.keys) - 2)
    start, end = frames[track.keys[left]], frames[track.keys[left + 1]]
    length = (end - start)[:, None]
    s = (frames - start)[:, None] / length
    values = (1 + 2 * s) * (1 - s) ** 2 * track.values[left]
    values += s * (1 - s) ** 2 * length * track.slopes_out[left]
    values += s**2 * (3 - 2 * s) * track.values[left + 1]
    values -= s**2 * (1 - s) * length * track.slopes_in[left + 1]
    values[track.keys] = track.values
    return values


def _slopes(
    frames: np.ndarray, values: np.ndarray, corners: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) slopes on either side of each frame; they differ at `corners` only."""
    before, after = np.zeros_like(values), np.zeros_like(values)
    stops = np.flatnonzero(corners)
    for first, last in pairwise(stops):
        run = slice(first, last + 1)
        order = 2 if last - first > 1 else 1
        slopes = np.gradient(values[run], frames[run], axis=0, edge_order=order)
        before[first + 1 : last + 1] = slopes[1:]
        after[first:last] = slopes[:-1]
    return before, after


def _worst_between(errors: np.ndarray, keyed: np.ndarray) -> np.ndarray:
    """(T, N) bool: the worst frame above 1 between each two keys."""
    worst = np.zeros_like(keyed)
    open_errors = np.where(keyed, 0.0, errors)  # what rounding leaves at a key is not to be mended
    for row, track in enumerate(open_errors):
        starts = np.flatnonzero(keyed[row])
        for index in np.flatnonzero(np.maximum.reduceat(track, starts) > 1.0):
            end = starts[index + 1] if index + 1 < len(starts) else len(track)
            worst[row, starts[index] + int(np.argmax(track[starts[index] : end]))] = True
    return worst
