# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture's limbs beside a reference: the usual errors, and what they are made of."""

import math

import numpy as np
import torch
from torch import Tensor

from capf_blender.core.errors import CaptureError
from capf_blender.core.motion import Motion
from capf_blender.core.take import Take

from .. import metrics
from .product import in_camera_axes
from .reference import HIPS, LIMB_ROWS, LIMBS, SHOULDERS, Reference, from_mid_hip

Rows = dict[str, float]

BONES = [
    (LIMBS.index(f"{side}_{parent}"), LIMBS.index(f"{side}_{child}"))
    for side in "rl"
    for parent, child in (
        ("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")
    )
]  # fmt: skip


def reference_scores(take: Take, motion: Motion, reference: Reference) -> dict[str, Rows]:
    """Tables of figures by row name: "capture" of the raw take, "solved" of the motion in the
    camera's axes, "breakdown" and "joints" of the take. Millimetres, degrees; see the README.

    Frames without the person are left out, their share is a row. Raises CaptureError `too_short`
    when the reference names frames behind the clip's end, `no_pose` when no frame is left.
    """
    last = int(reference.frames[-1])
    if last >= len(take.time_s):
        raise CaptureError(
            "too_short",
            f"The reference names frame {last}, but the video has only {len(take.time_s)} frames.",
            "Give the video that the reference was made for.",
        )
    limbs = take.joints[reference.frames][:, LIMB_ROWS].astype(float)
    found = np.asarray(np.isfinite(limbs).all(axis=(1, 2)))
    if not found.any():
        raise CaptureError(
            "no_pose",
            "The person was found in no frame that the reference names.",
            "Give the video that the reference was made for.",
        )
    truth, up = torch.from_numpy(from_mid_hip(reference.joints)), torch.from_numpy(reference.up)
    predicted = torch.from_numpy(from_mid_hip(limbs))
    pixels = take.joints_2d[reference.frames][:, LIMB_ROWS]
    solved = torch.from_numpy(from_mid_hip(in_camera_axes(motion)[reference.frames][:, LIMB_ROWS]))
    capture = {"frames found, %": 100 * found.mean()}
    capture |= pose_errors(predicted, truth, reference.frames, up)
    capture |= image_errors(pixels[found], reference.pixels[found], reference.person_px[found])
    rows = torch.from_numpy(found)
    predicted, truth_found = predicted[rows], truth[rows]
    errors = 1000 * metrics.joint_errors(predicted, truth_found).mean(0)
    return {
        "capture": capture,
        "solved": pose_errors(solved, truth, reference.frames, up),
        "breakdown": breakdown(predicted, truth_found, up),
        "joints": dict(zip(LIMBS, errors.tolist(), strict=True)),
    }


def pose_errors(predicted: Tensor, truth: Tensor, frames: np.ndarray, up: Tensor) -> Rows:
    """Errors of (F, 12, 3) limbs relative to the mid-hip; frames that hold NaN are passed over.

    Accelerations are over three frames with successive numbers `frames` (F,). The yaw is that of
    the line from the right to the left joint about `up` (3,), positive counterclockwise from above.
    """
    known = predicted.isfinite().all(-1).all(-1)
    if not known.any():
        return dict.fromkeys(
            ("MPJPE", "P-MPJPE", "acceleration", *_yaw_names("hip"), *_yaw_names("shoulder")),
            math.nan,
        )
    triples = torch.from_numpy(np.diff(frames, 2) == 0) & torch.from_numpy(np.diff(frames)[1:] == 1)
    triples &= known[2:] & known[1:-1] & known[:-2]
    jerky = metrics.acceleration_errors(predicted, truth)[triples]
    predicted, truth = predicted[known], truth[known]
    rows = {
        "MPJPE": 1000 * metrics.mpjpe(predicted, truth).mean().item(),
        "P-MPJPE": 1000 * metrics.p_mpjpe(predicted, truth).mean().item(),
        "acceleration": 1000 * jerky.mean().item(),
    }
    for name, (left, right) in (("hip", HIPS), ("shoulder", SHOULDERS)):
        line, true_line = (joints[:, left] - joints[:, right] for joints in (predicted, truth))
        turn = metrics.turns_about(line, true_line, up).rad2deg()
        rows |= dict(
            zip(_yaw_names(name), (turn.abs().mean().item(), turn.mean().item()), strict=True)
        )
    return rows


