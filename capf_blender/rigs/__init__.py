# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of rigs whose bones are known by name, one data module each."""

from ..core.rig import Convention
from . import capf, cmu, makehuman, mixamo, rigify, rigify_deform, rigify_metarig, unreal

CONVENTIONS: dict[str, Convention] = {
    "capf": capf.CONVENTION,
    "rigify": rigify.CONVENTION,
    "rigify_metarig": rigify_metarig.CONVENTION,
    "rigify_deform": rigify_deform.CONVENTION,
    "makehuman": makehuman.CONVENTION,
    "cmu": cmu.CONVENTION,
    "mixamo": mixamo.CONVENTION,
    "unreal": unreal.CONVENTION,
}
"""Of two that fit a rig equally well, the first is taken."""
