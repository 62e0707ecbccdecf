# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default humanoid, as data: bones, hierarchy, and a T-pose built from measured lengths.

Metres, z up, facing -Y, soles on z = 0. The person's left is .L and lies at +X.
"""

from dataclasses import dataclass

import numpy as np

from .anatomy import SEGMENT, anatomical_frames
from .rotations import frame_yx
from .skeleton import JOINT, JOINT_NAMES

TRUNK_PARENTS = {"hips": "", "spine": "hips", "chest": "spine", "neck": "chest", "head": "neck"}
LIMB_PARENTS = {
    "clavicle": "chest", "upper_arm": "clavicle", "forearm": "upper_arm", "hand": "forearm",
    "thigh": "hips", "shin": "thigh", "foot": "shin", "toe": "foot",
}  # fmt: skip

BONE_PARENTS: dict[str, str] = {
    **TRUNK_PARENTS,
    **{
        bone + side: parent + ("" if parent in TRUNK_PARENTS else side)
        for side in (".L", ".R")
        for bone, parent in LIMB_PARENTS.items()
    },
}
BONE_NAMES: tuple[str, ...] = tuple(BONE_PARENTS)
"""Parents come before their children."""
PARENTS: tuple[int, ...] = tuple(
    BONE_NAMES.index(parent) if parent else -1 for parent in BONE_PARENTS.values()
)
BONE_SEGMENTS: tuple[int, ...] = tuple(
    SEGMENT[name.replace("toe", "foot")] for name in BONE_NAMES
)  # toes do not bend: no detector of ours sees them
"""The anatomical segment that each bone follows."""

# shares of the body's height (Drillis and Contini, 1966, but for soles)
SOLE_SHARE = 0.012  # heel and toe points lie on the skin, this far above the ground
ANKLE_SHARE = 0.039
BALL_SHARE = 0.7  # of the way from heel to toe
KNUCKLE_ANGLE = np.radians(18.0)  # index and little finger's knuckles from the hand's line


@dataclass(frozen=True, eq=False)
class RestPose:
    """A humanoid at rest; J skeleton joints, B bones in the order of `BONE_NAMES`."""

    joints: np.ndarray  # (J, 3) metres, armature space
    heads: np.ndarray  # (B, 3)
    tails: np.ndarray  # (B, 3)
    matrices: np.ndarray  # (B, 3, 3) columns: the bones' X, Y (along the bone) and Z axes

    @property
    def height(self) -> float:
        """From the soles to the crown, metres."""
        return float(self.joints[JOINT["head_top"], 2])


def rest_pose(bone_lengths: np.ndarray, foot_length: float) -> RestPose:
    """The T-pose of a body with `bone_lengths` (J,), metres from each joint to its parent, and
    `foot_length`, metres from heel to toe. Lengths of the two sides should be equal."""
    joints = rest_joints(bone_lengths, foot_length)
    frames = anatomical_frames(joints[None], np.zeros(1))[0]
    ends = _bone_ends(joints)
    heads = np.array([ends[name][0] for name in BONE_NAMES])
    tails = np.array([ends[name][1] for name in BONE_NAMES])
    # along each bone, turned as its segment is
    matrices = frame_yx(tails - heads, frames[list(BONE_SEGMENTS), :, 0])
    return RestPose(joints, heads, tails, matrices)


def rest_joints(bone_lengths: np.ndarray, foot_length: float) -> np.ndarray:
    """(J, 3) the joints of `rest_pose`."""
    length = dict(zip(JOINT_NAMES, bone_lengths, strict=True))
    trunk = sum(length[name] for name in ("spine", "thorax", "neck", "head_top"))
    legs = length["l_knee"] + length["l_ankle"]
    sole = SOLE_SHARE * (trunk + legs)
    ankle, heel_y, toe_y = _foot_triangle(
        length["l_heel"], length["l_toe"], foot_length, ANKLE_SHARE * (trunk + legs) - sole
    )
    at: dict[str, np.ndarray] = {}
    up = np.array([0.0, 0.0, 1.0])
    at["pelvis"] = (sole + ankle + legs) * up
    at["spine"] = at["pelvis"] + length["spine"] * up
    at["thorax"] = at["spine"] + length["thorax"] * up
    at["neck"] = at["thorax"] + length["neck"] * up
    at["head_top"] = at["neck"] + length["head_top"] * up
    at["nose"] = at["neck"] + length["nose"] * np.array([0.0, -0.8, 0.6])
    for p, side in (("l_", 1.0), ("r_", -1.0)):
        out = np.array([side, 0.0, 0.0])
        at[p + "ear"] = at["neck"] + length[p + "ear"] * np.array([0.8 * side, 0.0, 0.6])
        at[p + "shoulder"] = at["thorax"] + length[p + "shoulder"] * out
        at[p + "elbow"] = at[p + "shoulder"] + length[p + "elbow"] * out
        at[p + "wrist"] = at[p + "elbow"] + length[p + "wrist"] * out
        along, forward = np.cos(KNUCKLE_ANGLE) * out, np.array([0.0, -np.sin(KNUCKLE_ANGLE), 0.0])
        at[p + "index"] = at[p + "wrist"] + length[p + "index"] * (along + forward)
        at[p + "pinky"] = at[p + "wrist"] + length[p + "pinky"] * (along - forward)
        at[p + "hip"] = at["pelvis"] + length[p + "hip"] * out
        at[p + "knee"] = at[p + "hip"] - length[p + "knee"] * up
        at[p + "ankle"] = at[p + "knee"] - length[p + "ankle"] * up
        at[p + "heel"] = at[p + "ankle"] + np.array([0.0, heel_y, -ankle])
        at[p + "toe"] = at[p + "ankle"] + np.array([0.0, toe_y, -ankle])
    return np.array([at[name] for name in JOINT_NAMES])


def _foot_triangle(
    heel: float, toe: float, foot: float, usual_height: float
) -> tuple[float, float, float]:
    """Height of the ankle over the line from heel to toe, and their y from it (forward is -y).

    `heel` and `toe` are their distances from the ankle, `foot` that between them. Measured feet may
    not close to a triangle; the height is then kept near the `usual_height`.
    """
    heel_x = (heel**2 - toe**2 + foot**2) / (2 * max(foot, 1e-6))  # from heel to under the ankle
    squared = heel**2 - heel_x**2
    height = np.sqrt(squared) if squared > 0 else 0.0
    height = float(np.clip(height, 0.7 * usual_height, 1.5 * usual_height))
    height = min(height, 0.95 * heel, 0.95 * toe)
    return height, float(np.sqrt(heel**2 - height**2)), -float(np.sqrt(toe**2 - height**2))


def _bone_ends(joints: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Head and tail of each bone, (3,) each."""
    at = dict(zip(JOINT_NAMES, joints, strict=True))
    ends = {
        # half as long as the spine's first bone, which starts at the same place
        "hips": (at["pelvis"], 0.5 * (at["pelvis"] + at["spine"])),
        "spine": (at["pelvis"], at["spine"]),
        "chest": (at["spine"], at["thorax"]),
        "neck": (at["thorax"], at["neck"]),
        "head": (at["neck"], at["head_top"]),
    }
    for p, side in (("l_", ".L"), ("r_", ".R")):
        ball = at[p + "heel"] + BALL_SHARE * (at[p + "toe"] - at[p + "heel"])
        ends |= {
            "clavicle" + side: (at["thorax"], at[p + "shoulder"]),
            "upper_arm" + side: (at[p + "shoulder"], at[p + "elbow"]),
            "forearm" + side: (at[p + "elbow"], at[p + "wrist"]),
            "hand" + side: (at[p + "wrist"], 0.5 * (at[p + "index"] + at[p + "pinky"])),
            "thigh" + side: (at[p + "hip"], at[p + "knee"]),
            "shin" + side: (at[p + "knee"], at[p + "ankle"]),
            "foot" + side: (at[p + "ankle"], ball),
            "toe" + side: (ball, at[p + "toe"]),
        }
    return ends
