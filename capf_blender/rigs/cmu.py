# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files of Carnegie Mellon's capture lab in BVH (cgspeed and MotionBuilder versions)."""

from ..core.rig import Convention
from .mixamo import CONVENTION as MIXAMO

CONVENTION = Convention(
    label="CMU",
    trunk={
        "hips": ("Hips",),
        "spine": ("LowerBack", "Spine", "Spine1"),
        "neck": ("Neck", "Neck1"),
        "head": ("Head",),
    },
    limbs={role: MIXAMO.limbs[role] for role in MIXAMO.limbs if "twist" not in role},
    sides=("Left", "Right"),
    marks=("LowerBack",),
)
