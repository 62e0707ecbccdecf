# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The 31 bones that the motion moves, their rest joints, and linear blend skinning."""

import json
from dataclasses import dataclass

import numpy as np

from .assets import HumanPack, read_weights
from .landmarks import hip_centres

BONES: tuple[str, ...] = (
    "Hips", "LowerBack", "Spine", "Spine1", "Neck", "Neck1", "Head",
    "LHipJoint", "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "LThumb",
    "LeftFingerBase", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftHandFinger1", "LeftToeBase",
    "RHipJoint", "RightShoulder", "RightArm", "RightForeArm", "RightHand", "RThumb",
    "RightFingerBase", "RightUpLeg", "RightLeg", "RightFoot", "RightHandFinger1", "RightToeBase",
)  # fmt: skip
"""In the order of the motion file: a parent comes before its children."""

BONE: dict[str, int] = {name: index for index, name in enumerate(BONES)}

PARENTS: tuple[int, ...] = (
    -1, 0, 1, 2, 3, 4, 5, 0, 3, 8, 9, 10, 11, 11, 7, 14, 15, 13, 16,
    0, 3, 20, 21, 22, 23, 23, 19, 26, 27, 25, 28,
)  # fmt: skip


def _mirrored(name: str) -> str:
    for left, right in (("Left", "Right"), ("LHip", "RHip"), ("LThumb", "RThumb")):
        if name.startswith(left):
            return right + name[len(left) :]
        if name.startswith(right):
            return left + name[len(right) :]
    return name


MIRRORED_BONES: tuple[int, ...] = tuple(BONE[_mirrored(name)] for name in BONES)


SHOULDER_INWARD = 0.15
"""Share of the way from MakeHuman's shoulder to its scapula joint, where the joint's centre is."""


class Rig:
    """Bones and skin weights of the base mesh, for bodies of every shape."""

    def __init__(self, pack: HumanPack):
        self.pack = pack
        folder = pack.folder / "rigs"
        self.weights = read_weights(
            folder / "weights.cmu_mb.json", list(BONES), len(pack.base.vertices)
        )
        bones = json.loads((folder / "rig.cmu_mb.json").read_text())
        self._heads = []
        for name in BONES:
            head = bones[name]["head"]
            if head["strategy"] == "CUBE":
                self._heads.append(pack.base.group_vertices(head["cube_name"]))
            else:
                self._heads.append(np.array(head["vertex_indices"]))
        self._scapulae = [pack.base.group_vertices(f"joint-{side}-scapula") for side in "lr"]

    def rest_joints(self, vertices: np.ndarray) -> np.ndarray:
        """(31, 3) metres: heads of the bones of a shaped body.

        Thighs turn about the regressed hip centres (`landmarks.hip_centres`) instead of the rig's
        own, which lie too far apart. So do its shoulders (0.21 of the stature, in people 0.18 to
        0.20): upper arms turn about a point nearer to the joint of collar bone and shoulder blade.
        """
        joints = np.array([vertices[indices].mean(0) for indices in self._heads])
        joints[[BONE["LeftUpLeg"], BONE["RightUpLeg"]]] = hip_centres(vertices)
        for arm, indices in zip(("LeftArm", "RightArm"), self._scapulae, strict=True):
            towards = vertices[indices].mean(0) - joints[BONE[arm]]
            joints[BONE[arm]] += SHOULDER_INWARD * towards
        return joints


@dataclass(frozen=True)
class Posed:
    """A body's bones in one pose; world axes, metres."""

    rest: np.ndarray  # (31, 3)
    turns: np.ndarray  # (31, 3, 3) global rotations
    joints: np.ndarray  # (31, 3)

    def point(self, bone: str, rest_point: np.ndarray) -> np.ndarray:
        """A (..., 3) point that is fixed to the bone."""
        index = BONE[bone]
        return (rest_point - self.rest[index]) @ self.turns[index].T + self.joints[index]

    def skin(self, vertices: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(V, 3) float32 from rest vertices (V, 3) and weights (V, 31)."""
        moves = self.joints - np.einsum("bij,bj->bi", self.turns, self.rest)
        blended = weights @ np.concatenate([self.turns.reshape(-1, 9), moves], 1).astype(np.float32)
        x, y, z = vertices.T.astype(np.float32)
        columns = [
            blended[:, 3 * row] * x + blended[:, 3 * row + 1] * y + blended[:, 3 * row + 2] * z
            + blended[:, 9 + row]
            for row in range(3)
        ]  # fmt: skip
        return np.stack(columns, 1)

    def shifted(self, offset: np.ndarray) -> "Posed":
        return Posed(self.rest, self.turns, self.joints + offset)


def pose(rest: np.ndarray, local: np.ndarray, root: np.ndarray) -> Posed:
    """Applies (..., 31, 3, 3) local rotations in world-aligned rest axes, at (..., 3) roots:
    G[b] = G[parent] R[b], p[b] = p[parent] + G[parent] (rest[b] - rest[parent]); p[Hips] = root."""
    turns, joints = np.empty(local.shape), np.empty(local.shape[:-1])
    for bone, parent in enumerate(PARENTS):
        if parent < 0:
            turns[..., bone, :, :], joints[..., bone, :] = local[..., bone, :, :], root
        else:
            above = turns[..., parent, :, :]
            turns[..., bone, :, :] = above @ local[..., bone, :, :]
            joints[..., bone, :] = joints[..., parent, :] + above @ (rest[bone] - rest[parent])
    return Posed(rest, turns, joints)


def leg_length(rest: np.ndarray) -> float:
    """Thigh plus shin of a rest skeleton, metres."""
    hip, knee, ankle = rest[[BONE["LeftUpLeg"], BONE["LeftLeg"], BONE["LeftFoot"]]]
    return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
