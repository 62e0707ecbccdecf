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
    last_pixel: Tensor  # (2, L) width - 1 and height - 1, int
    first_row: Tensor  # (L, B) row at which map l of batch entry b begins, int


def map_rows(maps: Sequence[Tensor]) -> MapRows:
    """`maps`: L of (B, C_l, H_l, W_l). Copies nothing where they are channels_last already."""
    device, batch = maps[0].device, len(maps[0])
    sizes = [feature_map.shape[-2:] for feature_map in maps]
    # float32 at least: sampling weights must not be rounded to half precision
    precision = torch.promote_types(maps[0].dtype, torch.float32)
    rows = tuple(m.permute(0, 2, 3, 1).flatten(0, 2).to(precision) for m in maps)
    heights, widths = zip(*sizes, strict=True)
    last_pixel = torch.tensor([widths, heights], device=device, dtype=torch.int) - 1
    pixels = torch.tensor([h * w for h, w in sizes], device=device, dtype=torch.int)
    image = torch.arange(batch, device=device, dtype=torch.int)
    return MapRows(rows, last_pixel, pixels[:, None] * image)


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
    # Level and axis first: everything below then runs over long rows, which is what is fast.
    weights = weights.movedim(2, 0)  # (L, B, J, K, P)
    xy = places.permute(5, 2, 0, 1, 3, 4).contiguous()  # (2, L, B, J, K, P)
    last = maps.last_pixel[..., None, None, None, None]  # (2, L, 1, 1, 1, 1)
    xy = (xy + 1) * (0.5 * last)  # (2, L, B, J, K, P) pixels
    if outside == "border":
        xy = torch.minimum(xy.clamp(min=0), last)
    floor = xy.floor()
    part = xy - floor
    low = floor.int()
    # the two neighbours along each axis, their pixels and shares, (2, L, B, J, K, P) each
    pixels = [torch.minimum(pixel.clamp(min=0), last) for pixel in (low, low + 1)]
    shares = [1 - part, part]
    if outside == "zeros":
        shares[0] = shares[0] * (low == pixels[0])
        shares[1] = shares[1] * (low + 1 == pixels[1])
    # the four corners, (L, B, J, K, P, 4), then (L, B J K, 4 P)
    width = last[0] + 1  # (L, 1, 1, 1, 1)
    lines = [pixel[1] * width + maps.first_row[..., None, None, None] for pixel in pixels]
    heights = [share[1] * weights for share in shares]
    row = torch.stack([line + pixel[0] for line in lines for pixel in pixels], -1)
    share = torch.stack([height * share[0] for height in heights for share in shares], -1)
    row, share = (corner.flatten(1, 3).flatten(2) for corner in (row, share))
    return [
        functional.embedding_bag(r, pixels, per_sample_weights=s.to(pixels.dtype), mode="sum")
        .unflatten(0, (batch, joints, sums))  # (B, J, K, C_l)
        for r, s, pixels in zip(row, share, maps.rows, strict=True)
    ]  # fmt: skip
