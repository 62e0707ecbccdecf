# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MakeHuman's and MPFB's default rig, with and without toes. Their game engine, cmu_mb and mixamo
rigs go by the Unreal, CMU and Mixamo names."""

from ..core.rig import Convention

CONVENTION = Convention(
    label="MakeHuman",
    trunk={
        "hips": ("root",),
        "spine": ("spine05", "spine04", "spine03", "spine02", "spine01"),
        "neck": ("neck01", "neck02", "neck03"),
        "head": ("head",),
    },
    limbs={
        "clavicle": ("clavicle{}",),
        "upper_arm": ("upperarm01{}",),
        "upper_arm_twist": ("upperarm02{}",),
        "forearm": ("lowerarm01{}",),
        "forearm_twist": ("lowerarm02{}",),
        "hand": ("wrist{}",),
        "thigh": ("upperleg01{}",),
        "thigh_twist": ("upperleg02{}",),
        "shin": ("lowerleg01{}",),
        "shin_twist": ("lowerleg02{}",),
        "foot": ("foot{}",),
    },
    sides=(".L", ".R"),
    marks=("spine05", "upperleg01.L"),
)
