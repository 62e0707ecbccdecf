# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifter as its description reads, step by step, with nothing done for speed.

What models/context_pose_former.py is compared with: its values in the tests, its speed in
`python3 run.py bench model`. Parameters bear the same names, so one state dict fills both.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class ReferenceLifter(nn.Module):
    """17 joints, 128 channels a token, stacks of 4 blocks; maps of `map_channels` channels."""

    def __init__(self, map_channels: Sequence[int]) -> None:
        super().__init__()
        tokens = 1 + len(map_channels)
        self.coord_embed = nn.Linear(2, 128)
        self.feat_embed = nn.ModuleList(nn.Linear(channels, 128) for channels in map_channels)
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, tokens, 17, 128))
        self.context_blocks = nn.ModuleList(ReferenceContextBlock(map_channels) for _ in range(4))
        self.res_blocks = nn.ModuleList(ReferenceBlock(128) for _ in range(4))
        self.joint_blocks = nn.ModuleList(ReferenceBlock(tokens * 128) for _ in range(4))
        self.head = nn.Sequential(nn.LayerNorm(tokens * 128), nn.Linear(tokens * 128, 3))

    def forward(self, keypoints: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """(B, 17, 2), (B, 17, 2), L of (B, C_l, H_l, W_l) -> (B, 17, 3)."""
        tokens = [self.coord_embed(keypoints)]  # (B, J, D)
        for embed, feature_map in zip(self.feat_embed, maps, strict=True):
            found = functional.grid_sample(
                feature_map, reference[:, :, None], padding_mode="zeros", align_corners=True
            )  # (B, C_l, J, 1)
            tokens.append(embed(found.squeeze(3).permute(0, 2, 1).contiguous()))
        x = torch.stack(tokens, 1) + self.Spatial_pos_embed  # (B, 1 + L, J, D)
        for block in self.context_blocks:
            x = block(x, reference, maps)
        batch, count, joints, dim = x.shape
        x = x.permute(0, 2, 1, 3).reshape(batch * joints, count, dim)
        for block in self.res_blocks:
            x = block(x)
        x = x.reshape(batch, joints, count * dim)
        for block in self.joint_blocks:
            x = block(x)
        return self.head(x)


class ReferenceContextBlock(nn.Module):
    """Samples every point of every head, projects every sample, then weighs and sums."""

    def __init__(self, map_channels: Sequence[int]) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(128)
        self.attention_weights = nn.Linear(128, 16)
        self.sampling_offsets = nn.Linear(128, 32)
        self.embed_proj = nn.ModuleList(nn.Linear(channels, 32) for channels in map_channels)
        self.norm2 = nn.LayerNorm(128)
        self.mlp = ReferenceMLP(128)

    def forward(self, x: Tensor, reference: Tensor, maps: Sequence[Tensor]) -> Tensor:
        pose, context = x[:, :1], x[:, 1:]  # (B, 1, J, D), (B, L, J, D)
        batch, levels, joints, _ = context.shape
        y = self.norm1(context + pose)
        weights = self.attention_weights(y).view(batch, levels, joints, 4, 4).softmax(-1)
        offsets = self.sampling_offsets(y).tanh().view(batch, levels, joints, 16, 2)
        places = reference[:, None, :, None] + offsets  # (B, L, J, 16, 2)
        found = []
        for level, (project, feature_map) in enumerate(zip(self.embed_proj, maps, strict=True)):
            samples = functional.grid_sample(
                feature_map, places[:, level], padding_mode="border", align_corners=True
            )  # (B, C_l, J, 16)
            samples = project(samples.permute(0, 2, 3, 1).contiguous())  # (B, J, 16, 32)
            found.append(samples.view(batch, joints, 4, 4, 32))
        weighed = torch.stack(found, 1) * weights[..., None]  # (B, L, J, 4 heads, 4 points, 32)
        context = context + weighed.sum(4).reshape(batch, levels, joints, 128)
        context = context + self.mlp(self.norm2(context))
        return torch.cat((pose, context), 1)


class ReferenceBlock(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = ReferenceAttention(dim)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = ReferenceMLP(dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ReferenceAttention(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, dim = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, 8, dim // 8).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        scores = query @ key.transpose(-2, -1) * (dim // 8) ** -0.5
        return self.proj((scores.softmax(-1) @ value).transpose(1, 2).reshape(batch, tokens, dim))


class ReferenceMLP(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 2 * dim)
        self.fc2 = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(x)))
