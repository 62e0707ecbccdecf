# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pre-norm transformer block (Dosovitskiy et al. 2021), stochastic depth (Huang et al. 2016)."""

from torch import Tensor, nn
from torch.nn import functional


class DropPath(nn.Module):
    """Leaves a residual branch out for a random part of the batch; scales the rest to make up."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.probability == 0.0:
            return branch
        keep = 1.0 - self.probability
        one_per_entry = (len(branch), *[1] * (branch.dim() - 1))
        return branch * branch.new_empty(one_per_entry).bernoulli_(keep) / keep


class MLP(nn.Module):
    """Two linear layers with a GELU between them, on the last axis."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(x)))


class Attention(nn.Module):
    """Multi-head self-attention over N tokens of D channels."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1))  # (B, N, 3, heads, D / heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, N, D / heads)
        mixed = functional.scaled_dot_product_attention(
            query, key, value
        )  # (B, heads, N, D / heads)
        return self.proj(mixed.transpose(1, 2).flatten(2))  # (B, N, D)


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)); (B, N, D) to (B, N, D)."""

    def __init__(self, dim: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = MLP(dim, 2 * dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))
