# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs as artists build them, out of the default humanoid: other rolls, rest poses, proportions,
axes and units, bones that are missing or in between, flags that Blender has."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from synthetic_motion import FOOT_LENGTH, LENGTHS, about, pose_bones

from capf_blender.core.armature import BONE_NAMES, PARENTS, RestPose, rest_pose
from capf_blender.core.forward_kinematics import pose_rig
from capf_blender.core.rig import Assignment, Rig, RigMap, RigPose
from capf_blender.core.rotations import frame_yx, matrix_from_quaternion, unit
from capf_blender.core.skeleton import JOINT_NAMES

Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])  # as FBX files come


def other_body(legs: float = 0.8, arms: float = 1.15, hips: float = 1.4, shins: float = 1.0):
    """The default body with other proportions."""
    factor = {
        "l_knee": legs, "r_knee": legs, "l_ankle": legs * shins, "r_ankle": legs * shins,
        "l_elbow": arms, "r_elbow": arms, "l_wrist": arms * 0.9, "r_wrist": arms * 0.9,
        "l_hip": hips, "r_hip": hips, "spine": 0.9, "l_toe": 1.2, "r_toe": 1.2,
        "l_heel": 1.3, "r_heel": 1.3,
    }  # fmt: skip
    lengths = LENGTHS * np.array([factor.get(name, 1.0) for name in JOINT_NAMES])
    return rest_pose(lengths, 1.2 * FOOT_LENGTH)


def posed_rest(rest: RestPose, arms_down: float, knees: float = 0.0) -> RestPose:
    """`rest` with arms lowered (radians) and knees and elbows bent, as an artist builds it."""
    local = np.zeros((1, len(BONE_NAMES), 4))
    local[..., 0] = 1.0
    for side in (".L", ".R"):
        turns = {"upper_arm": ("z", -arms_down), "forearm": ("x", 0.4 * arms_down),
                 "thigh": ("x", -0.5 * knees), "shin": ("x", knees),
                 "foot": ("x", -0.5 * knees)}  # fmt: skip
        for bone, (axis, angle) in turns.items():
            local[0, BONE_NAMES.index(bone + side)] = about(axis, np.array([angle]))[0]
    heads, tails, matrices = pose_bones(rest, local, rest.heads[:1])
    return RestPose(rest.joints, heads[0], tails[0], matrices[0])


@dataclass(frozen=True)
class Build:
    seed: int = 0
    spine: int = 2
    neck: int = 1
    without: Collection[str] = ()  # roles, "toe" for both sides
    between: bool = False  # an unmapped bone between every two
    detached: bool = False  # no bone inherits rotation
    root: bool = False  # a bone on the ground that carries the hips
    twists: int = 0
    axes: np.ndarray | None = None  # (3, 3) the armature's, from the world's
    unit: float = 1.0  # armature units in a metre
    world: np.ndarray | None = None  # (3, 3) more of the object's transform
    location: tuple[float, float, float] = (0.0, 0.0, 0.0)


def build(rest: RestPose, how: Build) -> tuple[Rig, RigMap]:
    rng = np.random.default_rng(how.seed)
    names: list[str] = []
    parents: list[int] = []
    ends: list[tuple[np.ndarray, np.ndarray]] = []
    roles: dict[str, list[str]] = {}

    def add(name: str, parent: str, head: np.ndarray, tail: np.ndarray, role: str = "") -> None:
        if how.between and parent and role:
            middle = f"between {parent} {name}"
            add(middle, parent, head, head + 0.1 * unit(rng.normal(size=3)))
            parent = middle
        names.append(name)
        parents.append(names.index(parent) if parent else -1)
        ends.append((head, tail))
        if role:
            roles.setdefault(role, []).append(name)

    if how.root:
        add("root", "", np.zeros(3), np.array([0.0, 0.3, 0.0]), "root")
    carrier = {name: name for name in BONE_NAMES}
    for index, name in enumerate(BONE_NAMES):
        role, _, side = name.partition(".")
        head, tail = rest.heads[index], rest.tails[index]
        parent = carrier[BONE_NAMES[PARENTS[index]]] if PARENTS[index] >= 0 else ""
        if name == "hips" and how.root:
            parent = "root"
        if role in ("spine", "chest"):
            if name == "spine" and how.spine:
                top = rest.tails[BONE_NAMES.index("chest")]
                way = head + np.linspace(0, 1, how.spine + 1)[:, None] * (top - head)
                for number in range(how.spine):
                    add(f"spine {number}", parent, way[number], way[number + 1], "spine")
                    parent = names[-1]
            carrier[name] = parent
        elif role == "neck":
            way = head + np.linspace(0, 1, how.neck + 1)[:, None] * (tail - head)
            for number in range(how.neck):
                add(f"neck {number}", parent, way[number], way[number + 1], "neck")
                parent = names[-1]
            carrier[name] = parent
        elif role in how.without:
            carrier[name] = parent
        else:
            add(name, parent, head, tail, name)
            if role == "forearm":
                for number in range(how.twists):
                    start = head + number / how.twists * (tail - head)
                    add(f"twist {number}.{side}", name, start, tail, "forearm_twist." + side)
    points = np.array(ends)
    axes = np.eye(3) if how.axes is None else how.axes
    points = how.unit * points @ axes.T
    along = points[:, 1] - points[:, 0]
    count = len(names)
    world = np.eye(4)
    world[:3, :3] = (np.eye(3) if how.world is None else how.world) @ axes.T / how.unit
    world[:3, 3] = how.location
    rig = Rig(
        tuple(names), np.array(parents), points[:, 0], points[:, 1],
        frame_yx(along, rng.normal(size=(count, 3))),
        np.full(count, not how.detached), rng.random(count) < 0.5, np.zeros(count, bool),
        np.ones(count, bool), np.zeros(count, bool), world,
    )  # fmt: skip
    return rig, RigMap("", {k: Assignment(tuple(v), 1.0, "user") for k, v in roles.items()})


def world_heads(rig: Rig, pose: RigPose) -> dict[str, np.ndarray]:
    """(F, 3) metres by bone."""
    heads, _ = pose_rig(rig, pose)
    world = heads @ rig.world_from_armature[:3, :3].T + rig.world_from_armature[:3, 3]
    return dict(zip(rig.names, np.swapaxes(world, 0, 1), strict=True))


def world_turn(seed: int) -> np.ndarray:
    """(3, 3) some rotation."""
    return matrix_from_quaternion(unit(np.random.default_rng(seed).normal(size=4)))
