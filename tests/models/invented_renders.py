# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders as the synthetic footage has them, of people made of thick lines."""

import cv2
import numpy as np

from capf_blender.core.skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS
from models.training.synthetic.shards import Render

# metres: to the person's left, up, ahead
STANDING = {
    "pelvis": (0, 0, 0), "hip": (0.1, 0, 0), "knee": (0.12, -0.42, 0.04), "ankle": (0.12, -0.82, 0),
    "spine": (0, 0.25, 0), "thorax": (0, 0.5, 0), "neck": (0, 0.62, 0.03),
    "head_top": (0, 0.8, 0), "shoulder": (0.17, 0.48, 0), "elbow": (0.3, 0.25, 0),
    "wrist": (0.35, 0.03, 0.08), "heel": (0.12, -0.87, -0.05), "toe": (0.14, -0.87, 0.16),
    "index": (0.36, -0.06, 0.1), "pinky": (0.38, -0.05, 0.06), "nose": (0, 0.66, 0.12),
    "ear": (0.08, 0.67, 0),
}  # fmt: skip
WINDOW = 320  # pixels


def invent(seed: int) -> Render:
    """Somebody who stands, turned to anywhere, in a window beside the camera's axis."""
    rng = np.random.default_rng(seed)
    body = np.array(
        [
            np.array(STANDING[name.removeprefix("l_").removeprefix("r_")])
            * (-1 if name.startswith("r_") else 1, 1, 1)
            for name in JOINT_NAMES
        ]
    )
    body += rng.normal(0, 0.03, body.shape)
    turn, pitch = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4)
    cos, sin = np.cos(turn), np.sin(turn)
    world = body @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]).T
    camera_up = np.array([0, -np.cos(pitch), -np.sin(pitch)])
    ahead = np.array([0, -np.sin(pitch), np.cos(pitch)])
    # left of somebody who faces the camera is to the right in the image
    joints = world @ np.stack((np.array([1.0, 0, 0]), camera_up, -ahead))
    joints += np.array([rng.uniform(-1, 1), rng.uniform(-0.3, 0.3), rng.uniform(3, 6)])
    plane = joints[:, :2] / joints[:, 2:]
    low, high = plane.min(0), plane.max(0)
    focal_px = 0.7 * WINDOW / (high - low).max()
    principal = WINDOW / 2 - focal_px * (low + high) / 2
    joints_2d = focal_px * plane + principal
    rgba = np.zeros((WINDOW, WINDOW, 4), np.uint8)
    thickness = round(0.1 * focal_px / joints[0, 2])
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            colour = (*rng.integers(60, 220, 3).tolist(), 255)
            ends = joints_2d[[parent, joint]].round().astype(int).tolist()
            cv2.line(rgba, ends[0], ends[1], colour, thickness, cv2.LINE_AA)
    head = joints_2d[[JOINT["l_ear"], JOINT["r_ear"]]].mean(0).round().astype(int).tolist()
    cv2.circle(rgba, head, thickness, (200, 160, 140, 255), -1, cv2.LINE_AA)
    return Render(
        rgba=rgba,
        focal_px=float(focal_px),
        principal=principal,
        joints=joints.astype(np.float32),
        joints_2d=joints_2d.astype(np.float32),
        visible=rng.random(len(JOINT_NAMES)) < 0.8,
        camera_up=camera_up.astype(np.float32),
        camera_height=0.87 - float(joints[0] @ camera_up),
        actor=f"actor{seed % 5}",
        clip=f"clip{seed % 3}",
        pose_kind="standing",
    )
