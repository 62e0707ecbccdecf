# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading feature maps at fractional places: gather, interpolate and weigh in one step.

A bilinear sample is a weighted sum of four pixels, and attention over P sampling points is a
weighted sum of P samples. So each result is ONE weighted sum of 4 P rows of the map, when a map is
laid out as rows of channels. `embedding_bag` computes such sums without storing the rows it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class MapRows:
    """L feature maps as rows of channels, made once and sampled many times."""

    rows: tuple[Tensor, ...]  # L of (B H_l W_l, C_l)
    last_pixel: Tensor  # (L, 2) width - 1 and height - 1
    first_row: Tensor  # (B, L) row at which map l of batch entry b begins, int


def map_rows(maps: Sequence[Tensor]) -> MapRows:
    """`maps`: L of (B, C_l, H_l, W_l). Copies nothing where they are channels_last already."""
    device, batch = maps[0].device, len(maps[0])
    sizes = [feature_map.shape[-2:] for feature_map in maps]
    # float32 at least: sampling weights must not be rounded to half precision
    precision = torch.promote_types(maps[0].dtype, torch.float32)
    rows = tuple(m.permute(0, 2, 3, 1).flatten(0, 2).to(precision) for m in maps)
    last_pixel = torch.tensor([(w - 1, h - 1) for h, w in sizes], device=device, dtype=torch.int)
    pixels = torch.tensor([h * w for h, w in sizes], device=device, dtype=torch.int)
    image = torch.arange(batch, device=device, dtype=torch.int)
    return MapRows(rows, last_pixel, image[:, None] * pixels)


def sample(maps: MapRows, places: Tensor, weights: Tensor, outside: str) -> list[Tensor]:
    """Weighted sums of bilinear samples; map l is read at the places that bear its index.

    Args:
        places: (B, J, L, K, P, 2) x and y in [-1, 1], the centres of the corner pixels.
        weights: (B, J, L, K, P) of the P samples in each of K sums.
        outside: "border" repeats the edge pixels, "zeros" reads zeros.

    Returns:
        L of (B, J, K, C_l). NaN places give NaN for their own sums only.
    """
    batch, joints, _, sums, _ = weights.shape
    last = maps.last_pixel[:, None, None]  # (L, 1, 1, 2)
    xy = (places + 1) * (0.5 * last)  # (B, J, L, K, P, 2) pixels
    if outside == "border":
        xy = torch.minimum(xy.clamp(min=0), last)
    low = xy.floor()
    part = xy - low
    # the two neighbours along each axis, (B, J, L, K, P, 2 axes, 2)
    share = torch.stack((1 - part, part), -1)
    low = low.int()
    pixel = torch.stack((low, low + 1), -1)
    inside = pixel.clamp(min=0).minimum(last[..., None])
    if outside == "zeros":
        share = share * (pixel == inside)
    # the four corners, (B, J, L, K, P, 2 rows, 2 columns)
    width = maps.last_pixel[:, :1, None, None, None] + 1  # (L, 1, 1, 1, 1)
    first = maps.first_row[:, None, :, None, None, None, None]  # (B, 1, L, 1, 1, 1, 1)
    row = first + inside[..., 1, :, None] * width + inside[..., 0, None, :]
    share = share[..., 1, :, None] * share[..., 0, None, :] * weights[..., None, None]

    row = row.movedim(2, 0).flatten(1, 3).flatten(2)  # (L, B J K, 4 P)
    share = share.movedim(2, 0).flatten(1, 3).flatten(2)  # (L, B J K, 4 P)
    return [
        functional.embedding_bag(r, pixels, per_sample_weights=s.to(pixels.dtype), mode="sum")
        .unflatten(0, (batch, joints, sums))  # (B, J, K, C_l)
        for r, s, pixels in zip(row, share, maps.rows, strict=True)
    ]  # fmt: skip
