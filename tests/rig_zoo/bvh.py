# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CMU skeleton in a .bvh file, brought in by Blender's own importer."""

import tempfile
from pathlib import Path

import bpy
import numpy as np

from .body import Points, joints_from, landmarks, spine_point
from .bones import Expected
from .quiet import silenced

INCHES = 1 / 0.0254


def _tree(points: Points) -> list[tuple[str, str, np.ndarray]]:
    """(name, parent, place) of each joint, a parent directly or indirectly before its children."""
    at = [("Hips", "", spine_point(0.0))]
    for p, letter, word in (("l_", "L", "Left"), ("r_", "R", "Right")):
        at += [(f"{letter}HipJoint", "Hips", spine_point(0.0))]
        chain = [f"{letter}HipJoint", *(word + n for n in ("UpLeg", "Leg", "Foot", "ToeBase"))]
        for parent, name, joint in zip(chain, chain[1:], ("hip", "knee", "ankle", "ball"),
                                       strict=False):  # fmt: skip
            at.append((name, parent, points[p + joint]))
        at.append((f"{word}Toe_End", chain[-1], points[p + "toe"]))
    chain = ["Hips", "LowerBack", "Spine", "Spine1", "Neck", "Neck1", "Head"]
    places = [spine_point(0.0), spine_point(0.33), spine_point(0.66), points["neck"],
              0.5 * (points["neck"] + points["head"]), points["head"]]  # fmt: skip
    at += [(n, p, a) for p, n, a in zip(chain, chain[1:], places, strict=False)]
    at.append(("Head_End", "Head", points["head_top"]))
    for p, word, thumb in (("l_", "Left", "LThumb"), ("r_", "Right", "RThumb")):
        chain = ["Spine1", *(word + n for n in ("Shoulder", "Arm", "ForeArm", "Hand"))]
        # CMU's collar bones begin at the neck's base
        places = [points["neck"], *(points[p + n] for n in ("shoulder", "elbow", "wrist"))]
        at += [(n, q, a) for q, n, a in zip(chain, chain[1:], places, strict=False)]
        at.append((f"{word}FingerBase", f"{word}Hand", points[p + "knuckles"]))
        at.append((f"{word}HandIndex1", f"{word}FingerBase", points[p + "Index2"]))
        at.append((f"{word}Index_End", f"{word}HandIndex1", points[p + "Index4"]))
        at.append((thumb, f"{word}Hand", points[p + "Thumb2"]))
        at.append((f"{thumb}_End", thumb, points[p + "Thumb4"]))
    return at


def bvh_text() -> str:
    """T-pose, y up, facing +z, inches, as the CMU files are."""
    tree = _tree(landmarks(0.0, 0.0))
    place = {name: at for name, _, at in tree}
    children: dict[str, list[str]] = {name: [] for name, _, _ in tree}
    parents = {name: parent for name, parent, _ in tree}
    for name, parent, _ in tree:
        if parent:
            children[parent].append(name)
    lines = ["HIERARCHY"]
    count = 0

    def write(name: str, depth: int) -> None:
        nonlocal count
        tab = "  " * depth
        x, y, z = INCHES * (place[name] - (place[parents[name]] if parents[name] else 0.0))
        end = name.endswith("_End")
        lines.append(tab + ("End Site" if end else ("JOINT " if depth else "ROOT ") + name))
        lines.append(tab + "{")
        lines.append(f"{tab}  OFFSET {x:.6f} {z:.6f} {-y:.6f}")
        if not end:
            place_channels = "" if depth else "Xposition Yposition Zposition "
            lines.append(
                f"{tab}  CHANNELS {3 if depth else 6} {place_channels}Zrotation Yrotation Xrotation"
            )
            count += 3 if depth else 6
            for child in children[name]:
                write(child, depth + 1)
        lines.append(tab + "}")

    write("Hips", 0)
    lines += ["MOTION", "Frames: 1", "Frame Time: 0.008333", " ".join(["0.0"] * count)]
    return "\n".join(lines) + "\n"


def cmu_bvh() -> tuple[bpy.types.Object, Expected]:
    with tempfile.TemporaryDirectory() as folder, silenced():
        file = Path(folder) / "cmu.bvh"
        file.write_text(bvh_text())
        bpy.ops.preferences.addon_enable(module="io_anim_bvh")
        bpy.ops.import_anim.bvh(
            filepath=str(file), global_scale=0.0254, axis_forward="-Z", axis_up="Y"
        )
    ob = bpy.context.view_layer.objects.active
    ob.animation_data_clear()
    for bone in ob.pose.bones:
        bone.matrix_basis.identity()
    bpy.context.view_layer.update()
    roles: dict[str, tuple[str, ...]] = {
        "hips": ("Hips",), "spine": ("LowerBack", "Spine", "Spine1"), "neck": ("Neck", "Neck1"),
        "head": ("Head",),
    }  # fmt: skip
    names = ("Shoulder", "Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot", "ToeBase")
    parts = ("clavicle", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
    for side, word in ((".L", "Left"), (".R", "Right")):
        roles |= {part + side: (word + name,) for part, name in zip(parts, names, strict=True)}
    # the file's root offset is the hips' place in its rest pose
    hips = np.array(ob.matrix_world @ ob.data.bones["Hips"].head_local)
    points = landmarks(0.0, 0.0)
    joints = joints_from(points) - spine_point(0.0) + hips
    return ob, Expected(roles, joints, convention="cmu")
