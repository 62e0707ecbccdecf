# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Body shapes: sex, age, weight, muscle, height, proportions and ethnicity, plus details."""

import re
from dataclasses import dataclass
from itertools import product

import numpy as np

from .assets import HumanPack, read_target

STATURE_M = (1.45, 2.0)
_RACES = ("african", "asian", "caucasian")
_DETAIL_FOLDERS = (
    "arms", "legs", "torso", "hip", "head", "neck", "hands", "feet", "stomach", "buttocks",
)  # fmt: skip
_NO_DETAIL = re.compile(r"trans|valgus|finger|navel|pregnant|age|double|torso-scale")


@dataclass(frozen=True)
class Shape:
    """A body in rest pose."""

    sex: str
    vertices: np.ndarray  # (V, 3) metres, all of the base mesh
    stature: float  # metres


def sample_shape(pack: HumanPack, rng: np.random.Generator, sex: str | None = None) -> Shape:
    """A random adult, of that sex or of any, whose stature lies within `STATURE_M`."""
    sex = sex or str(rng.choice(["female", "male"]))
    while True:
        weights = macro_weights(sex, rng) | _detail_weights(pack, rng)
        vertices = shaped(pack, weights)
        body = vertices[pack.base.group_vertices("body")]
        stature = float(np.ptp(body[:, 1]))
        if STATURE_M[0] <= stature <= STATURE_M[1]:
            return Shape(sex, vertices, stature)


def average_shape(pack: HumanPack, sex: str) -> Shape:
    """A young adult of middle weight, muscle, height and mixed ethnicity."""
    weights = {f"macrodetails/{race}-{sex}-young": 1 / 3 for race in _RACES}
    weights[f"macrodetails/universal-{sex}-young-averagemuscle-averageweight"] = 1.0
    vertices = shaped(pack, weights)
    body = vertices[pack.base.group_vertices("body")]
    return Shape(sex, vertices, float(np.ptp(body[:, 1])))


def shaped(pack: HumanPack, weights: dict[str, float]) -> np.ndarray:
    """(V, 3) metres: base mesh plus weighted targets."""
    vertices = pack.base.vertices.copy()
    for name, weight in weights.items():
        indices, offsets = read_target(pack.target(name))
        vertices[indices] += weight * offsets
    return vertices


def macro_weights(sex: str, rng: np.random.Generator) -> dict[str, float]:
    """Target -> weight; along each axis the weights add up to 1, as MakeHuman blends them."""
    old = float(rng.beta(0.7, 1.6))
    ages = {"young": 1 - old, "old": old}
    muscles = _between(rng, "muscle")
    heaviness = _between(rng, "weight")
    races = dict(zip(_RACES, rng.dirichlet([0.5] * 3), strict=True))
    weights = {
        f"macrodetails/{race}-{sex}-{age}": r * a
        for (race, r), (age, a) in product(races.items(), ages.items())
    }
    height = float(np.clip(rng.normal(0.0, 0.17), -0.42, 0.42))
    tall = "maxheight" if height > 0 else "minheight"
    proportion = float(rng.uniform(-0.4, 0.4))
    build = "idealproportions" if proportion > 0 else "uncommonproportions"
    for (age, a), (muscle, m), (heavy, w) in product(
        ages.items(), muscles.items(), heaviness.items()
    ):
        share, kind = a * m * w, f"{sex}-{age}-{muscle}-{heavy}"
        weights[f"macrodetails/universal-{kind}"] = share
        weights[f"macrodetails/height/{kind}-{tall}"] = share * abs(height)
        weights[f"macrodetails/proportions/{kind}-{build}"] = share * abs(proportion)
    return {name: weight for name, weight in weights.items() if weight > 0.01}


def _between(rng: np.random.Generator, axis: str) -> dict[str, float]:
    """Weights of the average and of one extreme of muscle or weight."""
    value = float(np.clip(rng.normal(0.0, 0.5), -1.0, 1.0))
    extreme = ("max" if value > 0 else "min") + axis
    return {f"average{axis}": 1 - abs(value), extreme: abs(value)}


def _detail_weights(pack: HumanPack, rng: np.random.Generator) -> dict[str, float]:
    """A dozen random details, the same on both sides of the body."""
    stems = []
    for folder in _DETAIL_FOLDERS:
        for path in sorted((pack.folder / "targets" / folder).glob("*-decr.target.gz")):
            stem = path.name.removesuffix("-decr.target.gz")
            if not stem.startswith("r-") and not _NO_DETAIL.search(stem):
                stems.append(f"{folder}/{stem}")
    weights = {}
    for stem in rng.choice(stems, 14, replace=False):
        value = float(np.clip(rng.normal(0.0, 0.15), -0.35, 0.35))
        name = f"{stem}-{'incr' if value > 0 else 'decr'}"
        weights[name] = abs(value)
        if "/l-" in name:
            weights[name.replace("/l-", "/r-")] = abs(value)
    return weights
