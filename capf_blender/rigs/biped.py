# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""3ds Max's Biped under any name (Bip001, Bip01, Valve's), and Character Creator's skeleton."""

from ..core.rig import Convention

CONVENTION = Convention(
    label="Biped",
    trunk={
        "hips": ("Pelvis",),
        "spine": ("Spine", "Spine1", "Spine2", "Spine3", "Spine4"),
        "neck": ("Neck", "Neck1", "Neck2"),
        "head": ("Head", "Head1"),
    },
    limbs={
        "clavicle": ("{} Clavicle",),
        "upper_arm": ("{} UpperArm",),
        "upper_arm_twist": ("{} UpArmTwist", "{}UpArmTwist", "{} UpperArmTwist"),
        "forearm": ("{} Forearm",),
        "forearm_twist": ("{} ForeTwist", "{} ForeTwist1"),
        "hand": ("{} Hand",),
        "thigh": ("{} Thigh",),
        "thigh_twist": ("{} ThighTwist", "{}ThighTwist"),
        "shin": ("{} Calf",),
        "shin_twist": ("{} CalfTwist", "{}CalfTwist"),
        "foot": ("{} Foot",),
        "toe": ("{} Toe0", "{} Toe"),
    },
    sides=("L", "R"),
)

CHARACTER_CREATOR = Convention(
    label="Character Creator",
    trunk={
        "root": ("CC_Base_BoneRoot", "RL_BoneRoot"),
        "hips": ("CC_Base_Hip",),
        "spine": ("CC_Base_Waist", "CC_Base_Spine01", "CC_Base_Spine02"),
        "neck": ("CC_Base_NeckTwist01", "CC_Base_NeckTwist02"),
        "head": ("CC_Base_Head",),
    },
    limbs={
        "clavicle": ("CC_Base_{}_Clavicle",),
        "upper_arm": ("CC_Base_{}_Upperarm",),
        "upper_arm_twist": ("CC_Base_{}_UpperarmTwist01", "CC_Base_{}_UpperarmTwist02"),
        "forearm": ("CC_Base_{}_Forearm",),
        "forearm_twist": ("CC_Base_{}_ForearmTwist01", "CC_Base_{}_ForearmTwist02"),
        "hand": ("CC_Base_{}_Hand",),
        "thigh": ("CC_Base_{}_Thigh",),
        "thigh_twist": ("CC_Base_{}_ThighTwist01", "CC_Base_{}_ThighTwist02"),
        "shin": ("CC_Base_{}_Calf",),
        "shin_twist": ("CC_Base_{}_CalfTwist01", "CC_Base_{}_CalfTwist02"),
        "foot": ("CC_Base_{}_Foot",),
        "toe": ("CC_Base_{}_ToeBase",),
    },
    sides=("L", "R"),
    marks=("CC_Base_Hip",),
)