def _yaw_names(line: str) -> tuple[str, str]:
    return f"{line} yaw, degrees", f"{line} yaw, bias"


def image_errors(pixels: np.ndarray, true_pixels: np.ndarray, person_px: np.ndarray) -> Rows:
    """Distances of (F, 12, 2) pixels in thousandths of the person's size `person_px` (F,)."""
    shares = 1000 * np.linalg.norm(pixels - true_pixels, axis=-1) / person_px[:, None]
    return {"2D, per mille": float(shares.mean()), "2D, median": float(np.median(shares))}


def breakdown(predicted: Tensor, truth: Tensor, up: Tensor) -> Rows:
    """What the MPJPE of (F, 12, 3) limbs relative to the mid-hip would be, were one thing right."""
    aligned = predicted @ _rotations(predicted, truth)
    size = (predicted * truth).sum((-1, -2)) / predicted.square().sum((-1, -2))
    known_depth = torch.cat((predicted[..., :2], truth[..., 2:]), -1)
    known_place = torch.cat((truth[..., :2], predicted[..., 2:]), -1)
    cases = {
        "as it is": predicted,
        "right yaw": predicted @ _yaws(predicted, truth, up),
        "right rotation": aligned,
        "right size": size[:, None, None] * predicted,
        "right depths": known_depth,
        "right place in image": known_place,
        "right trunk": _with_bones(truth, predicted),
        "right limb directions": _with_bones(predicted, truth, predicted),
    }
    return {name: 1000 * metrics.mpjpe(case, truth).mean().item() for name, case in cases.items()}


def _rotations(predicted: Tensor, truth: Tensor) -> Tensor:
    """(F, 3, 3) for `predicted @ rotation`: the best turns about the mid-hip (Kabsch 1976)."""
    u, _sizes, vt = torch.linalg.svd(predicted.transpose(-1, -2) @ truth)
    signs = torch.ones_like(u[..., 0])
    signs[..., -1] = torch.linalg.det(u @ vt).sign()
    return (u * signs[..., None, :]) @ vt


def _yaws(predicted: Tensor, truth: Tensor, up: Tensor) -> Tensor:
    """(F, 3, 3) for `predicted @ rotation`: the best turns about the axis `up` (3,)."""
    x = torch.linalg.cross(up, torch.eye(3, dtype=up.dtype)[up.abs().argmin()])
    x = x / x.norm()
    axes = torch.stack((x, torch.linalg.cross(up, x), up))  # rows
    flat, true_flat = predicted @ axes[:2].T, truth @ axes[:2].T  # (F, 12, 2)
    cos = (flat * true_flat).sum((-1, -2))
    sin = (flat[..., 0] * true_flat[..., 1] - flat[..., 1] * true_flat[..., 0]).sum(-1)
    angle = torch.atan2(sin, cos)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    turn = torch.stack((cos, sin, zero, -sin, cos, zero, zero, zero, zero + 1), -1)
    return axes.T @ turn.unflatten(-1, (3, 3)) @ axes


def _with_bones(trunk: Tensor, directions: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Limbs with hips and shoulders of `trunk`, bones as in `directions`, as long as in
    `lengths` when given; all (F, 12, 3)."""
    built = trunk.clone()
    for parent, child in BONES:
        bone = directions[:, child] - directions[:, parent]
        if lengths is not None:
            length = (lengths[:, child] - lengths[:, parent]).norm(dim=-1, keepdim=True)
            bone = bone * length / bone.norm(dim=-1, keepdim=True).clamp_min(1e-9)
        built[:, child] = built[:, parent] + bone
    return built
