# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of rigs whose bones are known by name, one data module each."""

from ..core.rig import Convention
from . import (
    auto_rig_pro,
    biped,
    capf,
    cmu,
    daz,
    makehuman,
    mixamo,
    mmd,
    mocap,
    plain,
    rigify,
    rigify_deform,
    rigify_metarig,
    unreal,
    vrm,
)

CONVENTIONS: dict[str, Convention] = {
    "capf": capf.CONVENTION,
    "rigify": rigify.CONVENTION,
    "rigify_metarig": rigify_metarig.CONVENTION,
    "rigify_deform": rigify_deform.CONVENTION,
    "auto_rig_pro": auto_rig_pro.CONVENTION,
    "auto_rig_pro_export": auto_rig_pro.EXPORT,
    "makehuman": makehuman.CONVENTION,
    "cmu": cmu.CONVENTION,
    "mixamo": mixamo.CONVENTION,
    "unreal": unreal.CONVENTION,
    "vrm": vrm.VROID,
    "unity": vrm.UNITY,
    "vrchat": vrm.VRCHAT,
    "biped": biped.CONVENTION,
    "character_creator": biped.CHARACTER_CREATOR,
    "daz": daz.GENESIS_8,
    "daz_9": daz.GENESIS_9,
    "rokoko": mocap.ROKOKO,
    "biovision": mocap.BIOVISION,
    "smpl": mocap.SMPL,
    "smpl_short": mocap.SMPL_SHORT,
    "plain": plain.CONVENTION,
    "mmd": mmd.CONVENTION,
    "mmd_side_last": mmd.SIDE_LAST,
}
"""Of two that fit a rig equally well, the first is taken."""
