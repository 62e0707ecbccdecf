# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs in which something is missing, turned, scaled, or set in an unusual way."""

import bpy
import numpy as np
from mathutils import Matrix

from .body import joints_from, landmarks, spine_point
from .bones import FRONT, UP, Bone, Expected, make

Built = tuple[bpy.types.Object, Expected]


def plain(
    *,
    below_horizontal: float = 30.0,
    elbow_bend: float = 8.0,
    spine: int = 3,
    clavicles: bool = True,
    toes: bool = True,
    necks: int = 1,
    rolls: int | None = None,
    stray: bool = False,
    world: Matrix | None = None,
) -> Built:
    """A rig with Blender's own usual names. `rolls` is the seed of random rolls."""
    points = landmarks(below_horizontal, elbow_bend)
    trunk = ["hips", *("spine" if n == 0 else f"spine.{n:03}" for n in range(spine))]
    ends = [spine_point(share) for share in np.linspace(0.0, 1.0, len(trunk) + 1)]
    bones = [
        Bone(
            name, trunk[index - 1] if index else "", ends[index], ends[index + 1], connect=index > 0
        )
        for index, name in enumerate(trunk)
    ]
    roles: dict[str, tuple[str, ...]] = {"hips": ("hips",), "spine": tuple(trunk[1:])}
    neck = ["neck" if n == 0 else f"neck.{n:03}" for n in range(necks)]
    for index, name in enumerate(neck):
        head, tail = (
            points["neck"] + (points["head"] - points["neck"]) * end / necks
            for end in (index, index + 1)
        )
        bones.append(Bone(name, neck[index - 1] if index else trunk[-1], head, tail))
    if neck:
        roles["neck"] = tuple(neck)
    bones.append(Bone("head", (neck or trunk)[-1], points["head"], points["head_top"]))
    roles["head"] = ("head",)
    for p, side in (("l_", ".L"), ("r_", ".R")):
        parts = [
            ("clavicle", "shoulder", trunk[-1], "clavicle", "shoulder", FRONT),
            ("upper_arm", "upper_arm", "shoulder" + side, "shoulder", "elbow", FRONT),
            ("forearm", "forearm", "upper_arm" + side, "elbow", "wrist", FRONT),
            ("hand", "hand", "forearm" + side, "wrist", "knuckles", FRONT),
            ("thigh", "thigh", "hips", "hip", "knee", FRONT),
            ("shin", "shin", "thigh" + side, "knee", "ankle", FRONT),
            ("foot", "foot", "shin" + side, "ankle", "ball" if toes else "toe", UP),
            ("toe", "toe", "foot" + side, "ball", "toe", UP),
        ]
        for role, name, parent, head, tail, z in parts:
            if (role == "clavicle" and not clavicles) or (role == "toe" and not toes):
                continue
            if role == "upper_arm" and not clavicles:
                parent = trunk[-1]
            bones.append(Bone(name + side, parent, points[p + head], points[p + tail], z))
            roles[role + side] = (name + side,)
    if stray:
        bones += _strays(points)
    if rolls is not None:
        rng = np.random.default_rng(rolls)
        for bone in bones:
            bone.z = rng.normal(size=3)
    ob = make("Rig", bones, world)
    return ob, Expected(roles, joints_from(points))


def _strays(points: dict[str, np.ndarray]) -> list[Bone]:
    """Hair, a skirt, a tail, a sword, and helpers of an IK rig, some with misleading names."""
    bones = []
    for index in range(4):
        start = points["head_top"] + [0.03 * index - 0.05, 0.08, -0.05]
        for part in range(3):
            parent = f"hair_{index}.{part - 1:03}" if part else "head"
            head = start - [0, 0, 0.1 * part]
            bones.append(Bone(f"hair_{index}.{part:03}", parent, head, head - [0, 0, 0.1]))
    for p, side in (("l_", ".L"), ("r_", ".R")):
        for name, at in (("foot_ik", "ankle"), ("knee_target", "knee"), ("hand_ik", "wrist")):
            place = points[p + at] - ([0, 0.4, 0] if at == "knee" else [0, 0, 0])
            bones.append(Bone(name + side, "", place, place + [0, 0, 0.1], deform=False))
        for index in range(3):
            at = points[p + "hip"] + [0.02, 0.07 * (index - 1), 0]
            bones.append(Bone(f"skirt_leg.{index:03}{side}", "hips", at, at - [0, 0, 0.5]))
        breast = spine_point(0.7) + [0.07 if side == ".L" else -0.07, -0.1, 0]
        bones.append(Bone("breast" + side, "spine.002", breast, breast - [0, 0.05, 0]))
    tail = points["pelvis"] + [0, 0.1, 0]
    for part in range(4):
        at = tail + [0, 0.12 * part, -0.05 * part]
        parent = f"tail.{part - 1:03}" if part else "hips"
        bones.append(Bone(f"tail.{part:03}", parent, at, at + [0, 0.12, -0.05]))
    sword = points["r_knuckles"]
    bones.append(Bone("weapon.R", "hand.R", sword, sword - [0, 0.9, 0]))
    return bones


def no_inherit() -> Built:
    """Head, hands and feet keep their direction when their parents turn."""
    ob, expected = plain()
    for name in ("head", "hand.L", "foot.R", "upper_arm.R"):
        ob.data.bones[name].use_inherit_rotation = False
    bpy.context.view_layer.update()
    return ob, expected


def euler() -> Built:
    """Rotation modes as users leave them."""
    ob, expected = plain(rolls=4)
    modes = {"upper_arm.L": "XYZ", "forearm.L": "ZYX", "thigh.R": "YXZ", "head": "AXIS_ANGLE",
             "hips": "XZY", "spine": "ZXY", "foot.L": "XYZ"}  # fmt: skip
    for name, mode in modes.items():
        ob.pose.bones[name].rotation_mode = mode
    return ob, expected


def scaled_parent() -> Built:
    """Below an empty that is turned and scaled differently along its axes."""
    ob, expected = plain()
    empty = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(empty)
    empty.scale = (1.2, 1.2, 0.9)
    empty.rotation_euler = (0.0, 0.0, 0.5)
    empty.location = (0.3, -0.2, 0.1)
    bpy.context.view_layer.update()
    ob.parent = empty
    ob.matrix_parent_inverse = Matrix()
    ob.matrix_basis = Matrix()
    bpy.context.view_layer.update()
    world = np.array(ob.matrix_world)
    expected.joints = expected.joints @ world[:3, :3].T + world[:3, 3]
    return ob, expected
