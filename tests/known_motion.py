# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion-captured clips as our joints, with the contacts that truly happen in them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from capf_blender.core.filters import lowpass
from capf_blender.core.rotations import matrix_from_quaternion, unit
from capf_blender.core.skeleton import JOINT, JOINT_NAMES

SOLE_M = 0.02  # heel and toe points lie this far above the ground
FPS = 30.0

# joint: the source's bone whose head it is
_HEADS = {
    "pelvis": "Hips", "spine": "Spine", "thorax": "Neck", "neck": "Head",
    "l_shoulder": "LeftArm", "l_elbow": "LeftForeArm", "l_wrist": "LeftHand",
    "r_shoulder": "RightArm", "r_elbow": "RightForeArm", "r_wrist": "RightHand",
    "l_hip": "LeftUpLeg", "l_knee": "LeftLeg", "l_ankle": "LeftFoot",
    "r_hip": "RightUpLeg", "r_knee": "RightLeg", "r_ankle": "RightFoot",
}  # fmt: skip
# joint: the bone that carries it, and where it is from that bone's head at rest, metres, y up, +z
# forward, left at +x
_CARRIED = {
    "head_top": ("Head", (0.0, 0.17, 0.02)),
    "nose": ("Head", (0.0, 0.05, 0.11)),
    "l_ear": ("Head", (0.075, 0.06, 0.0)), "r_ear": ("Head", (-0.075, 0.06, 0.0)),
    "l_index": ("LeftHand", (0.05, -0.05, 0.07)), "l_pinky": ("LeftHand", (0.03, -0.08, 0.04)),
    "r_index": ("RightHand", (-0.05, -0.05, 0.07)), "r_pinky": ("RightHand", (-0.03, -0.08, 0.04)),
}  # fmt: skip
_ANKLE_M, _HEEL_M, _TOE_M = 0.06, 0.05, 0.18  # above, behind and before: the ankle over the sole


@dataclass(frozen=True, eq=False)
class KnownMotion:
    name: str
    time_s: np.ndarray  # (F,)
    joints: np.ndarray  # (F, J, 3) metres, z up, floor at 0, first facing -Y
    planted: np.ndarray  # (F, 2) bool: left, right foot stands, or rolls on heel or toe


class MotionLibrary:
    def __init__(self, file: Path) -> None:
        with np.load(file, allow_pickle=False) as stored:
            self._data = {name: stored[name] for name in stored.files}
        self.names = [str(name) for name in self._data["clip_name"]]

    def clip(self, name: str, frames: int | None = None) -> KnownMotion:
        """The clip of that name, its first `frames`; KeyError when there is none."""
        if name not in self.names:
            raise KeyError(name)
        d, index = self._data, self.names.index(name)
        start, stop = d["clip_start"][index : index + 2]
        part = slice(start, stop if frames is None else min(stop, start + frames))
        skeleton = d["clip_skeleton"][index]
        joints = _joints(
            [str(bone) for bone in d["names"]], d["parents"],
            np.where(
                np.abs(d["skeleton_offsets"][skeleton]).sum(1, keepdims=True) > 0,
                d["skeleton_offsets"][skeleton], 0.0,
            ).astype(float),
            unit(d["quat"][part].astype(float)), d["root"][part].astype(float),
        )  # fmt: skip
        time_s = np.arange(len(joints)) / FPS
        joints = joints[..., [0, 2, 1]] * [1.0, -1.0, 1.0]  # y up, facing +z -> z up, facing -Y
        feet = joints[:, [JOINT[n] for n in ("l_heel", "l_toe", "r_heel", "r_toe")], 2]
        # the sources' floors are right to a few centimetres
        joints[..., 2] -= np.percentile(feet.min(axis=1), 10.0) - SOLE_M
        return KnownMotion(name, time_s, joints, true_contacts(joints, time_s))


def _joints(
    names: list[str], parents: np.ndarray, offsets: np.ndarray, local: np.ndarray, root: np.ndarray
) -> np.ndarray:
    """(F, J, 3) metres, y up, of local rotations (F, 31, 4) and a root (F, 3)."""
    rotation = matrix_from_quaternion(local)
    position = np.empty((*local.shape[:2], 3))
    for bone, parent in enumerate(parents):
        if parent < 0:
            position[:, bone] = root
        else:
            position[:, bone] = position[:, parent] + rotation[:, parent] @ offsets[bone]
            rotation[:, bone] = rotation[:, parent] @ rotation[:, bone]
    bone_of = {name: index for index, name in enumerate(names)}
    joints = np.empty((len(root), len(JOINT_NAMES), 3))
    for joint, bone in _HEADS.items():
        joints[:, JOINT[joint]] = position[:, bone_of[bone]]
    for joint, (bone, offset) in _CARRIED.items():
        index = bone_of[bone]
        joints[:, JOINT[joint]] = position[:, index] + rotation[:, index] @ np.array(offset)
    for p, side in (("l_", "Left"), ("r_", "Right")):
        foot, toe = bone_of[side + "Foot"], bone_of[side + "ToeBase"]
        forward = offsets[toe] * [1.0, 0.0, 1.0]
        forward = unit(forward) if np.linalg.norm(forward) > 0.03 else np.array([0.0, 0.0, 1.0])
        heel = -_HEEL_M * forward - [0.0, _ANKLE_M, 0.0]
        toe_at = _TOE_M * forward - [0.0, _ANKLE_M, 0.0]
        joints[:, JOINT[p + "heel"]] = position[:, foot] + rotation[:, foot] @ heel
        joints[:, JOINT[p + "toe"]] = position[:, foot] + rotation[:, foot] @ toe_at
    middle = 0.5 * (joints[:, JOINT["l_hip"]] + joints[:, JOINT["r_hip"]])
    joints[:, JOINT["pelvis"]] = middle
    return joints


def true_contacts(joints: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """(F, 2) bool: heel or toe is within 4 cm of the floor and slower than 0.25 m/s."""
    planted = np.zeros((len(joints), 2), bool)
    for side, p in enumerate(("l_", "r_")):
        for end in ("heel", "toe"):
            point = lowpass(joints[:, JOINT[p + end]], time_s, 10.0)
            speed = np.linalg.norm(np.gradient(point, time_s, axis=0), axis=-1)
            planted[:, side] |= (speed < 0.25) & (point[:, 2] < SOLE_M + 0.04)
    return planted
