# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts rendered people into pictures as a camera would have taken them.

Only the part of a frame that a region shows is made; what lies outside the frame is left out, so
that `models.blazepose.regions.crop` fills it as at run time.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from capf_blender.core.skeleton import JOINT, JOINT_PARENTS, MIRROR

from .backgrounds import Backgrounds, product
from .synthetic.shards import Render

ASPECTS = (16 / 9, 16 / 9, 9 / 16, 9 / 16, 4 / 3, 3 / 4, 1.0)
BODY_SHARE = (0.3, 0.97)  # of the frame that the body takes
CUT = 0.15  # share of pictures whose edge cuts the person
OCCLUDED = 0.2
MOST_HIDDEN = 0.35  # of the joints, by one thing in the way
COMPANY = 0.1  # share of pictures with somebody else
IN_FRONT = 0.3  # of those: how often that is in front
REGION_SIDES = (140, 480)  # pixels of the frame: from people far away to the render's resolution
SHADOW = 0.8
FEET = [JOINT[f"{side}_{part}"] for side in "lr" for part in ("heel", "toe")]


@dataclass(frozen=True, eq=False)
class Picture:
    """A person in the part of a frame that the region needs."""

    frame: np.ndarray  # (H, W, 3) uint8 RGB
    focal_px: float
    principal: np.ndarray  # (2,) pixels of `frame`
    joints: np.ndarray  # (28, 3) metres, camera axes
    joints_2d: np.ndarray  # (28, 2) pixels of `frame`
    visible: np.ndarray  # (28,) in the frame and hidden by nothing
    self_visible: np.ndarray  # (28,) not hidden by the person's own body
    in_frame: np.ndarray  # (28,) whether the frame shows that place
    camera_up: np.ndarray  # (3,) the world's up in camera axes
    region: np.ndarray  # (4,) where to look, pixels of `frame` and radians


def mirrored(render: Render) -> Render:
    """The same person in a mirror: left and right change places, in the image and by name."""
    order = list(MIRROR)
    width = render.rgba.shape[1]
    across = np.array([-1, 1, 1], np.float32)
    return replace(
        render,
        rgba=np.ascontiguousarray(render.rgba[:, ::-1]),
        principal=np.array([width - render.principal[0], render.principal[1]]),
        joints=render.joints[order] * across,
        joints_2d=np.array([width, 0], np.float32)
        + render.joints_2d[order] * np.array([-1, 1], np.float32),
        visible=render.visible[order],
        camera_up=render.camera_up * across,
    )


