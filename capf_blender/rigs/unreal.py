# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unreal's mannequins of versions 4 and 5, MetaHumans, and MPFB's game engine rig."""

from ..core.rig import Convention

CONVENTION = Convention(
    label="Unreal",
    trunk={
        "root": ("root",),
        "hips": ("pelvis",),
        "spine": ("spine_01", "spine_02", "spine_03", "spine_04", "spine_05"),
        "neck": ("neck_01", "neck_02"),
        "head": ("head",),
    },
    limbs={
        "clavicle": ("clavicle_{}",),
        "upper_arm": ("upperarm_{}",),
        "upper_arm_twist": ("upperarm_twist_01_{}", "upperarm_twist_02_{}"),
        "forearm": ("lowerarm_{}",),
        "forearm_twist": ("lowerarm_twist_02_{}", "lowerarm_twist_01_{}"),
        "hand": ("hand_{}",),
        "thigh": ("thigh_{}",),
        "thigh_twist": ("thigh_twist_01_{}", "thigh_twist_02_{}"),
        "shin": ("calf_{}",),
        "shin_twist": ("calf_twist_02_{}", "calf_twist_01_{}"),
        "foot": ("foot_{}",),
        "toe": ("ball_{}",),
    },
    sides=("l", "r"),
)
