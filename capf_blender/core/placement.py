# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a person's motion takes place on a rig: scaled to its legs, standing on its own soles."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .armature import SOLE_SHARE
from .rest_joints import RestBody
from .rig import Rig
from .rotations import unit
from .skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS, MIRROR

RootMode = Literal["HIPS", "ROOT_BONE", "IN_PLACE"]
ScaleMode = Literal["LEGS", "NONE"]
Place = Literal["WORLD", "OBJECT"]
SAME_BODY = 0.01  # bones whose lengths differ less, relatively, are those of one body
OWN_JOINTS = ("spine", "thorax", "neck", "hip", "knee", "ankle", "shoulder", "elbow", "wrist")


@dataclass(frozen=True, eq=False)
class Placement:
    """A motion's joints as those of a rig's body. Two spaces: world metres, and the armature's."""

    joints: np.ndarray  # (F, J, 3) armature space
    world: np.ndarray  # (F, J, 3) the same in the world
    world_from_armature: np.ndarray  # (4, 4)
    own: bool  # the rig was built from this very body
    floor: float  # height in the world on which the rig's soles stand
    sole: float  # height in the world of `world`'s heels and toes that stand flat

    @property
    def up(self) -> np.ndarray:
        """(3,) the world's, unit, armature axes."""
        return unit(np.linalg.inv(self.world_from_armature[:3, :3])[:, 2])

    def to_armature(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) points of the world, in armature space."""
        matrix = np.linalg.inv(self.world_from_armature)
        return points @ matrix[:3, :3].T + matrix[:3, 3]

    def to_world(self, points: np.ndarray) -> np.ndarray:
        return points @ self.world_from_armature[:3, :3].T + self.world_from_armature[:3, 3]


def place(
    joints: np.ndarray, rig: Rig, body: RestBody, root: RootMode, scale: ScaleMode, where: Place
) -> Placement:
    """`joints` (F, J, 3), metres in the world, all known, placed on `rig`.

    `where`: the motion's own place in the world, or starting from where the rig stands and facing
    as it does.
    """
    matrix = rig.world_from_armature
    if np.linalg.det(matrix[:3, :3]) < 0:  # a mirrored object shows its left hand at the right
        joints = joints[:, list(MIRROR)]
    rest = body.joints @ matrix[:3, :3].T + matrix[:3, 3]
    ratio = _leg_length(rest[None]) / max(_leg_length(joints), 1e-9)
    own = _is_same_body(joints, rest, body, ratio)
    if scale == "NONE":
        ratio = 1.0
    up = float(np.linalg.norm(matrix[:3, :3] @ body.axes[:, 1]))
    ankle, sole = _sole_heights(joints)
    rest_ankles = body.joints[[JOINT["l_ankle"], JOINT["r_ankle"]]] @ body.axes[:, 1] - body.floor
    lift = 0.0 if own else up * float(rest_ankles.mean()) - ratio * ankle
    world = ratio * joints
    stand = rest[JOINT["pelvis"]] - matrix[:3, :3] @ (
        (body.joints[JOINT["pelvis"]] @ body.axes[:, 1] - body.floor) * body.axes[:, 1]
    )  # below the hips at rest, on the floor
    floor = 0.0
    if where == "OBJECT":
        forward = matrix[:3, :3] @ body.axes[:, 2]
        yaw = np.arctan2(forward[0], -forward[1])
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        world[..., :2] = world[..., :2] @ turn.T + stand[:2]
        floor = float(stand[2])
    world[..., 2] += lift + floor
    if root == "IN_PLACE":
        world[..., :2] += stand[:2] - world[:, [JOINT["pelvis"]], :2]
    inverse = np.linalg.inv(matrix)
    return Placement(
        world @ inverse[:3, :3].T + inverse[:3, 3], world, matrix, own,
        floor, floor + lift + ratio * sole,
    )  # fmt: skip


def _lengths(joints: np.ndarray, name: str) -> float:
    """Median distance of a joint to its parent."""
    index = JOINT[name]
    offset = joints[:, index] - joints[:, JOINT_PARENTS[index]]
    return float(np.median(np.linalg.norm(offset, axis=-1)))


def _leg_length(joints: np.ndarray) -> float:
    return 0.5 * sum(_lengths(joints, p + n) for p in ("l_", "r_") for n in ("knee", "ankle"))


def _is_same_body(joints: np.ndarray, rest: np.ndarray, body: RestBody, ratio: float) -> bool:
    names = [name for name in JOINT_NAMES if name.endswith(OWN_JOINTS)]
    if not body.measured.issuperset(names):
        return False
    for name in names:
        length = ratio * _lengths(joints, name)
        if abs(_lengths(rest[None], name) - length) > SAME_BODY * length:
            return False
    return True


def _sole_heights(joints: np.ndarray) -> tuple[float, float]:
    """Metres of the ankles, and of the heel and toe points, over the ground below flat feet."""
    height = sum(
        _lengths(joints, name)
        for name in ("spine", "thorax", "neck", "head_top", "l_knee", "l_ankle")
    )
    sole = SOLE_SHARE * height
    ankles = []
    for p in ("l_", "r_"):
        ankle, heel, toe = (joints[:, JOINT[p + name]] for name in ("ankle", "heel", "toe"))
        along = toe - heel
        area = np.linalg.norm(np.cross(along, ankle - heel), axis=-1)
        ankles.append(np.median(area / np.maximum(np.linalg.norm(along, axis=-1), 1e-9)))
    return float(np.mean(ankles)) + sole, sole
