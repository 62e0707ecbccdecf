# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixamo's skeleton, whatever stands before its names; also others that borrowed the names, as
Ready Player Me. LeftLeg is the shin."""

from ..core.rig import Convention

CONVENTION = Convention(
    label="Mixamo",
    trunk={
        "root": ("Root", "Armature"),
        "hips": ("Hips",),
        "spine": ("Spine", "Spine1", "Spine2", "Spine3"),
        "neck": ("Neck", "Neck1", "Neck2"),
        "head": ("Head",),
    },
    limbs={
        "clavicle": ("{}Shoulder",),
        "upper_arm": ("{}Arm",),
        "forearm": ("{}ForeArm",),
        "hand": ("{}Hand",),
        "thigh": ("{}UpLeg",),
        "shin": ("{}Leg",),
        "foot": ("{}Foot",),
        "toe": ("{}ToeBase", "{}Toe"),
        "upper_arm_twist": ("{}ArmTwist", "{}ArmRoll", "{}ArmRoll1"),
        "forearm_twist": ("{}ForeArmTwist", "{}ForeArmRoll", "{}ForeArmRoll1"),
        "thigh_twist": ("{}UpLegTwist", "{}UpLegRoll", "{}UpLegRoll1"),
        "shin_twist": ("{}LegTwist", "{}LegRoll", "{}LegRoll1"),
    },
    sides=("Left", "Right"),
)
