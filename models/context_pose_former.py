# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Context-Aware PoseFormer: one 2D pose and the feature maps it was found in, lifted to 3D.

Zhao, Zheng, Liu, Chen, "A Single 2D Pose with Context is Worth Hundreds for 3D Human Pose
Estimation", NeurIPS 2023. Letters in shapes: B batch, J joints, L feature maps ("levels"), D
channels a token, K sampling heads, P points a head.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .deformable_sampling import MapRows, map_rows, sample
from .transformer import MLP, DropPath, TransformerBlock


class ContextAwarePoseFormer(nn.Module):
    """Lifter from 2D joints and image context to 3D joints.

    Its parameters bear the names of the published checkpoints' `volume_net.*`. With `context` off
    it is the paper's context-agnostic counterpart: the same fusion and spatial blocks, but nothing
    is read from the maps, so that the context tokens hold only their learned embedding.

    Args:
        joints: J.
        map_channels: channels of each feature map, C_1 ... C_L.
        dim: D, divisible by `heads` and `sampling_heads`.
        blocks: blocks in each of the three stacks.
        heads: attention heads in fusion and spatial blocks.
        sampling_heads: K. sampling_points: P.
        drop_path: stochastic depth of the last block in each stack; it rises from 0 linearly.
        coordinates: numbers that describe a joint to its coordinate token, the paper's are x and y.
        outputs: numbers that the head gives a joint.
        sampling_step: distance of a head's first sampling points from each other, in units of the
            crop's -1..1.
    """

    def __init__(
        self,
        joints: int = 17,
        map_channels: Sequence[int] = (32, 64, 128, 256),
        dim: int = 128,
        blocks: int = 4,
        heads: int = 8,
        sampling_heads: int = 4,
        sampling_points: int = 4,
        drop_path: float = 0.2,
        context: bool = True,
        coordinates: int = 2,
        outputs: int = 3,
        sampling_step: float = 0.01,
    ) -> None:
        super().__init__()
        if dim % heads or dim % sampling_heads:
            raise ValueError(f"dim {dim} must be divisible by {heads} and {sampling_heads} heads")
        self.joints, self.map_channels = joints, tuple(map_channels)
        self.dim, self.context, self.coordinates = dim, context, coordinates
        tokens = 1 + len(self.map_channels)
        depths = [drop_path * block / max(1, blocks - 1) for block in range(blocks)]

        self.coord_embed = nn.Linear(coordinates, dim)
        self.Spatial_pos_embed = nn.Parameter(torch.empty(1, tokens, joints, dim))
        nn.init.trunc_normal_(self.Spatial_pos_embed, std=0.02)
        if context:
            self.feat_embed = nn.ModuleList(nn.Linear(c, dim) for c in self.map_channels)
            self.context_blocks = nn.ModuleList(
                DeformableContextBlock(
                    dim, self.map_channels, sampling_heads, sampling_points, depth, sampling_step
                )
                for depth in depths
            )
        self.res_blocks = nn.ModuleList(TransformerBlock(dim, heads, depth) for depth in depths)
        self.joint_blocks = nn.ModuleList(
            TransformerBlock(tokens * dim, heads, depth) for depth in depths
        )
        self.head = nn.Sequential(nn.LayerNorm(tokens * dim), nn.Linear(tokens * dim, outputs))

    def forward(self, keypoints: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """The 3D pose, (B, J, 3) metres, camera axes, relative to the pelvis; in general whatever
        the (B, J, outputs) were trained to be.

        Args:
            keypoints: (B, J, coordinates), in the paper two of the frame: x' = 2 x / w - 1,
                y' = 2 y / w - h / w.
            reference: (B, J, 2) the same joints in the crop, its corner pixels at -1 and 1.
            maps: L of (B, C_l, H_l, W_l), fastest when channels_last; ignored without context.
        """
        self._check(keypoints, reference, maps)
        # Token 0 is the joint's coordinates, tokens 1 to L what the maps show around it.
        pose = self.coord_embed(keypoints).unsqueeze(2)  # (B, J, 1, D)
        embedding = self.Spatial_pos_embed.transpose(1, 2)  # (1, J, 1 + L, D)
        pose = pose + embedding[:, :, :1]  # (B, J, 1, D)
        context = embedding[:, :, 1:].expand(len(pose), -1, -1, -1)  # (B, J, L, D)

        # 1. Deformable context extraction
        if self.context:
            pyramid = map_rows(maps)
            context = context + self._context_at(reference, pyramid)  # (B, J, L, D)
            for block in self.context_blocks:
                context = block(context, pose, reference, pyramid)  # (B, J, L, D)

        # 2. Pose-context fusion: attention among the tokens of each joint
        tokens = torch.cat((pose, context), 2).flatten(0, 1)  # (B J, 1 + L, D)
        for block in self.res_blocks:
            tokens = block(tokens)  # (B J, 1 + L, D)

        # 3. Spatial transformer: attention among joints, all tokens of a joint side by side
        body = tokens.flatten(1).unflatten(0, (-1, self.joints))  # (B, J, (1 + L) D)
        for block in self.joint_blocks:
            body = block(body)  # (B, J, (1 + L) D)

        # 4. Head
        return self.head(body)  # (B, J, outputs)

    def _context_at(self, reference: Tensor, pyramid: MapRows) -> Tensor:
        """What each map shows at the joints; zeros outside the crop. Returns (B, J, L, D)."""
        batch, levels = len(reference), len(self.map_channels)
        places = reference[:, :, None, None, None]  # (B, J, 1, 1, 1, 2)
        places = places.expand(-1, -1, levels, -1, -1, -1)  # (B, J, L, 1, 1, 2)
        weights = reference.new_ones(batch, self.joints, levels, 1, 1)
        samples = sample(pyramid, places, weights, outside="zeros")  # L of (B, J, 1, C_l)
        embedded = [embed(s) for embed, s in zip(self.feat_embed, samples, strict=True)]
        return torch.cat(embedded, 2)  # L of (B, J, 1, D) -> (B, J, L, D)

    def _check(self, keypoints: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> None:
        sizes = (("keypoints", keypoints, self.coordinates), ("reference", reference, 2))
        for name, value, numbers in sizes:
            expected = (len(keypoints), self.joints, numbers)
            if tuple(value.shape) != expected:
                raise ValueError(f"{name} has shape {tuple(value.shape)}, expected {expected}")
        if not self.context:
            return
        found = [tuple(feature_map.shape[:2]) for feature_map in maps]
        if found != [(len(keypoints), channels) for channels in self.map_channels]:
            raise ValueError(
                f"maps have batch sizes and channels {found}, expected batches of "
                f"{len(keypoints)} with {self.map_channels} channels"
            )


class DeformableContextBlock(nn.Module):
    """Each context token looks around its joint, in its own map, where the pose tells it to look.

    Deformable attention after Zhu et al. 2021 (Deformable DETR), one map a token.
    """

    def __init__(
        self,
        dim: int,
        map_channels: Sequence[int],
        heads: int,
        points: int,
        drop_path: float,
        step: float = 0.01,
    ) -> None:
        super().__init__()
        self.heads, self.points = heads, points
        self.norm1 = nn.LayerNorm(dim)
        self.attention_weights = nn.Linear(dim, heads * points)
        self.sampling_offsets = nn.Linear(dim, heads * points * 2)
        self.embed_proj = nn.ModuleList(nn.Linear(c, dim // heads) for c in map_channels)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = MLP(dim, 2 * dim)
        self.drop_path = DropPath(drop_path)
        self._look_around_evenly(step)

    def _look_around_evenly(self, step: float) -> None:
        """At first each head looks in a direction of its own, each point a step further out."""
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        direction = torch.stack((angle.cos(), angle.sin()), -1)  # (K, 2)
        direction = direction / direction.abs().amax(-1, keepdim=True)
        distance = step * torch.arange(1, self.points + 1)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_((direction[:, None] * distance[:, None]).flatten())
        nn.init.zeros_(self.sampling_offsets.weight)
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)

    def forward(self, context: Tensor, pose: Tensor, reference: Tensor, pyramid: MapRows) -> Tensor:
        """`context` (B, J, L, D), `pose` (B, J, 1, D), `reference` (B, J, 2) -> (B, J, L, D)."""
        query = self.norm1(context + pose)  # (B, J, L, D)
        context = context + self.drop_path(self._look(query, reference, pyramid))
        return context + self.drop_path(self.mlp(self.norm2(context)))

    def _look(self, query: Tensor, reference: Tensor, pyramid: MapRows) -> Tensor:
        per_head = (self.heads, self.points)
        weights = self.attention_weights(query).unflatten(-1, per_head)  # (B, J, L, K, P)
        offsets = self.sampling_offsets(query).tanh()  # (B, J, L, 2 K P)
        offsets = offsets.unflatten(-1, (*per_head, 2))  # (B, J, L, K, P, 2)
        places = reference[:, :, None, None, None] + offsets  # (B, J, L, K, P, 2)
        seen = sample(pyramid, places, weights.softmax(-1), outside="border")  # L of (B, J, K, C_l)
        # A head's weights sum to 1, so projecting its sum equals summing projected samples.
        projected = [project(s) for project, s in zip(self.embed_proj, seen, strict=True)]
        return torch.stack(projected, 2).flatten(3)  # L of (B, J, K, D / K) -> (B, J, L, D)
