# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that other programs export, with their names, hierarchies, rest poses and bone axes."""

from collections.abc import Callable

import bpy
import numpy as np
from mathutils import Matrix

from .body import Points, joints_from, landmarks, spine_point
from .bones import FRONT, UP, Bone, Expected, make

Built = tuple[bpy.types.Object, Expected]
SIDES = (("l_", ".L"), ("r_", ".R"))
Y_UP = Matrix.Rotation(np.pi / 2, 4, "X")


def _trunk(points: Points, names: list[str], parent: str = "") -> list[Bone]:
    """A chain from the pelvis to the neck: hips first, then bones of equal length."""
    count = len(names)
    ends = [spine_point(index / count) for index in range(count + 1)]
    return [
        Bone(name, names[index - 1] if index else parent, ends[index], ends[index + 1])
        for index, name in enumerate(names)
    ]


def _limb(names: dict[str, str], parents: dict[str, str], points: Points, p: str) -> list[Bone]:
    """Arm and leg of one side from names of the parts; a part without a name is left out."""
    ends = {
        "clavicle": ("clavicle", "shoulder"), "upper_arm": ("shoulder", "elbow"),
        "forearm": ("elbow", "wrist"), "hand": ("wrist", "knuckles"), "thigh": ("hip", "knee"),
        "shin": ("knee", "ankle"), "foot": ("ankle", "ball"), "toe": ("ball", "toe"),
    }  # fmt: skip
    bones = []
    for part, (head, tail) in ends.items():
        if names.get(part):
            z = UP if part in ("foot", "toe") else FRONT
            bones.append(Bone(names[part], parents[part], points[p + head], points[p + tail], z))
    return bones


def _fingers(
    points: Points, p: str, hand: str, name: Callable[[str, int], str], count: int = 3
) -> list[Bone]:
    bones: list[Bone] = []
    for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky"):
        for joint in range(1, count + 1):
            parent = hand if joint == 1 else name(finger, joint - 1)
            tail = points.get(f"{p}{finger}{joint + 1}")
            if tail is None:
                tail = 2 * points[f"{p}{finger}{joint}"] - points[f"{p}{finger}{joint - 1}"]
            bones.append(Bone(name(finger, joint), parent, points[f"{p}{finger}{joint}"], tail))
    return bones


def _parents(names: dict[str, str], chest: str, hips: str) -> dict[str, str]:
    clavicle = names.get("clavicle") or chest
    return {
        "clavicle": chest, "upper_arm": clavicle, "forearm": names["upper_arm"],
        "hand": names["forearm"], "thigh": hips, "shin": names["thigh"], "foot": names["shin"],
        "toe": names["foot"],
    }  # fmt: skip


def _roles(
    trunk: dict[str, tuple[str, ...]], limbs: dict[str, dict[str, str]]
) -> dict[str, tuple[str, ...]]:
    roles = dict(trunk)
    for side, names in limbs.items():
        roles |= {part + side: (name,) for part, name in names.items() if name}
    return roles


def mixamo(prefix: str = "mixamorig:") -> Built:
    """T-pose, centimetres, y up below an object of scale 0.01 turned by 90 degrees, as its FBX
    files are imported; arms with Z to the front, legs with X to the person's right."""
    points = landmarks(0.0, 3.0)
    bones = _trunk(points, [prefix + n for n in ("Hips", "Spine", "Spine1", "Spine2")])
    chest = prefix + "Spine2"
    bones.append(Bone(prefix + "Neck", chest, points["neck"], points["head"]))
    bones.append(Bone(prefix + "Head", prefix + "Neck", points["head"], points["head_top"]))
    top = points["head_top"]
    bones.append(Bone(prefix + "HeadTop_End", prefix + "Head", top, top + [0, 0, 0.1]))
    limbs = {}
    for p, side in SIDES:
        word = prefix + ("Left" if side == ".L" else "Right")
        names = {
            "clavicle": word + "Shoulder", "upper_arm": word + "Arm", "forearm": word + "ForeArm",
            "hand": word + "Hand", "thigh": word + "UpLeg", "shin": word + "Leg",
            "foot": word + "Foot", "toe": word + "ToeBase",
        }  # fmt: skip
        limbs[side] = names
        bones += _limb(names, _parents(names, chest, prefix + "Hips"), points, p)
        hand = names["hand"]
        bones += _fingers(points, p, hand, lambda f, j, hand=hand: f"{hand}{f}{j}", 4)
        toe = points[p + "toe"]
        bones.append(Bone(word + "Toe_End", names["toe"], toe, toe + [0, -0.05, 0], UP))
    ob = make("Mixamo", bones, Y_UP @ Matrix.Scale(0.01, 4))
    trunk = {
        "hips": (prefix + "Hips",), "neck": (prefix + "Neck",), "head": (prefix + "Head",),
        "spine": tuple(prefix + n for n in ("Spine", "Spine1", "Spine2")),
    }  # fmt: skip
    return ob, Expected(_roles(trunk, limbs), joints_from(points), convention="mixamo")


