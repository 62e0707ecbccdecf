# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What training makes small, and the errors by which validation judges."""

from typing import Any, Protocol

from torch import Tensor

from .. import metrics


class Objective(Protocol):
    def loss(self, output: Any, batch: dict[str, Any]) -> Tensor:
        """() mean over a batch of what the network made of it; of the order of metres."""
        ...

    def errors(self, output: Any, batch: dict[str, Any]) -> dict[str, Tensor]:
        """(B,) one value a person under each name. `validation_mm` chooses the best epoch,
        `validation_p_mm` is the same after Procrustes; others are logged as well."""
        ...


class PoseObjective:
    """MPJPE of poses (B, J, 3) against the batch's `joints`, metres relative to the pelvis."""

    def loss(self, output: Tensor, batch: dict[str, Any]) -> Tensor:
        return metrics.mpjpe(output.float(), metrics.root_relative(batch["joints"])).mean()

    def errors(self, output: Tensor, batch: dict[str, Any]) -> dict[str, Tensor]:
        poses = metrics.root_relative(output.float()).double()
        truth = metrics.root_relative(batch["joints"]).double()
        return {
            "validation_mm": 1000 * metrics.mpjpe(poses, truth),
            "validation_p_mm": 1000 * metrics.p_mpjpe(poses, truth),
        }
