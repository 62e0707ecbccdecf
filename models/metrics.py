# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of 3D poses as the papers measure them, one value a frame; means are the caller's.

Joints are (..., J, 3) in any one unit and frame of axes. For the usual root-relative figures give
both sides through `root_relative`. Values come in the unit of the joints; thresholds are metres.
"""

import torch
from torch import Tensor

PCK_THRESHOLD = 0.150  # metres
AUC_THRESHOLDS: tuple[float, ...] = tuple(step * 5 / 1000 for step in range(31))  # 0..150 mm


def root_relative(joints: Tensor, root: int = 0) -> Tensor:
    """(..., J, 3) joints relative to joint number `root`."""
    return joints - joints[..., root : root + 1, :]


def joint_errors(predicted: Tensor, truth: Tensor) -> Tensor:
    """(..., J) Euclidean distances."""
    if predicted.shape != truth.shape:
        raise ValueError(f"{tuple(predicted.shape)} predicted, {tuple(truth.shape)} true joints")
    return torch.linalg.vector_norm(predicted - truth, dim=-1)


def mpjpe(predicted: Tensor, truth: Tensor) -> Tensor:
    """(...,) mean distance over the joints, "protocol 1" (Ionescu et al., Human3.6M, PAMI 2014)."""
    return joint_errors(predicted, truth).mean(-1)


def procrustes(predicted: Tensor, truth: Tensor) -> Tensor:
    """(..., J, 3) `predicted` moved onto `truth` by the similarity transform (scale, proper
    rotation, shift) with the least squared distance (Umeyama, PAMI 1991, equations 40 to 43)."""
    middle, true_middle = predicted.mean(-2, keepdim=True), truth.mean(-2, keepdim=True)
    x, y = predicted - middle, truth - true_middle  # (..., J, 3)
    u, sizes, vt = torch.linalg.svd(x.transpose(-1, -2) @ y)  # (..., 3, 3)
    signs = torch.ones_like(sizes)
    signs[..., -1] = torch.linalg.det(u @ vt).sign()  # a mirror image is no rotation
    rotation = (u * signs[..., None, :]) @ vt
    spread = x.square().sum((-1, -2)).clamp_min(torch.finfo(x.dtype).tiny)
    scale = (sizes * signs).sum(-1) / spread
    return scale[..., None, None] * x @ rotation + true_middle


def p_mpjpe(predicted: Tensor, truth: Tensor) -> Tensor:
    """(...,) mean distance after each frame's own `procrustes`, "protocol 2"."""
    return mpjpe(procrustes(predicted, truth), truth)


def mpjve(predicted: Tensor, truth: Tensor) -> Tensor:
    """(F - 1,) mean distance between the joints' velocities, per frame step, for F successive
    frames (F, J, 3) (Pavllo et al., CVPR 2019, section 6.1)."""
    return mpjpe(predicted.diff(dim=0), truth.diff(dim=0))


def pck(predicted: Tensor, truth: Tensor, threshold: float = PCK_THRESHOLD) -> Tensor:
    """(...,) share of joints nearer than `threshold` to the truth (Mehta et al., 3DV 2017)."""
    errors = joint_errors(predicted, truth)
    return (errors < threshold).to(errors.dtype).mean(-1)


def auc(predicted: Tensor, truth: Tensor) -> Tensor:
    """(...,) mean of the PCK over `AUC_THRESHOLDS` (Mehta et al., 3DV 2017)."""
    errors = joint_errors(predicted, truth)
    thresholds = errors.new_tensor(AUC_THRESHOLDS)
    return (errors[..., None] < thresholds).to(errors.dtype).mean((-1, -2))


def acceleration_errors(predicted: Tensor, truth: Tensor) -> Tensor:
    """(F - 2,) mean distance between the joints' accelerations, per frame step squared, for F
    successive frames (F, J, 3) (Kanazawa et al., CVPR 2019, section 4.1)."""
    return mpjpe(predicted.diff(n=2, dim=0), truth.diff(n=2, dim=0))


def turns_about(predicted: Tensor, truth: Tensor, axis: Tensor) -> Tensor:
    """(...,) radians, -pi..pi, by which vectors `predicted` (..., 3) are turned from `truth`
    (..., 3) about the unit vector `axis` (3,), counterclockwise seen from its tip."""
    axis = axis.expand_as(truth)
    sine = (torch.linalg.cross(truth, predicted) * axis).sum(-1)
    along = (truth * axis).sum(-1) * (predicted * axis).sum(-1)
    return torch.atan2(sine, (truth * predicted).sum(-1) - along)
