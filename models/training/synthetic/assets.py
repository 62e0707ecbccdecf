# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads MakeHuman's files: base mesh, shape targets, fitted garments, skin weights."""

import gzip
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

METRES = 0.1  # MakeHuman counts in decimetres


@dataclass(frozen=True)
class Mesh:
    """A polygon mesh; `loops` and `loop_uvs` list the corners of one face after the other."""

    vertices: np.ndarray  # (V, 3) metres
    uvs: np.ndarray  # (T, 2), origin bottom left
    face_sizes: np.ndarray  # (F,) corners of each face
    loops: np.ndarray  # (L,) indices into vertices
    loop_uvs: np.ndarray  # (L,) indices into uvs
    face_groups: np.ndarray  # (F,) names

    def face_starts(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.face_sizes)[:-1]])

    def faces_where(self, keep: np.ndarray) -> "Mesh":
        """The mesh with only the faces that (F,) `keep` marks; all vertices stay."""
        corners = np.repeat(keep, self.face_sizes)
        return Mesh(
            self.vertices, self.uvs, self.face_sizes[keep], self.loops[corners],
            self.loop_uvs[corners], self.face_groups[keep],
        )  # fmt: skip

    def group_vertices(self, group: str) -> np.ndarray:
        """Sorted indices of the vertices that faces of the group use."""
        return np.unique(self.loops[np.repeat(self.face_groups == group, self.face_sizes)])


@lru_cache(maxsize=64)
def read_obj(path: Path) -> Mesh:
    vertices: list[list[float]] = []
    uvs: list[list[float]] = []
    corners: list[tuple[int, int]] = []
    sizes: list[int] = []
    groups: list[str] = []
    group = ""
    for line in path.read_text().splitlines():
        keyword, *words = line.split() or [""]
        if keyword == "v":
            vertices.append([METRES * float(word) for word in words[:3]])
        elif keyword == "vt":
            uvs.append([float(word) for word in words[:2]])
        elif keyword == "g":
            group = words[0] if words else ""
        elif keyword == "f":
            for word in words:
                vertex, _, uv = word.partition("/")
                corners.append((int(vertex) - 1, int(uv.partition("/")[0] or 1) - 1))
            sizes.append(len(words))
            groups.append(group)
    loops = np.array(corners, np.int32)
    return Mesh(
        np.array(vertices), np.array(uvs or [[0.0, 0.0]], np.float32), np.array(sizes, np.int32),
        loops[:, 0], loops[:, 1], np.array(groups),
    )  # fmt: skip


@lru_cache(maxsize=512)
def read_target(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertex indices (N,) and their offsets (N, 3) in metres."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    numbers = " ".join(line for line in lines if line[:1] != "#")
    table = np.fromstring(numbers, np.float32, sep=" ").reshape(-1, 4)
    return table[:, 0].astype(np.int32), METRES * table[:, 1:]


@dataclass(frozen=True)
class Fit:
    """How a garment sits on the body (`.mhclo`)."""

    anchors: np.ndarray  # (V, 3) base vertices
    shares: np.ndarray  # (V, 3) of each anchor; sum 1
    offsets: np.ndarray  # (V, 3) in units of the body's scale
    scales: tuple[tuple[int, int, float], ...]  # per axis: two base vertices, their distance
    hidden: np.ndarray  # base vertices below the garment

    def positions(self, body: np.ndarray) -> np.ndarray:
        """(V, 3) metres on the shaped (B, 3) body in rest pose."""
        scale = [
            abs(body[a, axis] - body[b, axis]) / distance
            for axis, (a, b, distance) in enumerate(self.scales)
        ]
        return np.einsum("vk,vkd->vd", self.shares, body[self.anchors]) + self.offsets * scale

    def weights(self, body_weights: np.ndarray) -> np.ndarray:
        """(V, bones) skin weights from the body's (B, bones)."""
        shares = self.shares.clip(min=0.0)
        mixed = np.einsum("vk,vkb->vb", shares, body_weights[self.anchors])
        return mixed / mixed.sum(1, keepdims=True).clip(min=1e-9)


@lru_cache(maxsize=64)
def read_fit(path: Path) -> Fit:
    rows: list[list[float]] = []
    hidden: list[int] = []
    scales = {}
    section = ""
    for line in path.read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            scales[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
        elif words[0] in ("verts", "delete_verts"):
            section = words[0]
        elif not (words[0][0].isdigit() or words[0][0] == "-"):
            if section == "delete_verts":
                section = ""
        elif section == "verts":
            numbers = [float(word) for word in words]
            short = [numbers[0]] * 3 + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
            rows.append(numbers[:9] if len(numbers) >= 9 else short)
        elif section == "delete_verts":
            hidden += _ranges(words)
    table = np.array(rows)
    return Fit(
        table[:, :3].astype(np.int32), table[:, 3:6], METRES * table[:, 6:9],
        tuple((a, b, METRES * d) for a, b, d in (scales[axis] for axis in "xyz")),
        np.array(sorted(set(hidden)), np.int32),
    )  # fmt: skip


def _ranges(words: list[str]) -> list[int]:
    """["3", "7", "-", "9"] -> [3, 7, 8, 9]"""
    numbers: list[int] = []
    extend = False
    for word in words:
        if word == "-":
            extend = True
        elif extend:
            numbers += range(numbers[-1] + 1, int(word) + 1)
            extend = False
        else:
            numbers.append(int(word))
    return numbers


def read_weights(path: Path, bones: list[str], vertex_count: int) -> np.ndarray:
    """(V, bones) float32 skin weights; every row sums to 1."""
    table = json.loads(path.read_text())["weights"]
    weights = np.zeros((vertex_count, len(bones)), np.float32)
    for column, bone in enumerate(bones):
        rows = np.array(table[bone])
        weights[rows[:, 0].astype(int), column] = rows[:, 1]
    return weights / weights.sum(1, keepdims=True).clip(min=1e-9)


@dataclass(frozen=True)
class Asset:
    """One garment, hair style, eyebrow or eye mesh of the pack."""

    kind: str
    name: str
    sex: str  # "male", "female" or "any"
    mesh: Path
    fit: Path
    texture: Path | None


class HumanPack:
    """The folder of people: base mesh, targets, rig, garments, skins."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.base = read_obj(folder / "base.obj")
        listed = json.loads((folder / "manifest.json").read_text())["assets"]
        self.assets: list[Asset] = []
        self.skins: dict[str, str] = {}  # name -> sex
        for entry in listed:
            files = [folder / item["file"] for item in entry["files"]]
            by_suffix = {path.suffix: path for path in files}
            if entry["kind"] == "skin":
                self.skins[entry["name"]] = entry["sex"]
            elif ".mhclo" in by_suffix:
                texture = entry.get("texture") if entry["kind"] != "eyes" else None
                self.assets.append(
                    Asset(
                        entry["kind"],
                        entry["name"],
                        entry["sex"],
                        by_suffix[".obj"],
                        by_suffix[".mhclo"],
                        folder / texture if texture else None,
                    )
                )
        self.irises = sorted((folder / "eyes" / "textures").glob("*.png"))

    def skin_texture(self, name: str) -> Path:
        return self.folder / "skins" / f"{name}.jpg"

    def target(self, name: str) -> Path:
        return self.folder / "targets" / f"{name}.target.gz"

    def of_kind(self, kind: str) -> list[Asset]:
        return [asset for asset in self.assets if asset.kind == kind]