def _axes(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """(3, 3) with an exact X axis and Z as near to `z` as that allows."""
    x = x / np.linalg.norm(x)
    y = np.cross(z, x)
    y /= np.linalg.norm(y)
    return np.column_stack([x, y, np.cross(x, y)])


def unreal() -> Built:
    """The UE4 mannequin: A-pose, X along each bone (against it on the right and in the left leg),
    so that Blender's importer lets the bones stick out sideways; twist and IK bones."""
    points = landmarks(48.0, 18.0)
    left = np.array([1.0, 0.0, 0.0])
    bones = [Bone("root", "", np.zeros(3), np.array([0, 0.0, 0.2]), FRONT, np.eye(3))]
    names = ["pelvis", "spine_01", "spine_02", "spine_03"]
    for bone in _trunk(points, names, "root"):
        bone.matrix = _axes(bone.tail - bone.head, -left)
        bones.append(bone)
    for name, parent, ends in (("neck_01", "spine_03", ("neck", "head")),
                               ("head", "neck_01", ("head", "head_top"))):  # fmt: skip
        head, tail = points[ends[0]], points[ends[1]]
        bones.append(Bone(name, parent, head, tail, FRONT, _axes(tail - head, -left)))
    limbs = {}
    for p, side in SIDES:
        s, sign = ("_l", 1.0) if side == ".L" else ("_r", -1.0)
        named = {
            "clavicle": "clavicle" + s, "upper_arm": "upperarm" + s, "forearm": "lowerarm" + s,
            "hand": "hand" + s, "thigh": "thigh" + s, "shin": "calf" + s, "foot": "foot" + s,
            "toe": "ball" + s,
        }  # fmt: skip
        limbs[side] = named
        arm = _limb(named, _parents(named, "spine_03", "pelvis"), points, p)
        arm += _fingers(points, p, "hand" + s, lambda f, j, s=s: f"{f.lower()}_0{j}{s}")
        for bone in arm:
            leg = bone.name.startswith(("thigh", "calf", "foot", "ball"))
            along = (bone.tail - bone.head) * sign * (-1.0 if leg else 1.0)
            hinge = -left if leg else np.array([0.0, 0.3, -1.0])
            bone.matrix = _axes(along, hinge)
        bones += arm
        by_name = {bone.name: bone for bone in bones}
        for part, share in (("upperarm", 0.5), ("lowerarm", 0.5), ("thigh", 0.5), ("calf", 0.5)):
            whole = by_name[part + s]
            start = whole.head + share * (whole.tail - whole.head)
            bones.append(
                Bone(f"{part}_twist_01{s}", part + s, start, whole.tail, FRONT, whole.matrix)
            )
    for name, parent, at in (
        ("ik_foot_root", "root", np.zeros(3)), ("ik_foot_l", "ik_foot_root", points["l_ankle"]),
        ("ik_foot_r", "ik_foot_root", points["r_ankle"]), ("ik_hand_root", "root", np.zeros(3)),
        ("ik_hand_gun", "ik_hand_root", points["r_wrist"]),
        ("ik_hand_l", "ik_hand_gun", points["l_wrist"]),
        ("ik_hand_r", "ik_hand_gun", points["r_wrist"]),
    ):  # fmt: skip
        bones.append(Bone(name, parent, at, at + [0, 0, 0.1], FRONT))
    ob = make("Mannequin", bones)
    trunk = {
        "root": ("root",),
        "hips": ("pelvis",),
        "spine": tuple(names[1:]),
        "neck": ("neck_01",),
        "head": ("head",),
    }
    for s, side in (("_l", ".L"), ("_r", ".R")):
        for part, role in (("upperarm", "upper_arm"), ("lowerarm", "forearm"), ("thigh", "thigh"),
                           ("calf", "shin")):  # fmt: skip
            trunk[f"{role}_twist{side}"] = (f"{part}_twist_01{s}",)
    return ob, Expected(_roles(trunk, limbs), joints_from(points), convention="unreal")


def _nearest_axes(bone: Bone) -> np.ndarray:
    """(3, 3) a turn by right angles whose Y axis is as near to the bone as any."""
    way = bone.tail - bone.head
    axis = int(np.argmax(np.abs(way)))
    y = np.zeros(3)
    y[axis] = np.sign(way[axis])
    z = np.array([0.0, -1.0, 0.0]) if axis != 1 else np.array([0.0, 0.0, 1.0])
    return np.column_stack([np.cross(y, z), y, z])


def vrm() -> Built:
    """VRoid's names in a T-pose, y up; all joints have the world's axes, so that bones point along
    one of them, not along the limb. Skirt and hair bones, as VRoid makes them."""
    points = landmarks(0.0, 0.0)
    names = ["J_Bip_C_Hips", "J_Bip_C_Spine", "J_Bip_C_Chest", "J_Bip_C_UpperChest"]
    bones = [Bone("Root", "", np.zeros(3), np.array([0, 0, 0.1]))]
    bones += _trunk(points, names, "Root")
    bones.append(Bone("J_Bip_C_Neck", names[-1], points["neck"], points["head"]))
    bones.append(Bone("J_Bip_C_Head", "J_Bip_C_Neck", points["head"], points["head_top"]))
    limbs = {}
    for p, side in SIDES:
        letter = "J_Bip_L_" if side == ".L" else "J_Bip_R_"
        named = {
            "clavicle": letter + "Shoulder", "upper_arm": letter + "UpperArm",
            "forearm": letter + "LowerArm", "hand": letter + "Hand", "thigh": letter + "UpperLeg",
            "shin": letter + "LowerLeg", "foot": letter + "Foot", "toe": letter + "ToeBase",
        }  # fmt: skip
        limbs[side] = named
        bones += _limb(named, _parents(named, names[-1], names[0]), points, p)
        word = {"Thumb": "Thumb", "Pinky": "Little"}
        bones += _fingers(
            points, p, named["hand"], lambda f, j, x=letter, w=word: f"{x}{w.get(f, f)}{j}"
        )
        for index in range(3):
            start = points[p + "hip"] + [0.03, 0.08 * (index - 1), 0.0]
            name = f"J_Sec_{letter[6]}_Skirt{index + 1}_01"
            bones.append(Bone(name, names[0], start, start + [0.0, 0.0, -0.25]))
    for index in range(3):
        start = points["head_top"] + [0.04 * (index - 1), 0.09, -0.1]
        bones.append(Bone(f"J_Sec_Hair1_0{index + 1}", "J_Bip_C_Head", start, start - [0, 0, 0.2]))
    for bone in bones:
        bone.matrix = _nearest_axes(bone)
    ob = make("VRoid", bones, Y_UP)
    trunk = {
        "root": ("Root",), "hips": (names[0],), "spine": tuple(names[1:]),
        "neck": ("J_Bip_C_Neck",), "head": ("J_Bip_C_Head",),
    }  # fmt: skip
    return ob, Expected(_roles(trunk, limbs), joints_from(points), convention="vrm")


def unity() -> Built:
    """Unity's names of a humanoid's parts, A-pose, rolls as Blender gives them by default."""
    points = landmarks(35.0, 10.0)
    names = ["Hips", "Spine", "Chest", "UpperChest"]
    bones = _trunk(points, names)
    bones.append(Bone("Neck", "UpperChest", points["neck"], points["head"]))
    bones.append(Bone("Head", "Neck", points["head"], points["head_top"]))
    limbs = {}
    for p, side in SIDES:
        word = "Left" if side == ".L" else "Right"
        named = {
            "clavicle": word + "Shoulder", "upper_arm": word + "UpperArm",
            "forearm": word + "LowerArm", "hand": word + "Hand", "thigh": word + "UpperLeg",
            "shin": word + "LowerLeg", "foot": word + "Foot", "toe": word + "Toes",
        }  # fmt: skip
        limbs[side] = named
        bones += _limb(named, _parents(named, "UpperChest", "Hips"), points, p)
        kinds, little = ("Proximal", "Intermediate", "Distal"), {"Pinky": "Little"}
        bones += _fingers(
            points, p, named["hand"],
            lambda f, j, w=word, k=kinds, x=little: f"{w}{x.get(f, f)}{k[j - 1]}",
        )  # fmt: skip
    ob = make("Unity", bones)
    trunk = {"hips": ("Hips",), "spine": tuple(names[1:]), "neck": ("Neck",), "head": ("Head",)}
    return ob, Expected(_roles(trunk, limbs), joints_from(points), convention="unity")


def auto_rig_pro() -> Built:
    """The controls of an Auto-Rig Pro rig and the deforming bones that follow them; both arms and
    legs with FK and IK chains that `ik_fk_switch` (0 IK, 1 FK) chooses between."""
    points = landmarks(40.0, 12.0)
    bones = [
        Bone("c_pos", "", np.zeros(3), np.array([0, 0.4, 0]), UP, deform=False),
        Bone("c_traj", "c_pos", np.zeros(3), np.array([0, 0.3, 0]), UP, deform=False),
    ]
    at = [spine_point(share) for share in (0.0, 0.22, 0.6, 1.0)]
    bones += [
        Bone("c_root_master.x", "c_traj", at[0], at[0] + [0, 0, 0.12], deform=False),
        Bone("c_root.x", "c_root_master.x", at[0], at[1], deform=False),
        Bone("c_spine_01.x", "c_root_master.x", at[1], at[2], deform=False),
        Bone("c_spine_02.x", "c_spine_01.x", at[2], at[3], deform=False),
        Bone("c_neck.x", "c_spine_02.x", points["neck"], points["head"], deform=False),
        Bone("c_head.x", "c_neck.x", points["head"], points["head_top"], deform=False),
    ]
    follow = {"root.x": "c_root.x", "spine_01.x": "c_spine_01.x", "spine_02.x": "c_spine_02.x",
              "neck.x": "c_neck.x", "head.x": "c_head.x"}  # fmt: skip
    limbs: dict[str, dict[str, str]] = {}
    shown: dict[str, str] = {"hips": "root.x", "head": "head.x", "neck": "neck.x"}
    chains = []
    for p, side in SIDES:
        s = side.lower()
        named = {
            "clavicle": "c_shoulder" + s, "upper_arm": "c_arm_fk" + s,
            "forearm": "c_forearm_fk" + s, "hand": "c_hand_fk" + s, "thigh": "c_thigh_fk" + s,
            "shin": "c_leg_fk" + s, "foot": "c_foot_fk" + s, "toe": "c_toes_fk" + s,
        }  # fmt: skip
        limbs[side] = named
        controls = _limb(named, _parents(named, "c_spine_02.x", "c_root.x"), points, p)
        for bone in controls:
            bone.deform = False
        bones += controls
        follow["shoulder" + s] = named["clavicle"]
        shown["clavicle" + side] = "shoulder" + s
        for kind, parts, target, pole, root in (
            ("arm", ("upper_arm", "forearm", "hand"), "c_hand_ik", "c_arms_pole", "shoulder" + s),
            ("leg", ("thigh", "shin", "foot"), "c_foot_ik", "c_leg_pole", "c_root.x"),
        ):
            by_role = {role: next(b for b in controls if b.name == named[role]) for role in parts}
            upper, lower, end = (by_role[role] for role in parts)
            words = ("arm", "forearm", "hand") if kind == "arm" else ("thigh", "leg", "foot")
            ik = [f"{words[0]}_ik{s}", f"{words[1]}_ik{s}"]
            bones.append(Bone(ik[0], root, upper.head, upper.tail, upper.z, deform=False))
            bones.append(Bone(ik[1], ik[0], lower.head, lower.tail, lower.z, deform=False))
            bones.append(Bone(target + s, "c_traj", end.head, end.tail, end.z, deform=False))
            bend = FRONT if kind == "leg" else (0.0, 1.0, 0.0)
            place = lower.head + 0.5 * np.array(bend)
            bones.append(Bone(pole + s, "c_traj", place, place + [0, 0, 0.1], deform=False))
            deforming = [f"{words[0]}_stretch{s}", f"{words[1]}_stretch{s}", words[2] + s]
            for index, bone in enumerate((upper, lower, end)):
                parent = deforming[index - 1] if index else root
                bones.append(Bone(deforming[index], parent, bone.head, bone.tail, bone.z))
                shown[parts[index] + side] = deforming[index]
            chains.append((target + s, pole + s, ik, [b.name for b in (upper, lower, end)],
                           deforming))  # fmt: skip
        toe = next(b for b in controls if b.name == named["toe"])
        bones.append(Bone("toes_01" + s, "foot" + s, toe.head, toe.tail, toe.z))
    by_name = {bone.name: bone for bone in bones}
    for name, control in follow.items():
        like = by_name[control]
        bones.append(Bone(name, control, like.head, like.tail, like.z))
    ob = make("Auto-Rig Pro", bones)
    for chain in chains:
        _switchable(ob, *chain)
    for bone in ob.pose.bones:
        if bone.name.startswith("c_"):
            bone.rotation_mode = "XYZ"  # as Auto-Rig Pro sets its controls
            bone.custom_shape = _shape()
    ob["arp_rig_type"] = "biped"
    bpy.context.view_layer.update()
    trunk = {
        "root": ("c_traj",), "hips": ("c_root_master.x",), "neck": ("c_neck.x",),
        "spine": ("c_spine_01.x", "c_spine_02.x"), "head": ("c_head.x",),
    }  # fmt: skip
    expected = Expected(_roles(trunk, limbs), joints_from(points), shown, convention="auto_rig_pro")
    return ob, expected


def _shape() -> bpy.types.Object:
    name = "WGT-zoo"
    if name not in bpy.data.objects:
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata([(-0.1, 0, 0), (0.1, 0, 0)], [(0, 1)], [])
        bpy.data.objects.new(name, mesh)
    return bpy.data.objects[name]


def _switchable(
    ob: bpy.types.Object, target: str, pole: str, ik: list[str], fk: list[str], shown: list[str]
) -> None:
    """The deforming chain `shown` follows `fk` or, as the target's property says, `ik`."""
    bones = ob.pose.bones
    bones[target]["ik_fk_switch"] = 0.0
    constraint = bones[ik[1]].constraints.new("IK")
    constraint.target, constraint.subtarget = ob, target
    constraint.pole_target, constraint.pole_subtarget = ob, pole
    constraint.chain_count = 2
    constraint.pole_angle = _pole_angle(ob, ik, pole)
    for name, by_ik, by_fk in zip(shown, [*ik, target], fk, strict=True):
        for source, wanted in ((by_ik, "1-x"), (by_fk, "x")):
            copy = bones[name].constraints.new("COPY_ROTATION")
            copy.target, copy.subtarget = ob, source
            driver = copy.driver_add("influence").driver
            variable = driver.variables.new()
            variable.name = "x"
            variable.targets[0].id = ob
            variable.targets[0].data_path = f'pose.bones["{target}"]["ik_fk_switch"]'
            driver.expression = wanted


def _pole_angle(ob: bpy.types.Object, ik: list[str], pole: str) -> float:
    """Radians between the upper bone's X axis and the pole's direction, about the bone."""
    upper, lower = ob.data.bones[ik[0]], ob.data.bones[ik[1]]
    along = (lower.tail_local - upper.head_local).normalized()
    wanted = ob.data.bones[pole].head_local - upper.head_local
    wanted -= wanted.dot(along) * along
    x = upper.matrix_local.to_3x3().col[0]
    x -= x.dot(along) * along
    angle = x.angle(wanted)
    return -angle if x.cross(wanted).dot(along) > 0 else angle
