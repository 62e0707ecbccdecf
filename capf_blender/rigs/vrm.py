# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Humanoid names of Unity: as such, as VRoid Studio writes them into VRM files, and as avatar tools
for VRChat put them."""

from ..core.rig import Convention

UNITY = Convention(
    label="Unity humanoid",
    trunk={
        "root": ("Root", "Armature"),
        "hips": ("Hips",),
        "spine": ("Spine", "Chest", "UpperChest"),
        "neck": ("Neck",),
        "head": ("Head",),
    },
    limbs={
        "clavicle": ("{}Shoulder",),
        "upper_arm": ("{}UpperArm",),
        "forearm": ("{}LowerArm",),
        "hand": ("{}Hand",),
        "thigh": ("{}UpperLeg",),
        "shin": ("{}LowerLeg",),
        "foot": ("{}Foot",),
        "toe": ("{}Toes", "{}ToeBase"),
    },
    sides=("Left", "Right"),
)

VROID = Convention(
    label="VRM",
    trunk={
        "root": ("Root",),
        "hips": ("J_Bip_C_Hips",),
        "spine": ("J_Bip_C_Spine", "J_Bip_C_Chest", "J_Bip_C_UpperChest"),
        "neck": ("J_Bip_C_Neck",),
        "head": ("J_Bip_C_Head",),
    },
    limbs={
        role: tuple(name.replace("{}", "J_Bip_{}_") for name in names)
        for role, names in UNITY.limbs.items()
    },
    sides=("L", "R"),
    marks=("J_Bip_C_Hips",),
)

VRCHAT = Convention(
    label="VRChat",
    trunk=UNITY.trunk,
    limbs={
        "clavicle": ("{} shoulder",),
        "upper_arm": ("{} arm",),
        "forearm": ("{} elbow",),
        "hand": ("{} wrist",),
        "thigh": ("{} leg",),
        "shin": ("{} knee",),
        "foot": ("{} ankle",),
        "toe": ("{} toe",),
    },
    sides=("Left", "Right"),
    marks=("Left elbow", "Left knee"),
)
