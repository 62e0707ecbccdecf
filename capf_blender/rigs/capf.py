# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The armatures that this add-on makes."""

from ..core.rig import LIMB_ROLES, Convention

CONVENTION = Convention(
    label="CAPF",
    trunk={"hips": ("hips",), "spine": ("spine", "chest"), "neck": ("neck",), "head": ("head",)},
    limbs={role: (role + "{}",) for role in LIMB_ROLES},
    sides=(".L", ".R"),
    marks=("chest", "clavicle.L"),
)
