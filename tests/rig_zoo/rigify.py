# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that Blender's Rigify generates from its own human metarigs.

Generating takes up to a minute, so the result is kept below build/ for each version of Blender.
"""

from pathlib import Path

import bpy
import numpy as np

from capf_blender.core.skeleton import JOINT_NAMES

from .bones import Expected
from .quiet import silenced

CACHE = Path(__file__).resolve().parents[2] / "build" / "rig_zoo"
METARIGS = {
    "human": "armature_human_metarig_add",
    "basic_human": "armature_basic_human_metarig_add",
}


def metarig(kind: str) -> bpy.types.Object:
    with silenced():
        bpy.ops.preferences.addon_enable(module="rigify")
        getattr(bpy.ops.object, METARIGS[kind])()
    return bpy.context.object


def generated(kind: str, limbs: str = "FK") -> tuple[bpy.types.Object, Expected]:
    ob = _generated(kind)
    bpy.context.view_layer.update()
    return ob, _expected(ob, limbs)


def _generated(kind: str) -> bpy.types.Object:
    """The rig as it comes out of Rigify: arms and legs led by IK."""
    kept = CACHE / f"{kind}-{bpy.app.version_string.split()[0]}.blend"
    if not kept.is_file():
        before = set(bpy.data.objects)
        meta = metarig(kind)
        with silenced():
            bpy.ops.pose.rigify_generate()
        rig = bpy.context.view_layer.objects.active
        rig.name = f"rig_{kind}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        with silenced():
            bpy.data.libraries.write(str(kept), {rig}, fake_user=True)
        for ob in set(bpy.data.objects) - before - {meta}:
            bpy.data.objects.remove(ob)
        bpy.data.objects.remove(meta)
    with bpy.data.libraries.load(str(kept)) as (_found, wanted):
        wanted.objects = [f"rig_{kind}"]
    rig = wanted.objects[0]
    bpy.context.scene.collection.objects.link(rig)
    return rig


def _expected(ob: bpy.types.Object, limbs: str) -> Expected:
    bones = ob.data.bones
    spines = ("spine_fk.002", "spine_fk.003")  # those below go with the torso
    roles: dict[str, tuple[str, ...]] = {
        "root": ("root",), "hips": ("torso",), "spine": spines, "neck": ("neck",),
        "head": ("head",),
    }  # fmt: skip
    shown = {"hips": "ORG-spine", "head": "ORG-spine.006", "neck": "ORG-spine.004",
             "spine": "ORG-spine.003"}  # fmt: skip
    for side in (".L", ".R"):
        roles["clavicle" + side] = ("shoulder" + side,)
        for role in ("upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe"):
            roles[role + side] = (f"{role}_fk{side}",)
            shown[role + side] = f"ORG-{role}{side}"
        if "toe_fk" + side not in bones:
            roles["toe" + side] = ("toe" + side,)
    return Expected(roles, _joints(ob), shown, limbs, "rigify")


def _joints(ob: bpy.types.Object) -> np.ndarray:
    bones = ob.data.bones

    def head(name: str) -> np.ndarray:
        return np.array(bones[name].head_local)

    def tail(name: str) -> np.ndarray:
        return np.array(bones[name].tail_local)

    at = {"neck": head("ORG-spine.006"), "head_top": tail("ORG-spine.006")}
    up = at["head_top"] - at["neck"]
    at["nose"] = at["neck"] + 0.35 * up + [0, -0.11, 0]
    for p, side in (("l_", ".L"), ("r_", ".R")):
        sign = 1.0 if side == ".L" else -1.0
        at |= {
            p + "hip": head("ORG-thigh" + side), p + "knee": head("ORG-shin" + side),
            p + "ankle": head("ORG-foot" + side), p + "toe": tail("ORG-toe" + side),
            p + "shoulder": head("ORG-upper_arm" + side), p + "elbow": head("ORG-forearm" + side),
            p + "wrist": head("ORG-hand" + side), p + "ear": at["neck"] + [0.075 * sign, 0, 0.07],
        }  # fmt: skip
        heel = "ORG-heel.02" + side
        at[p + "heel"] = 0.5 * (head(heel) + tail(heel)) * [0, 1, 1] + at[p + "ankle"] * [1, 0, 0]
        # toes are drawn above the sole, which lies flat
        at[p + "toe"] = at[p + "toe"] * [1, 1, 0] + at[p + "heel"] * [0, 0, 1]
        if "ORG-f_index.01" + side in bones:
            at[p + "index"] = head("ORG-f_index.01" + side)
            at[p + "pinky"] = head("ORG-f_pinky.01" + side)
        else:
            at[p + "index"] = tail("ORG-hand" + side) + [0, -0.03, 0]
            at[p + "pinky"] = tail("ORG-hand" + side) + [0, 0.03, 0]
    at["pelvis"] = 0.5 * (at["l_hip"] + at["r_hip"])
    at["thorax"] = 0.5 * (at["l_shoulder"] + at["r_shoulder"])
    at["spine"] = 0.5 * (at["pelvis"] + at["thorax"])
    return np.array([at[name] for name in JOINT_NAMES])
