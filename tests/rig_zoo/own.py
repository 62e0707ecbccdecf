# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's own armature."""

import bpy
import numpy as np

from capf_blender.blender import armature
from capf_blender.core.armature import BONE_NAMES, rest_pose
from capf_blender.core.skeleton import JOINT_NAMES, JOINT_PARENTS, mirror_name

from .body import joints_from, landmarks
from .bones import Expected


def own() -> tuple[bpy.types.Object, Expected]:
    joints = joints_from(landmarks())
    lengths = np.linalg.norm(joints - joints[np.array(JOINT_PARENTS).clip(0)], axis=1)
    lengths[[JOINT_PARENTS.index(-1)]] = 0.0
    at = dict(zip(JOINT_NAMES, joints, strict=True))
    assert all(
        abs(lengths[i] - lengths[JOINT_NAMES.index(mirror_name(n))]) < 1e-6
        for i, n in enumerate(JOINT_NAMES)
    )
    rest = rest_pose(lengths, float(np.linalg.norm(at["l_toe"] - at["l_heel"])))
    ob = armature.create(bpy.context, rest, "CAPF Person")
    roles: dict[str, tuple[str, ...]] = {
        name: (name,) for name in BONE_NAMES if name not in ("spine", "chest")
    }
    roles["spine"] = ("spine", "chest")
    return ob, Expected(roles, rest.joints, convention="capf")
