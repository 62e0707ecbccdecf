# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses from the motion clips: balanced over clips and pose clusters, mirrored, with noise."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capf_blender.core.rotations import matrix_from_quaternion, unit

from . import rotations
from .rig import BONE, BONES, MIRRORED_BONES, pose

HELD_OUT = 7  # one group of clips in so many is for validation
FIXTURES = {"cmu_131_01"}  # of the tests' clip (clip.py), never trained on
_STRIDE = 6  # frames between those that clusters are made from
_CLUSTERS = 160


def take_of(clip: str) -> str:
    """Clips cut from one recording share a name, and so do the two dancers of one salsa."""
    name = re.sub(r"_s\d+$", "", clip)
    if found := re.fullmatch(r"cmu_salsa_(\d+)", name):
        return f"salsa {(int(found[1]) - 1) % 15}"
    return re.sub(r"\d+$", "", name) if name.startswith("dm_") else name


def is_held_out(clip: str) -> bool:
    digest = hashlib.sha256(f"take {take_of(clip)}".encode()).digest()
    return take_of(clip) in FIXTURES or digest[0] % HELD_OUT == 0


@dataclass(frozen=True)
class Frame:
    """One pose of a clip."""

    clip: str
    local: np.ndarray  # (31, 3, 3) rotations in world-aligned rest axes
    root: np.ndarray  # (3,) metres, of a person whose thigh and shin measure 1 m together


class Motion:
    """The clips of one split ("train" or "validation")."""

    def __init__(self, path: Path, split: str):
        with np.load(path, allow_pickle=False) as stored:
            if tuple(stored["names"]) != BONES:
                raise ValueError(f"{path.name} has other bones than the rig")
            self._quaternions = stored["quat"]
            self._roots = stored["root"]
            self._rest = stored["rest_head_makehuman"]
            starts, names = stored["clip_start"], stored["clip_name"].tolist()
            legs = stored["skeleton_leg_length"][stored["clip_skeleton"]]
        chosen = [i for i, name in enumerate(names) if is_held_out(name) == (split != "train")]
        self.clips = [names[i] for i in chosen]
        self._frames = [np.arange(starts[i], starts[i + 1]) for i in chosen]
        self._legs = legs[chosen]
        lengths = np.array([len(frames) for frames in self._frames])
        self._clip_chance = np.sqrt(lengths) / np.sqrt(lengths).sum()
        self._clusters = self._make_clusters()

    def _make_clusters(self) -> list[np.ndarray]:
        """Frames (clip, frame) of similar pose, by k-means on joint positions turned to face +z."""
        pairs = np.array(
            [(c, f) for c, frames in enumerate(self._frames) for f in frames[::_STRIDE]]
        )
        limbs = [BONE[f"{side}{part}"] for side in ("Left", "Right") for part in (
            "Leg", "Foot", "ForeArm", "Hand")]  # fmt: skip
        posed = pose(self._rest, self._rotations(pairs[:, 1]), np.zeros((len(pairs), 3)))
        facing = posed.turns[:, 0, :, 2]
        yaw = -np.arctan2(facing[:, 0], facing[:, 2])
        turns = rotations.about(np.broadcast_to([0.0, 1.0, 0.0], facing.shape), yaw)
        points = np.einsum("nij,nbj->nbi", turns, posed.joints[:, [*limbs, BONE["Head"]]])
        points = points.reshape(len(pairs), -1)
        rng = np.random.default_rng(0)
        count = min(_CLUSTERS, len(pairs) // 4)
        centres = points[rng.choice(len(points), count, replace=False)]
        nearest = np.zeros(len(points), int)
        for _ in range(8):
            distances = (centres**2).sum(1) - 2 * points @ centres.T
            nearest = distances.argmin(1)
            for index in np.unique(nearest):
                centres[index] = points[nearest == index].mean(0)
        return [pairs[nearest == index] for index in np.unique(nearest)]

    def _rotations(self, frame: int | np.ndarray) -> np.ndarray:
        return matrix_from_quaternion(unit(self._quaternions[frame].astype(np.float64)))

    def frame(self, clip: int, frame: int) -> Frame:
        return Frame(
            self.clips[clip], self._rotations(frame), self._roots[frame] / self._legs[clip]
        )

    def sample(self, rng: np.random.Generator) -> Frame:
        """A frame of a random clip (longer ones a little oftener) or of a random pose cluster."""
        if rng.random() < 0.4:
            clip = int(rng.choice(len(self.clips), p=self._clip_chance))
            frame = self.frame(clip, int(rng.choice(self._frames[clip])))
        else:
            members = self._clusters[rng.integers(len(self._clusters))]
            clip, index = members[rng.integers(len(members))]
            near = np.clip(index + rng.integers(_STRIDE), 0, self._frames[clip][-1])
            frame = self.frame(int(clip), int(near))
        return mirrored(frame) if rng.random() < 0.5 else frame


def mirrored(frame: Frame) -> Frame:
    flip = np.array([-1.0, 1.0, 1.0])
    local = frame.local[list(MIRRORED_BONES)] * flip[:, None] * flip
    return Frame(frame.clip, local, frame.root * flip)


def jittered(local: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray:
    """(31, 3, 3) with a random small turn of every joint; `scale` 1 is about 5 degrees a limb."""
    spread = np.full(len(BONES), 0.05)
    for bone in ("Hips", "LHipJoint", "RHipJoint"):
        spread[BONE[bone]] = 0.0
    for bone in ("LeftArm", "RightArm", "LeftUpLeg", "RightUpLeg", "Head"):
        spread[BONE[bone]] = 0.09
    for bone in ("LeftHand", "RightHand", "LeftFoot", "RightFoot"):
        spread[BONE[bone]] = 0.12
    axes = rng.normal(size=(len(BONES), 3)) * (scale * spread)[:, None] + 1e-9
    return local @ rotations.about(axes, np.linalg.norm(axes, axis=1))
