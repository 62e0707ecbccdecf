# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind rendered people: perspective views of light maps, plain rooms, clutter."""

from pathlib import Path

import cv2
import numpy as np

from capf_blender.core.errors import CaptureError

HELD_OUT = 6  # every sixth light map is only seen in validation
VIEW_SIZE = 160  # pixels: the maps have three pixels a degree, more would not show more
VIEW_SPAN = (0.7, 1.6)  # radians across the picture; narrower views of the maps are mere blur
ROOMS = 0.2  # share of pictures with a plain wall and floor instead of a view
CLUTTER = 0.4  # share of pictures with things standing about


class Backgrounds:
    """Pictures for one split, from the light maps in `assets/hdri`."""

    def __init__(self, assets: Path, split: str) -> None:
        """Raises CaptureError `assets_missing` when there are no light maps."""
        files = sorted((Path(assets) / "hdri").glob("*.hdr"))
        held_out = files[HELD_OUT - 1 :: HELD_OUT]
        files = held_out if split == "validation" else [f for f in files if f not in held_out]
        if not files:
            message = f"There are no light maps (*.hdr) for {split} in {Path(assets) / 'hdri'}."
            hint = f"Name the asset folder with --assets; it needs at least {HELD_OUT} of them."
            raise CaptureError("assets_missing", message, hint)
        self.panoramas = [_tone_mapped(file) for file in files]
        generator = np.random.default_rng(0)
        self.grain = generator.normal(0, 40, (640, 640, 3)).clip(-127, 127).astype(np.float32)
        self.texture = _octaves(generator, 640)

    def paint(
        self,
        size: tuple[int, int],
        focal_px: float,
        principal: np.ndarray,
        camera_up: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """(H, W, 3) uint8 RGB for the (W, H) pixels of a picture with that focal length and
        principal point (2,); `camera_up` (3,) is the world's up in camera axes."""
        panorama = self.panoramas[rng.integers(len(self.panoramas))]
        picked = rng.integers(0, panorama.shape[0], 16), rng.integers(0, panorama.shape[1], 16)
        palette = panorama[picked].astype(float)
        rays = _rays(size, focal_px, principal, rng.uniform(*VIEW_SPAN))
        world = rays @ _world_from_camera(camera_up).T
        if rng.random() < ROOMS:
            view = _room(world, palette, rng)
        else:
            view = _look(panorama, world, rng.uniform(0, 2 * np.pi))
        picture = cv2.resize(view, size, interpolation=cv2.INTER_LINEAR)
        if rng.random() < CLUTTER:
            _clutter(picture, palette, rng)
        return self.textured(picture, rng.uniform(0, 0.12), rng)

    def textured(
        self, picture: np.ndarray, strength: float, rng: np.random.Generator
    ) -> np.ndarray:
        """The picture with the unevenness of surfaces, which maps of this size have not."""
        height, width = picture.shape[:2]
        patch = _cut(self.texture, 128 + int(rng.integers(256)), rng)
        patch = cv2.resize(patch, (width, height), interpolation=cv2.INTER_LINEAR)
        levels = cv2.addWeighted(patch, 128 * strength, patch, 0, 128, dtype=cv2.CV_8U)
        return product(picture, cv2.merge([levels] * 3), 128)

    def noisy(self, picture: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
        """The picture with a sensor's noise of `sigma` grey levels."""
        height, width = picture.shape[:2]
        y, x = rng.integers(641 - height), rng.integers(641 - width)
        grain = self.grain[y : y + height, x : x + width]
        return cv2.addWeighted(
            picture.astype(np.float32), 1.0, grain, sigma / 40, 0, dtype=cv2.CV_8U
        )


def product(image: np.ndarray, factor: np.ndarray, one: float = 255) -> np.ndarray:
    """`image * factor / one` of uint8 arrays; 20 times as fast as cv2.multiply."""
    return cv2.convertScaleAbs(np.multiply(image, factor, dtype=np.uint16), alpha=1 / one)


def _tone_mapped(file: Path) -> np.ndarray:
    """(H, W, 3) uint8 sRGB of a radiance file (Reinhard's operator, key 0.25)."""
    radiance = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if radiance is None:
        message = f"The light map {file} cannot be read."
        raise CaptureError("assets_missing", message, "Fetch the assets again.")
    light = np.maximum(radiance[..., ::-1], 0)
    brightness = light @ (0.2126, 0.7152, 0.0722)
    light = light * (0.25 / np.exp(np.log(brightness + 1e-4).mean()))
    return (255 * (light / (1 + light)) ** (1 / 2.2) + 0.5).astype(np.uint8)


def _octaves(rng: np.random.Generator, size: int) -> np.ndarray:
    """(size, size) float32 noise of several scales, standard deviation 0.4."""
    total = np.zeros((size, size), np.float32)
    for cells in (8, 32, 128, 640):
        layer = rng.normal(0, 1, (cells, cells)).astype(np.float32)
        total += cv2.resize(layer, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(0.4 * total / total.std(), -1, 1)


def _cut(image: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    y, x = rng.integers(0, len(image) - side + 1, 2)
    return image[y : y + side, x : x + side]


def _rays(size: tuple[int, int], focal_px: float, principal: np.ndarray, span: float) -> np.ndarray:
    """(VIEW_SIZE, VIEW_SIZE, 3) camera rays through the picture, spread to `span` radians."""
    extent = np.array(size, float)
    middle = (extent / 2 - principal) / focal_px
    half = np.maximum(extent / focal_px, np.tan(span / 2) * 2 * extent / extent.max()) / 2
    steps = (np.arange(VIEW_SIZE) + 0.5) / VIEW_SIZE * 2 - 1
    rays = np.ones((VIEW_SIZE, VIEW_SIZE, 3), np.float32)
    rays[..., 0] = middle[0] + half[0] * steps
    rays[..., 1] = middle[1] + half[1] * steps[:, None]
    return rays


def _world_from_camera(camera_up: np.ndarray) -> np.ndarray:
    """(3, 3) rotation to axes right, up, ahead of an upright observer."""
    up = np.asarray(camera_up, np.float32) / np.linalg.norm(camera_up)
    ahead = np.array([0, 0, 1], np.float32)
    if abs(up[2]) > 0.99:
        ahead = np.array([0, 1, 0], np.float32)
    ahead = ahead - (ahead @ up) * up
    ahead /= np.linalg.norm(ahead)
    return np.stack((np.cross(ahead, up), up, ahead)).astype(np.float32)


def _look(panorama: np.ndarray, world: np.ndarray, heading: float) -> np.ndarray:
    """The panorama along `world` rays (H, W, 3), turned by `heading` radians."""
    height, width = panorama.shape[:2]
    x, up, ahead = (np.ascontiguousarray(world[..., axis]) for axis in range(3))
    around = cv2.phase(ahead, x) + np.float32(heading)
    level = cv2.phase(cv2.magnitude(x, ahead), up)  # 0..2 pi; up is below pi
    level = np.where(level > np.pi, level - np.float32(2 * np.pi), level)
    columns = np.mod(around * np.float32(width / (2 * np.pi)), np.float32(width))
    rows = (np.float32(np.pi / 2) - level) * np.float32(height / np.pi) - np.float32(0.5)
    return cv2.remap(panorama, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _room(world: np.ndarray, palette: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wall and a floor that meet a little below the horizon, each of one colour."""
    slope = world[..., 1] / np.linalg.norm(world, axis=-1)
    floor = slope < -rng.uniform(0.05, 0.5)
    view = np.where(floor[..., None], palette[0], palette[1])
    shade = 1 + rng.uniform(-0.4, 0.4) * slope + rng.uniform(-0.2, 0.2) * world[..., 0]
    return (view * shade[..., None]).clip(0, 255).astype(np.uint8)


def _clutter(picture: np.ndarray, palette: np.ndarray, rng: np.random.Generator) -> None:
    """Draws boxes, discs and bars into the picture."""
    height, width = picture.shape[:2]
    extent = np.array([width, height])
    for _ in range(rng.integers(1, 8)):
        colour = (palette[rng.integers(len(palette))] * rng.uniform(0.5, 1.3)).clip(0, 255).tolist()
        middle = tuple((rng.uniform(-0.1, 1.1, 2) * extent).tolist())
        kind = rng.integers(3)
        if kind == 0:
            sides = tuple((rng.uniform(0.05, 0.5, 2) * extent).tolist())
            corners = cv2.boxPoints((middle, sides, float(rng.normal(0, 12))))
            cv2.fillConvexPoly(picture, corners.astype(np.int32), colour, cv2.LINE_AA)
        elif kind == 1:
            axes = tuple((rng.uniform(0.02, 0.2, 2) * extent).astype(int).tolist())
            at = (int(middle[0]), int(middle[1]))
            cv2.ellipse(picture, at, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
        else:
            away = (rng.normal(0, 0.6, 2) * extent).astype(int)
            at = (int(middle[0]), int(middle[1]))
            end = (at[0] + int(away[0]), at[1] + int(away[1]))
            thickness = int(rng.integers(1, max(2, width // 25)))
            cv2.line(picture, at, end, colour, thickness, cv2.LINE_AA)
