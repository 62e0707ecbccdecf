# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Landmarks of a person of 1.75 m in several rest poses, from which rigs are built.

Metres, z up, facing -Y, the person's left at +X. The spine is curved, knees and elbows are bent a
little, the feet turned out: as in characters, not in diagrams.
"""

import numpy as np

from capf_blender.core.skeleton import JOINT_NAMES

Points = dict[str, np.ndarray]
FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
_SPINE = np.array([[0, 0.010, 0.95], [0, 0.000, 1.06], [0, 0.010, 1.19], [0, 0.030, 1.31],
                   [0, 0.035, 1.46]])  # fmt: skip
_MIDLINE = {"head": (0, 0.010, 1.55), "head_top": (0, 0.010, 1.75), "nose": (0, -0.115, 1.61)}
_LEFT = {
    "hip": (0.090, 0.010, 0.92), "knee": (0.098, -0.005, 0.49), "ankle": (0.105, 0.030, 0.080),
    "ball": (0.1198, -0.105, 0.020), "toe": (0.128, -0.180, 0.018), "heel": (0.0995, 0.080, 0.018),
    "clavicle": (0.022, 0.005, 1.43), "shoulder": (0.175, 0.025, 1.42), "ear": (0.075, 0.0, 1.62),
}  # fmt: skip


def landmarks(below_horizontal: float = 0.0, elbow_bend: float = 6.0) -> Points:
    """Named points (3,) with arms that many degrees below the horizontal: 0 is a T-pose, about 45
    an A-pose, 85 an N-pose. `elbow_bend` degrees forwards."""
    points: Points = {name: np.array(at, float) for name, at in _MIDLINE.items()}
    points["pelvis"] = _SPINE[0]
    points["neck"] = _SPINE[-1]
    left: Points = {name: np.array(at, float) for name, at in _LEFT.items()}
    down, bend = np.radians([below_horizontal, elbow_bend])
    upper = np.array([np.cos(down), 0.0, -np.sin(down)])
    forward = np.array([0.0, -1.0, 0.0])
    fore = np.cos(bend) * upper + np.sin(bend) * forward
    across = np.cos(bend) * forward - np.sin(bend) * upper  # from the little to the index finger
    left["elbow"] = left["shoulder"] + 0.28 * upper
    left["wrist"] = left["elbow"] + 0.26 * fore
    for index, finger in enumerate(FINGERS):
        side = (0.05, 0.03, 0.01, -0.01, -0.03)[index] * across
        start = left["wrist"] + (0.03 if index == 0 else 0.095) * fore + side
        way = fore + (0.8 * across if index == 0 else 0.0)
        for joint in range(4):
            left[f"{finger}{joint + 1}"] = start + (0.030 * joint) * way
    left["knuckles"] = 0.5 * (left["Index1"] + left["Pinky1"])
    mirror = np.array([-1.0, 1.0, 1.0])
    for name, at in left.items():
        points["l_" + name] = at
        points["r_" + name] = at * mirror
    return points


def spine_point(share: float) -> np.ndarray:
    """(3,) point of the spine's curve, from the pelvis (0) to the neck (1)."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(_SPINE, axis=0), axis=1))])
    return np.array([np.interp(share, at / at[-1], _SPINE[:, axis]) for axis in range(3)])


def joints_from(points: Points) -> np.ndarray:
    """(28, 3) the project's joints in the order of `JOINT_NAMES`."""
    found = dict(points)
    for side in ("l_", "r_"):
        found[side + "index"] = points[side + "Index1"]
        found[side + "pinky"] = points[side + "Pinky1"]
    found["pelvis"] = 0.5 * (points["l_hip"] + points["r_hip"])
    found["thorax"] = 0.5 * (points["l_shoulder"] + points["r_shoulder"])
    found["spine"] = 0.5 * (found["pelvis"] + found["thorax"])
    found["neck"] = points["head"]
    return np.array([found[name] for name in JOINT_NAMES])
