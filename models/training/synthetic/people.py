# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actors: a body with skin, eyes, hair, clothes and shoes; one mesh to skin and to draw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .assets import Asset, HumanPack, Mesh, read_fit, read_obj
from .body import Shape, sample_shape
from .rig import Rig

HELD_OUT_SKINS = ("young_lightskinned_female_diffuse3", "middleage_lightskinned_male_diffuse2")
HELD_OUT_WEAR = (
    "female_casualsuit01", "male_casualsuit03", "male_worksuit01", "shoes03", "bob02", "short04",
)  # fmt: skip
_BARE = 0.04  # chance of no clothes but the skin (gymnasts, swimmers)


@dataclass(frozen=True)
class Part:
    """One material's faces in the actor's mesh."""

    kind: str  # "skin", "clothes", "shoes", "hat", "hair", "eyebrow", "eyes"
    texture: Path | None
    faces: int


@dataclass(frozen=True)
class Actor:
    """A dressed person in rest pose."""

    name: str
    shape: Shape
    rest_joints: np.ndarray  # (31, 3) metres
    vertices: np.ndarray  # (V, 3) float32: body, then what is worn
    weights: np.ndarray  # (V, 31) float32
    parts: list[Part]
    face_sizes: np.ndarray  # (F,)
    loops: np.ndarray  # (L,) indices into vertices
    uvs: np.ndarray  # (L, 2) float32


def wardrobe(pack: HumanPack, kind: str, split: str) -> list[Asset]:
    """What people of a split may wear; hats, eyes and brows are too few to hold some out."""
    found = pack.of_kind(kind)
    if kind in ("clothes", "shoes", "hair"):
        found = [a for a in found if (a.name in HELD_OUT_WEAR) == (split != "train")]
    return found


def skins(pack: HumanPack, sex: str, split: str) -> list[str]:
    return [
        name
        for name, suits in pack.skins.items()
        if suits == sex and (name in HELD_OUT_SKINS) == (split != "train")
    ]


def sample_actor(
    pack: HumanPack,
    rig: Rig,
    name: str,
    split: str,
    rng: np.random.Generator,
    sex: str | None = None,
) -> Actor:
    shape = sample_shape(pack, rng, sex)
    skin = str(rng.choice(skins(pack, shape.sex, split)))
    iris = int(rng.integers(len(pack.irises)))
    worn = [_pick(pack, "eyes", split, rng), _pick(pack, "eyebrow", split, rng)]
    bare = rng.random() < _BARE
    if not bare:
        # men's suits also fit women, and are most of the pack
        any_sex = shape.sex == "female" and rng.random() < 0.4
        worn.append(_pick(pack, "clothes", split, rng, None if any_sex else shape.sex))
        if rng.random() < 0.85:
            worn.append(_pick(pack, "shoes", split, rng))
    if rng.random() < 0.92:
        worn.append(_pick(pack, "hair", split, rng, shape.sex))
    if rng.random() < 0.08:
        worn.append(_pick(pack, "hat", split, rng))
    return dress(pack, rig, name, shape, pack.skin_texture(skin), worn, iris)


def _pick(
    pack: HumanPack, kind: str, split: str, rng: np.random.Generator, sex: str | None = None
) -> Asset:
    found = wardrobe(pack, kind, split)
    fitting = [a for a in found if sex is None or a.sex in (sex, "any")]
    return fitting[rng.integers(len(fitting))]


def dress(
    pack: HumanPack,
    rig: Rig,
    name: str,
    shape: Shape,
    skin: Path,
    worn: list[Asset],
    iris: int = 0,
) -> Actor:
    """Fits what is worn to the body and joins everything into one mesh; `iris` counts images."""
    body = pack.base.faces_where(pack.base.face_groups == "body")
    fits = [read_fit(asset.fit) for asset in worn]
    hidden = np.zeros(len(shape.vertices), bool)
    for fit in fits:
        hidden[fit.hidden] = True
    covered = np.logical_and.reduceat(hidden[body.loops], body.face_starts())
    pieces = [(body.faces_where(~covered), shape.vertices, rig.weights)]
    parts = [Part("skin", skin, int((~covered).sum()))]
    for asset, fit in zip(worn, fits, strict=True):
        mesh = read_obj(asset.mesh)
        pieces.append((mesh, fit.positions(shape.vertices), fit.weights(rig.weights)))
        texture = pack.irises[iris] if asset.kind == "eyes" else asset.texture
        parts.append(Part(asset.kind, texture, len(mesh.face_sizes)))
    return Actor(name, shape, rig.rest_joints(shape.vertices), *_joined(pieces, parts))


def _joined(pieces: list[tuple[Mesh, np.ndarray, np.ndarray]], parts: list[Part]) -> tuple:
    """The fields of Actor from `vertices` on; only vertices that a face uses are kept."""
    vertices, weights, loops, uvs, sizes = [], [], [], [], []
    count = 0
    for mesh, positions, skin_weights in pieces:
        used, renumbered = np.unique(mesh.loops, return_inverse=True)
        vertices.append(positions[used])
        weights.append(skin_weights[used])
        loops.append(renumbered.reshape(-1) + count)
        uvs.append(mesh.uvs[mesh.loop_uvs])
        sizes.append(mesh.face_sizes)
        count += len(used)
    return (
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(weights).astype(np.float32),
        parts,
        np.concatenate(sizes),
        np.concatenate(loops).astype(np.int32),
        np.concatenate(uvs).astype(np.float32),
    )
