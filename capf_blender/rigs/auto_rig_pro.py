# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto-Rig Pro: its controls, and the bones of its game exports.

The hips are `c_root_master.x`, which carries everything; `c_root.x` turns the pelvis alone.
"""

from ..core.rig import Convention, IkLimb

CONVENTION = Convention(
    label="Auto-Rig Pro",
    trunk={
        "root": ("c_traj", "c_pos"),
        "hips": ("c_root_master.x",),
        "spine": tuple(f"c_spine_0{n}.x" for n in range(1, 7)),
        "neck": ("c_subneck_1.x", "c_subneck_2.x", "c_subneck_3.x", "c_neck.x"),
        "head": ("c_head.x",),
    },
    limbs={
        "clavicle": ("c_shoulder{}",),
        "upper_arm": ("c_arm_fk{}",),
        "forearm": ("c_forearm_fk{}",),
        "hand": ("c_hand_fk{}",),
        "thigh": ("c_thigh_fk{}",),
        "shin": ("c_leg_fk{}",),
        "foot": ("c_foot_fk{}",),
        "toe": ("c_toes_fk{}",),
    },
    sides=(".l", ".r"),
    marks=("c_root_master.x",),
    controls={
        "arm": IkLimb("c_hand_ik{}", "c_arms_pole{}", switch=("c_hand_ik{}", "ik_fk_switch")),
        "leg": IkLimb("c_foot_ik{}", "c_leg_pole{}", switch=("c_foot_ik{}", "ik_fk_switch")),
    },
)

EXPORT = Convention(
    label="Auto-Rig Pro export",
    trunk={
        "root": ("root", "c_traj"),
        "hips": ("root.x",),
        "spine": tuple(f"spine_0{n}.x" for n in range(1, 7)),
        "neck": ("subneck_1.x", "subneck_2.x", "subneck_3.x", "neck.x"),
        "head": ("head.x",),
    },
    limbs={
        "clavicle": ("shoulder{}",),
        "upper_arm": ("arm_stretch{}", "arm{}"),
        "upper_arm_twist": ("arm_twist{}",),
        "forearm": ("forearm_stretch{}", "forearm{}"),
        "forearm_twist": ("forearm_twist{}",),
        "hand": ("hand{}",),
        "thigh": ("thigh_stretch{}", "thigh{}"),
        "thigh_twist": ("thigh_twist{}",),
        "shin": ("leg_stretch{}", "leg{}"),
        "shin_twist": ("leg_twist{}",),
        "foot": ("foot{}",),
        "toe": ("toes_01{}", "toes{}"),
    },
    sides=(".l", ".r"),
    marks=("root.x", "spine_01.x"),
)
