# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that Rigify generated from its human and basic human: the controls.

The hips are `torso`, which carries everything: `hips` and `chest` turn the two halves about the
middle of the spine. `spine_fk` and `spine_fk.001` lie in the half that goes with the hips.
"""

from ..core.rig import Convention, IkLimb

CONVENTION = Convention(
    label="Rigify",
    trunk={
        "root": ("root",),
        "hips": ("torso",),
        "spine": ("spine_fk.002", "spine_fk.003"),
        "neck": ("neck",),
        "head": ("head",),
    },
    limbs={
        "clavicle": ("shoulder{}",),
        "upper_arm": ("upper_arm_fk{}",),
        "forearm": ("forearm_fk{}",),
        "hand": ("hand_fk{}",),
        "thigh": ("thigh_fk{}",),
        "shin": ("shin_fk{}",),
        "foot": ("foot_fk{}",),
        "toe": ("toe_fk{}",),
    },
    sides=(".L", ".R"),
    marks=("torso", "ORG-spine"),
    controls={
        "arm": IkLimb(
            target="hand_ik{}",
            pole="upper_arm_ik_target{}",
            switch=("upper_arm_parent{}", "IK_FK"),
            pole_switch=("upper_arm_parent{}", "pole_vector"),
        ),
        "leg": IkLimb(
            target="foot_ik{}",
            pole="thigh_ik_target{}",
            switch=("thigh_parent{}", "IK_FK"),
            pole_switch=("thigh_parent{}", "pole_vector"),
        ),
    },
    switches={
        ("torso", "neck_follow"): 1.0,
        ("torso", "head_follow"): 1.0,
        ("upper_arm_parent{}", "FK_limb_follow"): 0.0,
        ("thigh_parent{}", "FK_limb_follow"): 0.0,
    },
)
