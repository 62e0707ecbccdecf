# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Armature objects from lists of bones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix, Vector

UP = (0.0, 0.0, 1.0)
FRONT = (0.0, -1.0, 0.0)


@dataclass
class Bone:
    """World metres. Without `matrix` the bone points from `head` to `tail`, its Z axis as near to
    `z` as that allows; with it, its axes are the matrix's columns and only its length is kept."""

    name: str
    parent: str
    head: np.ndarray
    tail: np.ndarray
    z: Sequence[float] | np.ndarray = FRONT
    matrix: np.ndarray | None = None  # (3, 3)
    connect: bool = False
    deform: bool = True


@dataclass
class Expected:
    """What a rig of the zoo is, known from how it was built."""

    roles: dict[str, tuple[str, ...]]  # the bones that should be found for each role
    joints: np.ndarray  # (28, 3) at rest, world metres
    shown: dict[str, str] = field(default_factory=dict)
    """Role -> the bone that carries that part of the body, where it is not the first of `roles`."""
    limbs: str = "FK"  # which controls are to be keyed
    convention: str = ""

    def carrier(self, role: str) -> str:
        """The bone that moves with a part of the body, "" where the rig has none."""
        return self.shown.get(role) or next(iter(self.roles.get(role, ())), "")


def make(name: str, bones: Sequence[Bone], placed: Matrix | None = None) -> bpy.types.Object:
    """An armature object of `bones`, which are given in the world; the object has the matrix
    `placed`. It is active, in object mode."""
    data = bpy.data.armatures.new(name)
    ob = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(ob)
    world: Matrix = Matrix() if placed is None else placed
    ob.matrix_world = world
    into = world.inverted()
    turn = into.to_3x3().normalized()
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    edit = data.edit_bones
    for bone in bones:
        made = edit.new(bone.name)
        made.head = into @ Vector(bone.head)
        if bone.matrix is None:
            made.tail = into @ Vector(bone.tail)
            made.align_roll(turn @ Vector(bone.z))
        else:
            axes = turn @ Matrix(bone.matrix.tolist())
            length = (into @ Vector(bone.tail) - into @ Vector(bone.head)).length
            made.tail = made.head + length * axes.col[1]
            made.align_roll(axes.col[2])
        made.use_deform = bone.deform
    for bone in bones:
        edit[bone.name].parent = edit.get(bone.parent)
        edit[bone.name].use_connect = bone.connect
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.update()
    return ob