def compose(
    render: Render,
    region: np.ndarray,
    other: Render | None,
    backgrounds: Backgrounds,
    rng: np.random.Generator,
) -> Picture:
    """A picture with the render's person; `region` (4,) is in pixels of the render's window.

    The `other` may stand beside the person, or a part of them before it.
    """
    window = len(render.rgba)
    side = np.exp(rng.uniform(*np.log(REGION_SIDES)))
    extent = max(8, round(window * side / region[2]))  # whole pixels: places then stay exact
    scale = extent / window
    frame = np.round(_frame_around(render, rng) * scale)
    reach = 0.5 * region[2] * (abs(np.cos(region[3])) + abs(np.sin(region[3]))) + 3 / scale
    low = np.maximum(np.floor((region[:2] - reach) * scale), frame[:2])
    high = np.minimum(np.ceil((region[:2] + reach) * scale), frame[2:])
    # a region that has lost the frame shows the frame's edge
    low = np.clip(low, frame[:2], frame[2:] - 16).astype(int)
    high = np.clip(high, low + 16, low + 1.6 * side + 64).astype(int)
    size = (int(high[0] - low[0]), int(high[1] - low[1]))

    focal_px = render.focal_px * scale
    principal = render.principal * scale - low
    joints_2d = render.joints_2d * scale - low
    picture = backgrounds.paint(size, focal_px, principal, render.camera_up, rng)
    tint = np.array(cv2.mean(picture)[:3])
    if rng.random() < SHADOW:
        _cast_shadow(picture, render, focal_px, principal, rng)

    beside = other if rng.random() < COMPANY else None
    in_front = rng.random() < IN_FRONT
    hidden = np.zeros((size[1], size[0]), np.uint8)
    if beside and not in_front:
        _stand_beside(picture, hidden, render, beside, scale, low, tint, rng)
        hidden[:] = 0
    _paste(picture, hidden, _scaled(_matched(render.rgba, tint, rng), extent, rng), -low)
    hidden[:] = 0
    if beside and in_front:
        _stand_beside(picture, hidden, render, beside, scale, low, tint, rng)
    if rng.random() < OCCLUDED:
        _occlude(picture, hidden, joints_2d, other, tint, backgrounds, rng)

    low_edge, high_edge = frame[:2] - low, frame[2:] - low
    in_frame = np.logical_and(joints_2d >= low_edge, joints_2d < high_edge).all(axis=1)
    pixels = np.floor(joints_2d).astype(int)
    covered = ((pixels >= 0) & (pixels < size)).all(axis=1)
    column, row = np.clip(pixels, 0, np.array(size) - 1).T
    covered &= hidden[row, column] > 127
    visible: np.ndarray = np.logical_and.reduce([render.visible, in_frame, ~covered])
    return Picture(
        frame=_as_taken(picture, backgrounds, rng),
        focal_px=focal_px,
        principal=principal,
        joints=render.joints,
        joints_2d=joints_2d,
        visible=visible,
        self_visible=render.visible,
        in_frame=np.asarray(in_frame),
        camera_up=render.camera_up,
        region=np.array([*(region[:2] * scale - low), region[2] * scale, region[3]]),
    )


def _frame_around(render: Render, rng: np.random.Generator) -> np.ndarray:
    """(4,) left, top, right, bottom of a frame that shows the person, whole or cut; window px."""
    rows = np.flatnonzero(render.rgba[..., 3].any(1))
    columns = np.flatnonzero(render.rgba[..., 3].any(0))
    if not len(rows):
        rows = columns = np.array([0, len(render.rgba) - 1])
    low = np.array([columns[0], rows[0]], float)
    body = np.array([columns[-1] + 1, rows[-1] + 1]) - low
    aspect = ASPECTS[rng.integers(len(ASPECTS))]
    share = np.exp(rng.uniform(*np.log(BODY_SHARE)))
    height = max(body[1], body[0] / aspect) / share
    frame = np.array([height * aspect, height])
    origin = low - rng.uniform(0, 1, 2) * (frame - body)
    if rng.random() < CUT:
        lost = rng.uniform(0.05, 0.3) * body
        edge = rng.choice(["bottom", "left", "right", "top"], p=[0.5, 0.2, 0.2, 0.1])
        match edge:
            case "bottom":
                origin[1] = low[1] + body[1] - lost[1] - frame[1]
            case "top":
                origin[1] = low[1] + lost[1]
            case "left":
                origin[0] = low[0] + lost[0]
            case "right":
                origin[0] = low[0] + body[0] - lost[0] - frame[0]
    return np.concatenate((origin, origin + frame))


