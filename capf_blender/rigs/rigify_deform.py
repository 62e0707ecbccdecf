# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deforming bones of a Rigify rig alone, as game exports keep them."""

from ..core.rig import Convention

CONVENTION = Convention(
    label="Rigify deform bones",
    trunk={
        "root": ("root",),
        "hips": ("DEF-spine",),
        "spine": ("DEF-spine.001", "DEF-spine.002", "DEF-spine.003"),
        "neck": ("DEF-spine.004", "DEF-spine.005"),
        "head": ("DEF-spine.006",),
    },
    limbs={
        "clavicle": ("DEF-shoulder{}",),
        "upper_arm": ("DEF-upper_arm{}",),
        "upper_arm_twist": ("DEF-upper_arm{}.001",),
        "forearm": ("DEF-forearm{}",),
        "forearm_twist": ("DEF-forearm{}.001",),
        "hand": ("DEF-hand{}",),
        "thigh": ("DEF-thigh{}",),
        "thigh_twist": ("DEF-thigh{}.001",),
        "shin": ("DEF-shin{}",),
        "shin_twist": ("DEF-shin{}.001",),
        "foot": ("DEF-foot{}",),
        "toe": ("DEF-toe{}",),
    },
    sides=(".L", ".R"),
    marks=("DEF-spine", "DEF-thigh.L"),
)
