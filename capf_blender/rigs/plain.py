# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that Blender's users give by habit, as its manual and old rigs do."""

from ..core.rig import Convention
from .capf import CONVENTION as CAPF

CONVENTION = Convention(
    label="Blender's usual names",
    trunk={
        "root": ("root", "master"),
        "hips": ("hips", "pelvis", "hip"),
        "spine": ("spine", *(f"spine.00{n}" for n in range(1, 7)), "chest", "upper_chest"),
        "neck": ("neck", "neck.001", "neck.002"),
        "head": ("head",),
    },
    limbs={
        **CAPF.limbs,
        "clavicle": ("clavicle{}", "shoulder{}", "collar{}"),
        "upper_arm": ("upper_arm{}", "upperarm{}", "arm{}"),
        "forearm": ("forearm{}", "lower_arm{}"),
        "thigh": ("thigh{}", "upper_leg{}"),
        "shin": ("shin{}", "lower_leg{}", "calf{}"),
        "toe": ("toe{}", "toes{}"),
    },
    sides=(".L", ".R"),
)
