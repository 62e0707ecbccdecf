# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify's metarigs, and simple rigs that borrowed their names. A real metarig is not for
animation: `blender/targets.py` tells them apart."""

from ..core.rig import Convention
from .capf import CONVENTION as CAPF

CONVENTION = Convention(
    label="Rigify metarig",
    trunk={
        "hips": ("spine",),
        "spine": ("spine.001", "spine.002", "spine.003"),
        "neck": ("spine.004", "spine.005"),
        "head": ("spine.006",),
    },
    limbs={**CAPF.limbs, "clavicle": ("shoulder{}",)},
    sides=(".L", ".R"),
    marks=("spine.006", "shoulder.L"),
)
