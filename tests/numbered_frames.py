# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that tell their number, which end is up and which side is left."""

import numpy as np

WIDTH, HEIGHT = 96, 64


def numbered_image(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W, 3) RGB: `number` as 8 black or white blocks along the top, a red lower left corner."""
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(8):
        image[:16, bit * 12 : bit * 12 + 12] = 255 if number >> bit & 1 else 0
    image[-16:, :16] = (255, 0, 0)
    return image


def number_in(image: np.ndarray) -> int:
    return sum(int(image[8, bit * 12 + 6].mean() > 128) << bit for bit in range(8))
