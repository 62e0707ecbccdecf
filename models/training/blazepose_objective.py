# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What BlazePose's lifter learns, how validation judges it, and what calibrates its confidence."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from capf_blender.core.skeleton import JOINT, JOINT_NAMES

from .. import metrics
from ..blazepose.context_network import Lifted, probability_within
from ..blazepose.world_lifter import JOINTS_FROM_KEYPOINTS

LIMBS = tuple(
    JOINT[f"{side}_{name}"]
    for side in "lr"
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
HIPS = (JOINT["l_hip"], JOINT["r_hip"])
PIXELS = 128  # of the landmark network's 256 in one unit of -1..1

_BODY_JOINTS = 17  # come first; extremities and face lie close together and count less
_EXTREMITY_WEIGHT = 0.5
_WEIGHT_2D = 0.5  # of the distance in the image against that in metres
_WEIGHT_SCALE = 0.01  # of the log likelihoods, whose slopes are larger


class CropObjective:
    """Mean distances in space and in the image, and log likelihoods that teach the scales alone:
    they see the distances without gradient, so that no joint moves for their sake."""

    def __init__(self) -> None:
        weights = torch.full((len(JOINT_NAMES),), _EXTREMITY_WEIGHT)
        weights[:_BODY_JOINTS] = 1.0
        self._weights = weights / weights.sum()
        self._moves = torch.ones(len(JOINT_NAMES))
        self._moves[JOINT["pelvis"]] = 0.0  # relative to itself it has no error to learn
        self._rules = torch.from_numpy(JOINTS_FROM_KEYPOINTS).float()

    def loss(self, output: Lifted, batch: dict[str, Any]) -> Tensor:
        distance = metrics.joint_errors(output.joints, batch["joints"])  # (B, J) metres
        distance_2d = metrics.joint_errors(output.joints_2d, batch["joints_2d"])  # (B, J)
        likelihood = _laplace_loss(distance, output.scale, axes=3) * self._moves.to(distance)
        likelihood = likelihood + _laplace_loss(distance_2d, output.scale_2d, axes=2)
        terms = distance + _WEIGHT_2D * distance_2d + _WEIGHT_SCALE * likelihood
        return (terms * self._weights.to(terms)).sum(1).mean()

    def errors(self, output: Lifted, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Over the 12 joints of the limbs relative to the mid-hip; beside it BlazePose's own
        (`own_`), all 28 joints relative to the pelvis, and in pixels of 256 the median error of a
        person's visible joints."""
        rules = self._rules.to(batch["joints"])
        truth, own = batch["joints"], rules @ batch["world"]
        visible = batch["visible"]

        def pixels(points: Tensor) -> Tensor:
            errors = PIXELS * metrics.joint_errors(points, batch["joints_2d"])
            return errors.masked_fill(~visible, torch.nan).nanmedian(1).values.nan_to_num()

        limbs, own_limbs, true_limbs = (_limbs(joints) for joints in (output.joints, own, truth))
        return {
            "validation_mm": 1000 * metrics.mpjpe(limbs, true_limbs),
            "validation_p_mm": 1000 * metrics.p_mpjpe(limbs, true_limbs),
            "all_joints_mm": 1000 * metrics.mpjpe(output.joints, truth),
            "px": pixels(output.joints_2d),
            "own_mm": 1000 * metrics.mpjpe(own_limbs, true_limbs),
            "own_p_mm": 1000 * metrics.p_mpjpe(own_limbs, true_limbs),
            "own_px": pixels(rules @ batch["keypoints"]),
        }


def _limbs(joints: Tensor) -> Tensor:
    """(B, 12, 3) relative to the mid-hip."""
    return (joints[:, LIMBS] - joints[:, HIPS].mean(1, keepdim=True)).double()


def _laplace_loss(distance: Tensor, scale: Tensor, axes: int) -> Tensor:
    """Negative log likelihood, without constants, of the isotropic Laplace distribution in so many
    dimensions, density ~ exp(-distance / scale) / scale^axes."""
    return distance.detach() / scale + axes * scale.log()


def fit_temperature(distance: Tensor, scale: Tensor, within: float) -> float:
    """The factor of the scales that makes the probability of `distance` (N,) < `within` most
    likely (temperature scaling: Guo et al., ICML 2017, section 4.2); both in metres."""
    right = (distance < within).double()
    factors = torch.logspace(-1, 1, 401, base=4.0, dtype=torch.float64)
    losses = [
        functional.binary_cross_entropy(
            probability_within(within, factor * scale.double()).clamp(1e-6, 1 - 1e-6), right
        )
        for factor in factors
    ]
    return float(factors[int(torch.stack(losses).argmin())])