def _matched(rgba: np.ndarray, tint: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The person (S, S, 4) in about the light of a picture of mean colour `tint` (3,)."""
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    solid = (alpha > 127).astype(np.uint8)
    if not solid.any():
        return rgba
    own = np.array(cv2.mean(rgb, solid)[:3]).mean() + 1
    wanted = np.clip(own**0.5 * max(tint.mean(), 30) ** 0.5 * rng.lognormal(0, 0.2), 55, 190)
    cast = (tint + 20) / (tint.mean() + 20)
    gains = np.clip(wanted / own, 0.5, 2.5) * cast ** rng.uniform(0, 0.4) * rng.normal(1, 0.03, 3)
    levels = np.arange(256)[:, None] * gains
    levels = 255 * np.tanh(levels / 255) / np.tanh(max(1.0, gains.max()))  # highlights roll off
    table = np.concatenate((levels, np.arange(256)[:, None]), 1).clip(0, 255).astype(np.uint8)
    return cv2.LUT(rgba, table[None])


def _scaled(rgba: np.ndarray, extent: int, rng: np.random.Generator) -> np.ndarray:
    """(extent, extent, 4) uint8, colour times alpha; some of it blurred by motion."""
    alpha = rgba[..., 3]
    colour = product(rgba[..., :3], cv2.merge([alpha] * 3))
    person = cv2.merge((*cv2.split(colour), alpha))
    shrinks = extent < len(rgba)
    person = cv2.resize(
        person, (extent, extent), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    if rng.random() < 0.12:
        person = _smeared(person, rng)
    return person


def _smeared(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image moved along a short straight line while the shutter was open."""
    length = max(3, round(rng.uniform(0.008, 0.035) * len(image)))
    kernel = np.zeros((length, length), np.float32)
    middle, angle = (length - 1) / 2, rng.uniform(0, np.pi)
    away = middle * np.array([np.cos(angle), np.sin(angle)])
    start, end = np.round(middle - away).astype(int), np.round(middle + away).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def _paste(picture: np.ndarray, hidden: np.ndarray, person: np.ndarray, at: np.ndarray) -> None:
    """Lays a (h, w, 4) image, colour times alpha, over the picture with its corner `at` (x, y),
    and its alpha into `hidden` (H, W)."""
    x, y = int(at[0]), int(at[1])
    top, left = max(0, y), max(0, x)
    bottom = min(len(picture), y + len(person))
    right = min(picture.shape[1], x + person.shape[1])
    if top >= bottom or left >= right:
        return
    part = person[top - y : bottom - y, left - x : right - x]
    alpha = part[..., 3]
    under = picture[top:bottom, left:right]
    faded = product(under, cv2.merge([cv2.bitwise_not(alpha)] * 3))
    picture[top:bottom, left:right] = cv2.add(faded, part[..., :3])
    covered = hidden[top:bottom, left:right]
    np.maximum(covered, alpha, out=covered)


def _stand_beside(
    picture: np.ndarray,
    hidden: np.ndarray,
    render: Render,
    other: Render,
    scale: float,
    low: np.ndarray,
    tint: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Somebody else at 0.6 to 1.3 times the person's size, a third to a whole body away."""
    extent = max(8, round(len(other.rgba) * scale * rng.uniform(0.6, 1.3)))
    away = len(render.rgba) * scale * rng.uniform(0.2, 0.6) * rng.choice([-1, 1])
    middle = render.joints_2d[JOINT["pelvis"]] * scale - low
    at = middle + (away, rng.normal(0, 0.08) * extent) - extent / 2
    _paste(picture, hidden, _scaled(_matched(other.rgba, tint, rng), extent, rng), np.round(at))


def _cast_shadow(
    picture: np.ndarray,
    render: Render,
    focal_px: float,
    principal: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Darkens the ground where the body's bones keep the light off, and around the feet."""
    up = render.camera_up / np.linalg.norm(render.camera_up)
    heights = render.joints @ up + render.camera_height
    aside = np.cross(up, rng.normal(size=3))
    aside *= np.tan(rng.uniform(0, 1.1)) / np.linalg.norm(aside)
    ground = render.joints - heights[:, None] * (up + aside)
    if ground[:, 2].min() < 0.3 or render.camera_height < 0.1:  # from below, no floor is seen
        return
    pixels = (ground[:, :2] / ground[:, 2:] * focal_px + principal).clip(-2000, 2000)
    shade = np.zeros(picture.shape[:2], np.uint8)
    metre = focal_px / ground[:, 2].mean()
    points = pixels.round().astype(int).tolist()
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            cv2.line(shade, points[parent], points[joint], 255, max(1, round(0.14 * metre)))
    flat = max(0.15, min(1.0, abs(up[2])))
    for foot in FEET:
        if heights[foot] < 0.15:
            axes = (max(1, round(0.14 * metre)), max(1, round(0.14 * metre * flat)))
            cv2.ellipse(shade, points[foot], axes, 0, 0, 360, 255, -1)
    soft = max(1, round(rng.uniform(0.02, 0.1) * metre))
    shade = cv2.blur(cv2.blur(shade, (soft, soft)), (soft, soft))
    kept = cv2.addWeighted(shade, -rng.uniform(0.2, 0.6), shade, 0, 255)
    picture[:] = product(picture, cv2.merge([kept] * 3))


def _occlude(
    picture: np.ndarray,
    hidden: np.ndarray,
    joints_2d: np.ndarray,
    other: Render | None,
    tint: np.ndarray,
    backgrounds: Backgrounds,
    rng: np.random.Generator,
) -> None:
    """Puts a box, a blob, a table's edge or a piece of somebody over a part of the person."""
    height, width = picture.shape[:2]
    body = np.ptp(joints_2d, axis=0).max()
    at = joints_2d[rng.integers(len(joints_2d))] + rng.normal(0, 0.05, 2) * body
    kind = rng.integers(4 if other else 3)
    if other and kind == 3:
        extent = max(8, round(body * rng.uniform(0.9, 1.8)))
        piece = _scaled(_matched(other.rgba, tint, rng), extent, rng)
        start = rng.integers(0, extent // 2, 2)
        piece = piece[start[1] : start[1] + extent // 2, start[0] : start[0] + extent // 2]
        covering = np.zeros_like(hidden)
        trial = picture.copy()
        _paste(trial, covering, piece, np.round(at - extent / 4))
    else:
        if kind == 0:
            sides = np.exp(rng.uniform(np.log(0.08), np.log(0.6), 2)) * body
            corners = cv2.boxPoints((at.tolist(), sides.tolist(), float(rng.normal(0, 20))))
        elif kind == 1:
            angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
            radii = rng.uniform(0.04, 0.22) * body * rng.uniform(0.7, 1.3, 14)
            corners = at + np.stack((np.cos(angles), np.sin(angles)), 1) * radii[:, None]
        else:  # a table, a wall or a door: from here to the picture's edge
            level = float(np.quantile(joints_2d[:, 1], rng.uniform(0.55, 0.95)))
            tilt = rng.normal(0, 0.03) * body
            left, right = np.sort(rng.uniform(-0.5, 1.5, 2)) * width
            corners = np.array(
                [[left, level - tilt], [right, level + tilt], [right, 2e3], [left, 2e3]]
            )
        covering = np.zeros_like(hidden)
        cv2.fillPoly(covering, [np.round(corners).astype(np.int32)], 255, cv2.LINE_AA)
        colour = np.clip(tint * rng.uniform(0.3, 1.6) + rng.normal(0, 25, 3), 0, 255)
        thing = np.full_like(picture, colour.astype(np.uint8))
        thing = backgrounds.textured(thing, rng.uniform(0, 0.6), rng)
        alpha = cv2.merge([covering] * 3)
        trial = cv2.add(
            product(picture, cv2.bitwise_not(alpha)),
            product(thing, alpha),
        )
    column, row = np.clip(np.floor(joints_2d), 0, (width - 1, height - 1)).astype(int).T
    if (covering[row, column] > 127).mean() <= MOST_HIDDEN:
        picture[:] = trial
        np.maximum(hidden, covering, out=hidden)


def _as_taken(
    picture: np.ndarray, backgrounds: Backgrounds, rng: np.random.Generator
) -> np.ndarray:
    """The picture with the lens' blur, exposure and colour, noise and a codec's losses."""
    if rng.random() < 0.35:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.3 + len(picture) / 450))
    levels = np.arange(256)[:, None] / 255
    levels = levels ** np.exp(rng.normal(0, 0.15)) * rng.normal(1, 0.03, 3) * rng.normal(1, 0.1)
    table = (255 * levels + rng.normal(0, 5)).clip(0, 255).astype(np.uint8)
    picture = cv2.LUT(picture, table[None])
    if rng.random() < 0.05:
        picture = cv2.merge([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)] * 3)
    if rng.random() < 0.5 and max(picture.shape) < 640:
        picture = backgrounds.noisy(picture, float(rng.exponential(4)), rng)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))]
    _, code = cv2.imencode(".jpg", picture[..., ::-1], quality)
    return np.ascontiguousarray(np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))[..., ::-1])
