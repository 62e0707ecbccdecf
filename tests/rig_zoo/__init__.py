# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs of all kinds, as armature objects in Blender, and what is known of each.

`build(name)` makes one of `NAMES` in the open scene; `expected(ob)` says which of its bones should
be found for each role, where the 28 joints of the body are at rest, and which bones carry them.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import bpy

from . import conventions, deviants, makehuman, own, rigify
from .bones import Expected
from .bvh import cmu_bvh

Builder = Callable[[], tuple[bpy.types.Object, Expected]]

BUILDERS: dict[str, Builder] = {
    "capf": own.own,
    "rigify_human_fk": partial(rigify.generated, "human", "FK"),
    "rigify_human_ik": partial(rigify.generated, "human", "IK"),
    "rigify_basic_fk": partial(rigify.generated, "basic_human", "FK"),
    "rigify_basic_ik": partial(rigify.generated, "basic_human", "IK"),
    "makehuman_mixamo": partial(makehuman.makehuman, "mixamo"),
    "makehuman_game_engine": partial(makehuman.makehuman, "game_engine"),
    "makehuman_cmu_mb": partial(makehuman.makehuman, "cmu_mb"),
    "mixamo": conventions.mixamo,
    "mixamo_prefixed": partial(conventions.mixamo, "mixamorig7:"),
    "mixamo_bare": partial(conventions.mixamo, ""),
    "unreal": conventions.unreal,
    "vrm": conventions.vrm,
    "unity": conventions.unity,
    "auto_rig_pro": conventions.auto_rig_pro,
    "cmu_bvh": cmu_bvh,
    "plain": deviants.plain,
    "no_clavicles": partial(deviants.plain, clavicles=False),
    "no_toes": partial(deviants.plain, toes=False),
    "one_spine": partial(deviants.plain, spine=1),
    "five_spines": partial(deviants.plain, spine=5, necks=2),
    "random_rolls": partial(deviants.plain, rolls=1),
    "n_pose": partial(deviants.plain, below_horizontal=84.0, elbow_bend=3.0),
    "t_pose_straight": partial(deviants.plain, below_horizontal=0.0, elbow_bend=0.0),
    "scaled_parent": deviants.scaled_parent,
    "no_inherit": deviants.no_inherit,
    "euler": deviants.euler,
    "stray_bones": partial(deviants.plain, stray=True),
}
NAMES: tuple[str, ...] = tuple(BUILDERS)
_known: dict[str, Expected] = {}


def build(name: str) -> bpy.types.Object:
    """The rig of that name in the open scene, in object mode. Those of MakeHuman raise
    FileNotFoundError where the folder of people is not beside the repository."""
    ob, known = BUILDERS[name]()
    _known[ob.name] = known
    return ob


def expected(ob: bpy.types.Object) -> Expected:
    """What is known of a rig that `build` made."""
    return _known[ob.name]


def assets_present() -> bool:
    return (Path(makehuman.ASSETS) / "human" / "rigs").is_dir()
