# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recoloured images for the parts of an actor: skin tones, dyed cloth and hair, patterns."""

from pathlib import Path

import bpy
import numpy as np

SIDE = 512  # px; textures are drawn at a third of that
_SKIN_TONES = np.array(
    [
        (0.93, 0.79, 0.71),
        (0.88, 0.71, 0.6),
        (0.8, 0.61, 0.48),
        (0.68, 0.49, 0.36),
        (0.54, 0.37, 0.27),
        (0.42, 0.28, 0.2),
    ]
)  # sRGB, light to dark
_HAIR = np.array(
    [
        (0.16, 0.12, 0.1),
        (0.3, 0.2, 0.13),
        (0.45, 0.31, 0.18),
        (0.72, 0.57, 0.35),
        (0.62, 0.6, 0.58),
        (0.5, 0.24, 0.13),
    ]
)
_PAINTED_SUIT = "special_suit"  # its colours are not skin
_ALPHA_KINDS = ("hair", "eyebrow")
_ALPHA_CUT = 0.35


def read_picture(path: Path) -> np.ndarray:
    """(h, w, 4) float32 sRGB, bottom row first, at most about `SIDE` wide."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    pixels = pixels.reshape(height, width, 4)
    step = max(1, width // SIDE)
    if step > 1:
        rows, columns = height // step, width // step
        pixels = pixels[: rows * step, : columns * step]
        pixels = pixels.reshape(rows, step, columns, step, 4).mean((1, 3))
    return pixels


def coloured(kind: str, path: Path | None, rng: np.random.Generator) -> np.ndarray:
    """(h, w, 4) float32 texture of a part, recoloured at random."""
    pixels = _pattern(rng) if path is None else read_picture(path)
    colours = pixels[..., :3]
    solid = pixels[..., 3] > 0.5
    mean = colours[solid].mean(0) if solid.any() else colours.mean((0, 1))
    if kind == "skin" and path is not None and _PAINTED_SUIT not in path.name:
        tone = rng.uniform(0, len(_SKIN_TONES) - 1)
        low = int(tone)
        target = (
            _SKIN_TONES[low] * (low + 1 - tone)
            + (tone - low) * _SKIN_TONES[min(low + 1, len(_SKIN_TONES) - 1)]
        )
        colours = colours * (target / mean.clip(min=0.05)).clip(0.4, 2.0)
    elif kind in _ALPHA_KINDS:
        dye = _HAIR[rng.integers(len(_HAIR))] * rng.uniform(0.85, 1.3)
        grey = colours.mean(-1, keepdims=True) / max(float(mean.mean()), 0.05)
        colours = 0.25 * colours + 0.75 * grey.clip(0.3, 1.9) * dye
        pixels[..., 3] = pixels[..., 3] > _ALPHA_CUT
    elif kind in ("clothes", "shoes", "hat"):
        colours = _dyed(colours, mean, rng)
    pixels[..., :3] = colours.clip(0, 1)
    return pixels


def _dyed(colours: np.ndarray, mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.6:
        grey = colours.mean(-1, keepdims=True) / max(float(mean.mean()), 0.08)
        colours = (grey.clip(0.25, 1.8) * _cloth_colour(rng)).clip(0, 0.95)
    elif rng.random() < 0.5:
        colours = colours[..., rng.permutation(3)]
    brightness = float(colours.mean())
    wanted = rng.uniform(0.2, 0.4)
    if brightness < wanted:  # near-black people would be mere silhouettes
        colours = colours + (wanted - brightness)
    return colours


def _cloth_colour(rng: np.random.Generator) -> np.ndarray:
    value, saturation, hue = rng.uniform(0.25, 0.95), rng.beta(1.2, 1.8), rng.uniform(0, 6)
    ramp = np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1
    return value * (1 - saturation + saturation * ramp.clip(0, 1))


def _pattern(rng: np.random.Generator) -> np.ndarray:
    """Plain, striped or checked cloth for assets without an image."""
    pixels = np.ones((128, 128, 4), np.float32)
    pixels[..., :3] = _cloth_colour(rng)
    style = rng.random()
    if style < 0.5:
        across, along = np.indices((128, 128)) // int(rng.choice([4, 8, 16])) % 2
        mask = across == 1 if style < 0.3 else (across + along) == 1
        pixels[mask, :3] = _cloth_colour(rng)
    return pixels


def to_image(name: str, pixels: np.ndarray) -> bpy.types.Image:
    image = bpy.data.images.new(name, pixels.shape[1], pixels.shape[0], alpha=True)
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).reshape(-1))
    return image
