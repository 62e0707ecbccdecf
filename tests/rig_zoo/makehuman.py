# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MakeHuman's rigs on an average man, from the folder of people beside the repository."""

import json
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from capf_blender.core.rotations import shortest_arc, unit
from capf_blender.core.skeleton import JOINT_NAMES
from models.training.synthetic import truth
from models.training.synthetic.assets import HumanPack
from models.training.synthetic.body import average_shape
from models.training.synthetic.rig import BONES, Posed, Rig

from .bones import Expected

ASSETS = Path(__file__).resolve().parents[3] / "shared" / "training"
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # from y up, facing +z

_SIDED = {
    "cmu_mb": ("{S}Shoulder", "{S}Arm", "{S}ForeArm", "{S}Hand", "{S}UpLeg", "{S}Leg", "{S}Foot",
               "{S}ToeBase"),
    "mixamo": ("{S}Shoulder", "{S}Arm", "{S}ForeArm", "{S}Hand", "{S}UpLeg", "{S}Leg", "{S}Foot",
               "{S}ToeBase"),
    "game_engine": ("clavicle_{s}", "upperarm_{s}", "lowerarm_{s}", "hand_{s}", "thigh_{s}",
                    "calf_{s}", "foot_{s}", "ball_{s}"),
}  # fmt: skip
_PARTS = ("clavicle", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
_TRUNKS = {
    "cmu_mb": {"hips": ("Hips",), "spine": ("LowerBack", "Spine", "Spine1"),
               "neck": ("Neck", "Neck1"), "head": ("Head",)},
    "mixamo": {"hips": ("Hips",), "spine": ("Spine", "Spine1", "Spine2"), "neck": ("Neck",),
               "head": ("Head",)},
    "game_engine": {"root": ("Root",), "hips": ("pelvis",),
                    "spine": ("spine_01", "spine_02", "spine_03"), "neck": ("neck_01",),
                    "head": ("head",)},
}  # fmt: skip


def available(assets: Path = ASSETS) -> list[str]:
    return [kind for kind in _TRUNKS if (assets / "human" / "rigs" / f"rig.{kind}.json").is_file()]


@lru_cache(maxsize=1)
def average_man(folder: Path) -> tuple[HumanPack, np.ndarray]:
    """The pack and (V, 3) vertices, metres, y up."""
    pack = HumanPack(folder)
    return pack, average_shape(pack, "male").vertices


@lru_cache(maxsize=1)
def rest_joints(folder: Path) -> np.ndarray:
    """(28, 3) of the average man at rest, z up."""
    pack, vertices = average_man(folder)
    rig = Rig(pack)
    rest = rig.rest_joints(vertices)
    still = Posed(rest, np.broadcast_to(np.eye(3), (len(BONES), 3, 3)), rest)
    return truth.joints(rig, vertices, still) @ Z_UP.T


def makehuman(kind: str, assets: Path = ASSETS) -> tuple[bpy.types.Object, Expected]:
    pack, vertices = average_man(assets / "human")
    table = json.loads((assets / "human" / "rigs" / f"rig.{kind}.json").read_text())
    table = table.get("bones", table)
    floor = np.array([0, 0, vertices[pack.base.group_vertices("body"), 1].min()])

    def place(end: dict) -> np.ndarray:
        if end["strategy"] == "CUBE":
            at = vertices[pack.base.group_vertices(end["cube_name"])].mean(axis=0)
        elif end["strategy"] == "MEAN":
            at = vertices[end["vertex_indices"]].mean(axis=0)
        else:
            at = vertices[end["vertex_index"]]
        return Z_UP @ at - floor

    data = bpy.data.armatures.new(f"MakeHuman {kind}")
    ob = bpy.data.objects.new(f"MakeHuman {kind}", data)
    bpy.context.scene.collection.objects.link(ob)
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    for name, bone in table.items():
        made = data.edit_bones.new(name)
        made.head, made.tail = Vector(place(bone["head"])), Vector(place(bone["tail"]))
        made.roll = bone.get("roll", 0.0)
    for name, bone in table.items():
        made = data.edit_bones[name]
        made.parent = data.edit_bones.get(bone.get("parent", ""))
        made.use_connect = bool(bone.get("use_connect", False))
        made.use_inherit_rotation = bool(bone.get("use_inherit_rotation", True))
        made.use_local_location = bool(bone.get("use_local_location", True))
    bpy.ops.object.mode_set(mode="OBJECT")
    ob.matrix_world = Matrix()
    bpy.context.view_layer.update()
    return ob, _expected(ob, kind, rest_joints(assets / "human") - floor)


def _expected(ob: bpy.types.Object, kind: str, joints: np.ndarray) -> Expected:
    prefix = next((b.name.partition(":")[0] + ":" for b in ob.data.bones if ":" in b.name), "")
    roles = {role: tuple(prefix + name for name in names) for role, names in _TRUNKS[kind].items()}
    for side, word, letter in ((".L", "Left", "l"), (".R", "Right", "r")):
        for part, pattern in zip(_PARTS, _SIDED[kind], strict=True):
            roles[part + side] = (prefix + pattern.format(S=word, s=letter),)
    at = dict(zip(JOINT_NAMES, joints.astype(float), strict=True))
    for p, side in (("l_", ".L"), ("r_", ".R")):
        for joint, part in (("hip", "thigh"), ("knee", "shin"), ("ankle", "foot"),
                            ("shoulder", "upper_arm"), ("elbow", "forearm"),
                            ("wrist", "hand")):  # fmt: skip
            at[p + joint] = np.array(ob.data.bones[roles[part + side][0]].head_local)
        # the sole: from below the ankle to the end of the toes' bone, level
        toe = np.array(ob.data.bones[roles["toe" + side][0]].tail_local)
        toe[2] = at[p + "toe"][2]
        way = (toe - at[p + "ankle"]) * [1, 1, 0]
        at[p + "toe"], at[p + "heel"] = toe, toe - 1.3 * way
        if (
            kind == "cmu_mb"
        ):  # one finger and a thumb tell no knuckles: at rest the hand is straight
            wrist, forearm = at[p + "wrist"], unit(at[p + "wrist"] - at[p + "elbow"])
            knuckles = 0.5 * (at[p + "index"] + at[p + "pinky"]) - wrist
            straight = shortest_arc(unit(knuckles), forearm)
            for finger in ("index", "pinky"):
                at[p + finger] = wrist + straight @ (at[p + finger] - wrist)
    at["pelvis"] = 0.5 * (at["l_hip"] + at["r_hip"])
    at["thorax"] = 0.5 * (at["l_shoulder"] + at["r_shoulder"])
    at["spine"] = 0.5 * (at["pelvis"] + at["thorax"])
    convention = {"cmu_mb": "cmu", "mixamo": "mixamo", "game_engine": "makehuman"}[kind]
    return Expected(roles, np.array([at[name] for name in JOINT_NAMES]), convention=convention)
