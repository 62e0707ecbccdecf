# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature of the user's, as plain arrays."""

import bpy
import numpy as np

from ..core.rig import Pole, Rig

WHOLLY = 0.999  # influence of a constraint that leaves nothing of what it overrides


def read_rig(ob: bpy.types.Object) -> Rig:
    """The rest pose of the armature object `ob`, and what carries each bone at present.

    Rests are the armature data's own, whatever pose, mode or action `ob` has. World matrix and
    constraints are as evaluated, so the view layer should be up to date.
    """
    bones = list(ob.data.bones)  # parents come before their children
    index = {bone.name: number for number, bone in enumerate(bones)}
    count = len(bones)
    matrices = np.empty((count, 3, 3))
    heads, tails = np.empty((count, 3)), np.empty((count, 3))
    for number, bone in enumerate(bones):
        matrix = np.array(bone.matrix_local)
        matrices[number], heads[number] = matrix[:3, :3], matrix[:3, 3]
        tails[number] = bone.tail_local
    parents = np.array([index[bone.parent.name] if bone.parent else -1 for bone in bones], int)
    evaluated = ob.evaluated_get(bpy.context.evaluated_depsgraph_get())
    poses = [ob.pose.bones[bone.name] for bone in bones] if ob.pose else []
    return Rig(
        names=tuple(index),
        parents=parents,
        heads=heads,
        tails=tails,
        matrices=matrices,
        inherits_rotation=np.array([bone.use_inherit_rotation for bone in bones], bool),
        local_location=np.array([bone.use_local_location for bone in bones], bool),
        connected=np.array([bone.use_connect for bone in bones], bool),
        deforms=np.array([bone.use_deform for bone in bones], bool),
        control=np.array([pose.custom_shape is not None for pose in poses] or [False] * count),
        world_from_armature=np.array(evaluated.matrix_world),
        carriers=_carriers(evaluated, index, parents),
        poles=_poles(ob, index, parents, matrices, heads),
    )


def _carriers(ob: bpy.types.Object, index: dict[str, int], parents: np.ndarray) -> np.ndarray:
    """(N,) the bone that each bone of the evaluated `ob` follows, by a constraint or as its child.

    Constraints' influences come from drivers as a rule: as they stand now, they count.
    """
    carriers = parents.copy()
    for name, number in index.items() if ob.pose else ():
        for constraint in ob.pose.bones[name].constraints:
            target = _followed(constraint, ob)
            if target in index and not _carries(carriers, number, index[target]):
                carriers[number] = index[target]
    return carriers


def _poles(
    ob: bpy.types.Object,
    index: dict[str, int],
    parents: np.ndarray,
    matrices: np.ndarray,
    heads: np.ndarray,
) -> dict[str, Pole]:
    """The poles of IK constraints over two bones, muted ones too: a switch may be what mutes them.

    Blender's solver turns X cos(angle) + Z sin(angle) of the first bone towards the pole.
    """
    poles: dict[str, Pole] = {}
    for pose in ob.pose.bones if ob.pose else ():
        for constraint in pose.constraints:
            lower = index[pose.name]
            upper = int(parents[lower])
            if (
                constraint.type != "IK"
                or constraint.chain_count != 2
                or upper < 0
                or constraint.pole_subtarget not in index
                or not _is_same(constraint.pole_target, ob)
            ):
                continue
            x, _, z = matrices[upper].T
            angle = constraint.pole_angle
            free = [not locked for locked in (pose.lock_ik_x, pose.lock_ik_y, pose.lock_ik_z)]
            tail = np.array(pose.bone.tail_local)
            normal = np.cross(heads[lower] - heads[upper], tail - heads[lower])
            if sum(free) == 1 or np.linalg.norm(normal) < 1e-9:
                normal = matrices[lower][:, free.index(True) if sum(free) == 1 else 0]
            poles[constraint.pole_subtarget] = Pole(
                upper, lower, np.cos(angle) * x + np.sin(angle) * z, normal
            )
    return poles


def _followed(constraint: bpy.types.Constraint, ob: bpy.types.Object) -> str:
    """Name of the bone of `ob` that a constraint makes its owner follow wholly, else ""."""
    if constraint.mute or not constraint.is_valid or constraint.influence < WHOLLY:
        return ""
    if constraint.type == "ARMATURE":
        held = [target for target in constraint.targets if target.weight > 1 - WHOLLY]
        return held[0].subtarget if len(held) == 1 and _is_same(held[0].target, ob) else ""
    if constraint.type == "COPY_TRANSFORMS":
        in_place = constraint.owner_space == constraint.target_space == "WORLD" or (
            constraint.owner_space == constraint.target_space == "POSE"
        )
        replaces = constraint.mix_mode == "REPLACE"
        return (
            constraint.subtarget
            if in_place and replaces and _is_same(constraint.target, ob)
            else ""
        )
    return ""


def _is_same(target: bpy.types.Object | None, ob: bpy.types.Object) -> bool:
    return target is not None and target.original == ob.original


def _carries(carriers: np.ndarray, bone: int, other: int) -> bool:
    """Whether `bone` carries `other`, so that `other` cannot carry it."""
    while other >= 0:
        if other == bone:
            return True
        other = int(carriers[other])
    return False
