# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MikuMikuDance models, with the side before the name, or after it as Blender wants it."""

from dataclasses import replace

from ..core.rig import Convention

CONVENTION = Convention(
    label="MikuMikuDance",
    trunk={
        "root": ("全ての親",),
        "hips": ("腰", "グルーブ", "センター"),
        "spine": ("上半身", "上半身2", "上半身3"),
        "neck": ("首",),
        "head": ("頭",),
    },
    limbs={
        "clavicle": ("{}肩",),
        "upper_arm": ("{}腕",),
        "upper_arm_twist": ("{}腕捩",),
        "forearm": ("{}ひじ",),
        "forearm_twist": ("{}手捩",),
        "hand": ("{}手首",),
        "thigh": ("{}足",),
        "shin": ("{}ひざ",),
        "foot": ("{}足首",),
        "toe": ("{}足先EX", "{}つま先"),
    },
    sides=("左", "右"),
    marks=("上半身",),
)

SIDE_LAST = replace(
    CONVENTION,
    limbs={
        role: tuple(name.replace("{}", "") + "{}" for name in names)
        for role, names in CONVENTION.limbs.items()
    },
    sides=(".L", ".R"),
)
