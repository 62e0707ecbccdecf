# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How sure a difference between two models is, when frames of one clip are alike."""

from dataclasses import dataclass

import numpy as np

DRAWS = 5000
LEVEL = 95.0  # percent of the draws inside an interval


@dataclass(frozen=True)
class Interval:
    """A figure and where it would lie for other clips of the same kind."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Of a model's mean with another one's, on the same samples."""

    difference: Interval  # in the unit of the values; below 0 the model is better
    ratio: Interval
    clusters: int


def compare(
    values: np.ndarray, other: np.ndarray, cluster: np.ndarray, draws: int = DRAWS, seed: int = 0
) -> Comparison:
    """Paired bootstrap over clusters, percentile intervals (Davison and Hinkley, Bootstrap Methods,
    1997, sections 3.8 and 5.3).

    `values` and `other` (N,) are the errors of the two models, `cluster` (N,) the clip of each
    sample. A draw takes as many clips as there are, with repetition, all samples of each; its means
    are over samples. Where there is one clip only the interval is as wide as can be: not a number.
    """
    if not (len(values) == len(other) == len(cluster)) or not len(values):
        raise ValueError(f"{len(values)} and {len(other)} values in {len(cluster)} clusters")
    _, number = np.unique(cluster, return_inverse=True)
    clusters = int(number.max()) + 1
    count = np.bincount(number)
    sums = np.stack([np.bincount(number, weights=v) for v in (values, other)], axis=1)
    mine, theirs = sums.sum(0) / len(values)
    if clusters == 1:
        nothing = (float("nan"), float("nan"))
        return Comparison(
            Interval(mine - theirs, *nothing), Interval(mine / theirs, *nothing), clusters
        )
    drawn = np.random.default_rng(seed).multinomial(
        clusters, np.full(clusters, 1 / clusters), size=draws
    )  # (draws, clusters): how often each clip is in the draw
    means = (drawn @ sums) / (drawn @ count)[:, None]
    ends = (50 - LEVEL / 2, 50 + LEVEL / 2)
    return Comparison(
        Interval(mine - theirs, *map(float, np.percentile(means[:, 0] - means[:, 1], ends))),
        Interval(mine / theirs, *map(float, np.percentile(means[:, 0] / means[:, 1], ends))),
        clusters,
    )
