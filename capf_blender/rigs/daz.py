# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Daz figures: Genesis to Genesis 8, and Genesis 9. `hip` carries everything, `pelvis` the legs."""

from ..core.rig import Convention

GENESIS_8 = Convention(
    label="Daz Genesis",
    trunk={
        "hips": ("hip",),
        "spine": ("abdomenLower", "abdomen", "abdomenUpper", "abdomen2", "chestLower", "chest",
                  "chestUpper"),
        "neck": ("neckLower", "neck", "neckUpper"),
        "head": ("head",),
    },
    limbs={
        "clavicle": ("{}Collar",),
        "upper_arm": ("{}ShldrBend", "{}Shldr"),
        "upper_arm_twist": ("{}ShldrTwist",),
        "forearm": ("{}ForearmBend", "{}ForeArm"),
        "forearm_twist": ("{}ForearmTwist",),
        "hand": ("{}Hand",),
        "thigh": ("{}ThighBend", "{}Thigh"),
        "thigh_twist": ("{}ThighTwist",),
        "shin": ("{}Shin",),
        "foot": ("{}Foot",),
        "toe": ("{}Toe",),
    },
    sides=("l", "r"),
    marks=("hip", "lCollar"),
)  # fmt: skip

GENESIS_9 = Convention(
    label="Daz Genesis 9",
    trunk={
        "hips": ("hip",),
        "spine": ("spine1", "spine2", "spine3", "spine4"),
        "neck": ("neck1", "neck2"),
        "head": ("head",),
    },
    limbs={
        "clavicle": ("{}_shoulder",),
        "upper_arm": ("{}_upperarm",),
        "upper_arm_twist": ("{}_upperarmtwist1", "{}_upperarmtwist2"),
        "forearm": ("{}_forearm",),
        "forearm_twist": ("{}_forearmtwist1", "{}_forearmtwist2"),
        "hand": ("{}_hand",),
        "thigh": ("{}_thigh",),
        "thigh_twist": ("{}_thightwist1", "{}_thightwist2"),
        "shin": ("{}_shin",),
        "foot": ("{}_foot",),
        "toe": ("{}_toes",),
    },
    sides=("l", "r"),
    marks=("hip", "l_shoulder"),
)
