# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The context-aware lifter on what BlazePose's landmark network sees in one crop.

The paper's network with other numbers: 28 joint tokens, maps of BlazePose, and as coordinates all
that the detector says of a joint within its crop. Nothing tells where in the frame the crop lay.
It learns what to add to the detector's own 3D and 2D, and how far off the sums still are. Letters
in shapes: B crops, K = 33 keypoints, J = 28 joints in skeleton order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from capf_blender.core.skeleton import JOINT

from ..context_pose_former import ContextAwarePoseFormer
from .world_lifter import JOINTS_FROM_KEYPOINTS

MAP_CHANNELS = (48, 48, 48, 288)  # of 32 x 32, 16 x 16, 8 x 8 and 4 x 4 pixels
CORRECT_M = 0.1  # Confidence is the probability that a joint is no further than that off
# What 1 at the head's output stands for, so that all of them are of order 1:
_RESIDUAL_M, _OFFSET = 0.25, 0.1
_FIRST_SCALE_M, _FIRST_SCALE_2D = 0.04, 0.03  # and what 0 there stands for


@dataclass(frozen=True)
class Architecture:
    """What a weights' file must tell to be loaded; see ContextAwarePoseFormer for the sizes."""

    context: bool = True  # off: reads no maps
    world: bool = True  # off: does not know the detector's own 3D, and starts from nothing
    dim: int = 48
    blocks: int = 3
    heads: int = 4
    sampling_heads: int = 4
    sampling_points: int = 4
    sampling_step: float = 0.06  # so that the first points lie 0.06 to 0.24 of half a crop away
    drop_path: float = 0.1


class Lifted(NamedTuple):
    joints: Tensor  # (B, J, 3) metres relative to the pelvis, axes of the crop's camera
    joints_2d: Tensor  # (B, J, 2) -1..1 in the crop
    scale: Tensor  # (B, J) metres: Laplace scale of the error in space
    scale_2d: Tensor  # (B, J) the same of the error in the image, in units of -1..1


class ContextNetwork(nn.Module):
    """Before it has learnt anything its joints are the detector's own, by the rules of the
    world-landmark lifter."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.rules = nn.Buffer(torch.from_numpy(JOINTS_FROM_KEYPOINTS).float(), persistent=False)
        shares = self.rules.abs() / self.rules.abs().sum(1, keepdim=True)
        self.shares = nn.Buffer(shares, persistent=False)  # (J, K)
        self.ranges = nn.ModuleList(MapRange(c) for c in MAP_CHANNELS) if a.context else []
        self.lifter = ContextAwarePoseFormer(
            len(self.rules),
            MAP_CHANNELS,
            a.dim,
            a.blocks,
            a.heads,
            a.sampling_heads,
            a.sampling_points,
            a.drop_path,
            a.context,
            coordinates=8 if a.world else 5,
            outputs=7,
            sampling_step=a.sampling_step,
        )
        head = self.lifter.head[-1]
        nn.init.zeros_(head.weight)  # pyright: ignore[reportArgumentType]
        nn.init.zeros_(head.bias)  # pyright: ignore[reportArgumentType]
        self.temperature = nn.Buffer(torch.ones(()))  # of the confidence, fitted after training

    def forward(
        self,
        keypoints: Tensor,
        trust: Tensor,
        world: Tensor,
        half_angle: Tensor,
        maps: Sequence[Tensor],
    ) -> Lifted:
        """Joints and how sure they are.

        Args:
            keypoints: (B, K, 2) -1..1 in the crop, x right, y down.
            trust: (B, K, 2) visibility and presence, 0..1.
            world: (B, K, 3) the detector's own 3D, metres, axes of the crop.
            half_angle: (B,) half the crop's side over the focal length.
            maps: (B, C, H, W) by MAP_CHANNELS; ignored without context.
        """
        with torch.autocast(keypoints.device.type, enabled=False):  # results are sums with these
            joints_2d = self.rules @ keypoints  # (B, J, 2)
            parts = [joints_2d, self.shares @ trust - 0.5]  # (B, J, 2) each
            parts.append(2 * half_angle[:, None, None].expand(-1, len(self.rules), 1))
            joints = torch.zeros_like(joints_2d[..., :1]).expand(-1, -1, 3)  # (B, J, 3)
            if self.architecture.world:
                joints = _from_pelvis(self.rules @ world)
                parts.append(joints)
        if self.architecture.context:
            maps = [fit(level) for fit, level in zip(self.ranges, maps, strict=True)]
        learnt = self.lifter(torch.cat(parts, -1), joints_2d, maps).float()  # (B, J, 7)
        residual, offset, scale, scale_2d = learnt.split((3, 2, 1, 1), -1)
        return Lifted(
            _from_pelvis(joints + _RESIDUAL_M * residual),
            joints_2d + _OFFSET * offset,
            _FIRST_SCALE_M * scale[..., 0].clamp(-6, 6).exp(),
            _FIRST_SCALE_2D * scale_2d[..., 0].clamp(-6, 6).exp(),
        )

    def confidence(self, scale: Tensor) -> Tensor:
        """Probability that a joint with this scale of the error is within CORRECT_M of the truth,
        both relative to the pelvis. That itself has the lesser probability of its hips."""
        confidence = probability_within(CORRECT_M, self.temperature * scale)  # (B, J)
        hips = confidence[:, [JOINT["l_hip"], JOINT["r_hip"]]].amin(1)
        return confidence.index_copy(
            1, torch.tensor([JOINT["pelvis"]]).to(hips.device), hips[:, None]
        )


class MapRange(nn.Module):
    """Brings a map's channels to mean 0 and spread 1; what lies outside the range that training
    has seen is brought to its ends first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean, self.spread = nn.Buffer(torch.zeros(channels)), nn.Buffer(torch.ones(channels))
        self.low = nn.Buffer(torch.full((channels,), -torch.inf))
        self.high = nn.Buffer(torch.full((channels,), torch.inf))

    @torch.no_grad()
    def fit(self, level: Tensor, low: Tensor, high: Tensor) -> None:
        """From a sample (N, C, H, W) of the map and the ends (C,) of its values in training."""
        values = level.transpose(0, 1).flatten(1)
        self.mean.copy_(values.mean(1))
        self.spread.copy_(values.std(1).clamp_min(1e-3))
        self.low.copy_(low)
        self.high.copy_(high)

    def forward(self, level: Tensor) -> Tensor:
        gain = 1 / self.spread[:, None, None]
        shift = -self.mean[:, None, None] * gain
        if not self.training:  # in training it comes from this range
            level = level.float().clamp(self.low[:, None, None], self.high[:, None, None])
        return torch.addcmul(shift, level, gain)


def _from_pelvis(joints: Tensor) -> Tensor:
    return joints - joints[:, JOINT["pelvis"], None]


def probability_within(distance: float, scale: Tensor) -> Tensor:
    """That an error with density exp(-|e| / scale) in space, the isotropic Laplace distribution, is
    no longer than `distance`: its length is Gamma distributed with shape 3."""
    x = distance / scale
    return 1 - torch.exp(-x) * (1 + x + x * x / 2)
