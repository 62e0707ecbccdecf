# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's 28 joints of a posed synthetic person: one definition each.

* hips: centres of the hip joints (`landmarks.hip_centres`), heads of the thigh bones;
* shoulders (glenohumeral): heads of the upper-arm bones (`Rig.rest_joints`), a seventh of the way
  from MakeHuman's shoulder cubes, which lie too far out, to its scapula cubes;
* elbows, knees, wrists, ankles: MakeHuman's joint cubes, which are the bones' heads; they lie
  inside the body at the joint's centre;
* pelvis: middle of the hips; thorax: middle of the shoulders; spine: middle of pelvis and thorax;
* neck and top of the head follow the places where Human3.6M and `blazepose.world_lifter` have
  them: 0.25 thorax + 0.6 middle of the ears + 0.15 middle of the mouth's corners, and the highest
  vertex of the skull (hair and hats do not count);
* heels, toes (tip of the big toe, inside a shoe), nose and ears (tragus): vertices of the skin;
* index and pinky: the knuckles, MakeHuman's cubes of the first finger joints.

BlazePose's keypoints for index, pinky, toes, heels, nose and ears mean the same places.
"""

import numpy as np

from capf_blender.core.skeleton import JOINT_NAMES

from . import landmarks
from .rig import BONE, Posed, Rig

_BONE_HEADS = {
    "l_hip": "LeftUpLeg", "l_knee": "LeftLeg", "l_ankle": "LeftFoot",
    "r_hip": "RightUpLeg", "r_knee": "RightLeg", "r_ankle": "RightFoot",
    "l_shoulder": "LeftArm", "l_elbow": "LeftForeArm", "l_wrist": "LeftHand",
    "r_shoulder": "RightArm", "r_elbow": "RightForeArm", "r_wrist": "RightHand",
}  # fmt: skip

_VERTICES = {
    "l_heel": landmarks.HEELS[0], "r_heel": landmarks.HEELS[1],
    "l_toe": landmarks.TOES[0], "r_toe": landmarks.TOES[1],
    "nose": landmarks.NOSE, "head_top": landmarks.SKULL_TOP,
    "l_ear": landmarks.TRAGUS[0], "r_ear": landmarks.TRAGUS[1],
}  # fmt: skip

_KNUCKLES = {
    "l_index": ("LeftHand", landmarks.INDEX_KNUCKLE_CUBES[0]),
    "r_index": ("RightHand", landmarks.INDEX_KNUCKLE_CUBES[1]),
    "l_pinky": ("LeftHand", landmarks.PINKY_KNUCKLE_CUBES[0]),
    "r_pinky": ("RightHand", landmarks.PINKY_KNUCKLE_CUBES[1]),
}

DEPTH_M = {
    "hip": 0.18, "pelvis": 0.2, "spine": 0.2, "thorax": 0.2, "shoulder": 0.13, "neck": 0.14,
    "head_top": 0.08, "knee": 0.1, "elbow": 0.08, "ankle": 0.09, "heel": 0.05, "toe": 0.07,
    "ear": 0.05, "nose": 0.04, "wrist": 0.06, "index": 0.06, "pinky": 0.06,
}  # fmt: skip
"""How deep below the nearest surface a joint may lie and still count as seen, in metres."""


def joints(rig: Rig, rest_vertices: np.ndarray, posed: Posed) -> np.ndarray:
    """(28, 3) metres, world axes, order `JOINT_NAMES`, of a body with (V, 3) rest vertices."""
    found = {name: posed.joints[BONE[bone]] for name, bone in _BONE_HEADS.items()}
    indices = [*_VERTICES.values(), *landmarks.MOUTH_CORNERS]
    skinned = posed.skin(rest_vertices[indices], rig.weights[indices])
    found |= dict(zip(_VERTICES, skinned, strict=False))
    for name, (bone, first) in _KNUCKLES.items():
        found[name] = posed.point(bone, landmarks.cube_centre(rest_vertices, first))
    found["pelvis"] = (found["l_hip"] + found["r_hip"]) / 2
    found["thorax"] = (found["l_shoulder"] + found["r_shoulder"]) / 2
    found["spine"] = (found["pelvis"] + found["thorax"]) / 2
    ears = (found["l_ear"] + found["r_ear"]) / 2
    found["neck"] = 0.25 * found["thorax"] + 0.6 * ears + 0.15 * skinned[-2:].mean(0)
    return np.array([found[name] for name in JOINT_NAMES], np.float32)


_DEPTHS = np.array([DEPTH_M[name.removeprefix("l_").removeprefix("r_")] for name in JOINT_NAMES])
CELL_PX = 4


def visible(
    joints_2d: np.ndarray, depths: np.ndarray, surface_px: np.ndarray, surface_z: np.ndarray,
    size: int,
) -> np.ndarray:  # fmt: skip
    """(28,) bool: in front of the camera, inside the window and not behind another body part.

    `joints_2d` (28, 2) px and `depths` (28,) m of the joints; `surface_px` (V, 2) and `surface_z`
    (V,) of all vertices, splatted into a z-buffer of `CELL_PX` cells.
    """
    cells = size // CELL_PX
    where = np.floor(surface_px / CELL_PX).astype(int)
    inside = (where >= 0).all(1) & (where < cells).all(1) & (surface_z > 0)
    flat = where[inside, 1] * cells + where[inside, 0]
    order = np.argsort(-surface_z[inside])
    nearest = np.full(cells * cells, np.inf)
    nearest[flat[order]] = surface_z[inside][order]  # the last write, the nearest, stays
    place = np.floor(joints_2d / CELL_PX).astype(int)
    in_window = (place >= 0).all(1) & (place < cells).all(1) & (depths > 0)
    place = place.clip(0, cells - 1)
    return in_window & (nearest[place[:, 1] * cells + place[:, 0]] > depths - _DEPTHS)
