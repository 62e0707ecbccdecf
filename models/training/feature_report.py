# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far BlazePose itself is from the truth on stored features, and a sheet of pictures."""

from pathlib import Path

import cv2
import numpy as np
import torch

from capf_blender.core.skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS

from ..blazepose.landmarks import INPUT_SIZE
from ..blazepose.world_lifter import JOINTS_FROM_KEYPOINTS
from ..metrics import mpjpe, p_mpjpe
from .blazepose_features import Samples

LIMBS = [
    JOINT[f"{side}_{part}"]
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in "lr"
]
FOUND = 0.5  # score of a picture in which run time would see a person


def as_text(samples: Samples) -> str:
    """Offsets of the rule's joints from the truth in px of the 256 px crop, the error of the
    network's world landmarks in mm over 12 limb joints relative to the mid-hip."""
    found = samples.score >= FOUND
    rule = JOINTS_FROM_KEYPOINTS.astype(np.float32)
    pixels = INPUT_SIZE / 2 * (rule @ samples.keypoints_crop - samples.truth_2d)
    along = INPUT_SIZE / 2 * _body_axes(samples.truth_2d)
    lines = [f"{len(found)} pictures, a person found in {100 * found.mean():.1f} %"]
    lines.append("joint: median offset right, down; to the own left, up the trunk; median error")
    for joint, name in enumerate(JOINT_NAMES):
        chosen = found & samples.truth_visible[:, joint]
        if not chosen.any():
            continue
        offset = pixels[chosen, joint]
        own = np.einsum("nax,nx->na", along[chosen], offset) / (INPUT_SIZE / 2)
        error = np.median(np.linalg.norm(offset, axis=1))
        frame, body = np.median(offset, 0), np.median(own, 0)
        lines.append(
            f"{name:12s} {frame[0]:+5.1f} {frame[1]:+5.1f}   {body[0]:+5.1f} {body[1]:+5.1f}"
            f"   {error:5.1f} px"
        )
    error = np.median(np.linalg.norm(pixels[found][:, LIMBS], axis=2))
    lines.append(f"limb joints: median error {error:.1f} px of {INPUT_SIZE}")
    world = rule @ samples.world
    world = world - world[:, :1]
    for title, chosen in (("all", np.ones_like(found)), ("found", found)):
        one = torch.from_numpy(world[chosen][:, LIMBS])
        other = torch.from_numpy(samples.truth_joints[chosen][:, LIMBS])
        lines.append(
            f"world landmarks, {title}: MPJPE {1000 * mpjpe(one, other).mean():.1f} mm, "
            f"P-MPJPE {1000 * p_mpjpe(one, other).mean():.1f} mm"
        )
    return "\n".join(lines)


def _body_axes(joints: np.ndarray) -> np.ndarray:
    """(N, 2, 2) unit vectors in the image: to the person's left across the trunk, up the trunk."""
    up = joints[:, JOINT["thorax"]] - joints[:, JOINT["pelvis"]]
    up = up / np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6)
    across = joints[:, JOINT["l_shoulder"]] - joints[:, JOINT["r_shoulder"]]
    left = np.stack((-up[:, 1], up[:, 0]), 1)
    left *= np.sign((left * across).sum(1, keepdims=True))
    return np.stack((left, up), 1)


def write_sheet(path: Path, crops: np.ndarray, samples: Samples, columns: int = 8) -> None:
    """A picture of the (N, 256, 256, 3) crops: true bones green (hidden joints dark), the rule's
    joints red, their errors as lines."""
    tiles = []
    for n, crop in enumerate(crops):
        tile = cv2.resize(crop, None, fx=1.25, fy=1.25)
        half = len(tile) / 2
        truth = ((samples.truth_2d[n] + 1) * half).round().astype(int).clip(-999, 999).tolist()
        rule = ((JOINTS_FROM_KEYPOINTS @ samples.keypoints_crop[n] + 1) * half).round()
        for joint, parent in enumerate(JOINT_PARENTS):
            if parent >= 0:
                cv2.line(tile, truth[joint], truth[parent], (0, 200, 0), 1, cv2.LINE_AA)
        for joint, place in enumerate(rule.astype(int).tolist()):
            seen = samples.truth_visible[n, joint]
            cv2.line(tile, truth[joint], place, (255, 60, 60), 1, cv2.LINE_AA)
            cv2.circle(tile, truth[joint], 2, (60, 255, 60) if seen else (0, 70, 0), -1)
            cv2.circle(tile, place, 2, (255, 0, 0), -1)
        words = f"{samples.score[n]:.2f} {samples.pose_kinds[samples.pose_kind[n]]}"
        cv2.putText(tile, words, (4, 12), cv2.FONT_HERSHEY_PLAIN, 0.8, (255, 255, 0))
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[n : n + columns]) for n in range(0, len(tiles), columns)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])
