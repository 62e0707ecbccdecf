# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From rendered people to stored inputs of a lifter: composites, regions as at run time, the frozen
landmark network, the truth in the axes of each crop."""

import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from capf_blender.core.skeleton import JOINT

from ..blazepose.landmarks import INPUT_SIZE, KEYPOINT_COUNT, read_landmarks
from ..blazepose.network import GraphNetwork
from ..blazepose.regions import crop, regions_from_alignment
from ..blazepose.world_lifter import camera_from_crop
from ..interface import Camera
from .backgrounds import Backgrounds
from .blazepose_features import Samples
from .compositing import Picture, compose, mirrored
from .synthetic.shards import Render

BATCH = 32
PELVIS, THORAX = JOINT["pelvis"], JOINT["thorax"]
# how the network's own next regions differ from those made of the true joints: on 237 pictures
# they had no bias but -0.02 of the side, and spreads of 0.06, 0.017 and 0.08
SIDE_BIAS, SIDE_SPREAD = -0.015, 0.06  # of the side's logarithm
SHIFT_SPREAD = 0.02  # in sides
TURN_SPREAD = 0.08  # radians, for a trunk that is seen at full length
WILD = 0.04  # share of regions that are far off: any rotation, the person half lost


@dataclass(frozen=True, eq=False)
class Extracted:
    """A block of pictures: `crops` (N, 256, 256, 3) uint8, float maps, and the rest."""

    crops: np.ndarray
    maps: tuple[Tensor, ...]
    samples: Samples


def true_regions(joints_2d: np.ndarray) -> np.ndarray:
    """(N, 4) regions of (N, 28, 2) true joints by MediaPipe's rule: around the mid-hip, the axis to
    the mid-shoulder up, the farthest joint on the circle."""
    centre = joints_2d[:, PELVIS]
    up = joints_2d[:, THORAX] - centre
    length = np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6)
    radius = np.linalg.norm(joints_2d - centre[:, None], axis=2).max(1)
    return regions_from_alignment(centre, centre + up / length * radius[:, None])


def run_time_region(joints_2d: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(4,) region for (28, 2) true joints, as far off as the network's own are."""
    x, y, side, rotation = true_regions(joints_2d[None])[0]
    trunk = np.linalg.norm(joints_2d[THORAX] - joints_2d[PELVIS]) / side  # 0.2 at full length
    away = rng.normal(0, SHIFT_SPREAD, 2)
    scale = np.exp(rng.normal(SIDE_BIAS, SIDE_SPREAD))
    turn = rng.normal(0, min(1.5, TURN_SPREAD * max(1.0, 0.2 / max(trunk, 1e-3))))
    if rng.random() < WILD:
        away += rng.normal(0, 0.1, 2)
        scale *= np.exp(rng.normal(0, 0.25))
        turn = rng.uniform(-np.pi, np.pi)
    cos, sin = np.cos(rotation), np.sin(rotation)
    moved = np.array([cos * away[0] - sin * away[1], sin * away[0] + cos * away[1]]) * side
    return np.array([x + moved[0], y + moved[1], side * scale, rotation + turn])


def in_crop(points: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """(N, K, 2) -1..1 from edge to edge of the (N, 4) regions, for pixels of their pictures."""
    offset = points - regions[:, None, :2]
    cos, sin = np.cos(regions[:, 3, None]), np.sin(regions[:, 3, None])
    x, y = offset[..., 0], offset[..., 1]
    turned = np.stack((cos * x + sin * y, cos * y - sin * x), -1)
    return turned / (regions[:, None, 2:3] / 2)


def crop_cameras(regions: np.ndarray, focal_px: np.ndarray, principal: np.ndarray) -> np.ndarray:
    """(N, 3, 3) rotations from crop-camera axes to camera axes; see `camera_from_crop`."""
    seen = regions.copy()
    seen[:, :2] = (regions[:, :2] - principal) / focal_px[:, None]
    return camera_from_crop(torch.from_numpy(seen), Camera(0, 0, 1.0)).numpy()


def seed_of(*parts: object) -> int:
    """A number for a random generator from all that a block depends on."""
    return zlib.crc32("/".join(map(str, parts)).encode())


def extract(
    network: GraphNetwork,
    renders: list[Render],
    company: list[Render],
    backgrounds: Backgrounds,
    shard: int,
    composite: int,
    seed: int,
) -> Extracted:
    """One picture of each render through the network, some with people of `company` beside.
    Composite 1 mirrors whom 0 does not."""
    rng = np.random.default_rng(seed_of(seed, shard, composite))
    flips = np.random.default_rng(seed_of(seed, shard)).random(len(renders)) < 0.5
    flips ^= bool(composite % 2)
    pictures: list[Picture] = []
    crops = np.empty((len(renders), INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    for n, render in enumerate(renders):
        person = mirrored(render) if flips[n] else render
        region = run_time_region(person.joints_2d, rng)
        beside = company[int(rng.integers(len(company)))] if company else None
        picture = compose(person, region, beside, backgrounds, rng)
        crops[n] = crop(picture.frame, picture.region, INPUT_SIZE)
        pictures.append(picture)
    return _seen(network, renders, pictures, crops, flips, shard, composite)


def _seen(
    network: GraphNetwork,
    renders: list[Render],
    pictures: list[Picture],
    crops: np.ndarray,
    flips: np.ndarray,
    shard: int,
    composite: int,
) -> Extracted:
    """What the network makes of the crops, beside the truth."""
    regions = np.stack([picture.region for picture in pictures])
    parts = [
        read_landmarks(network, crops[n : n + BATCH], regions[n : n + BATCH])
        for n in range(0, len(crops), BATCH)
    ]

    def all_of(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    focal_px = np.array([picture.focal_px for picture in pictures])
    principal = np.stack([picture.principal for picture in pictures])
    joints = np.stack([picture.joints for picture in pictures]).astype(float)
    turns = crop_cameras(regions, focal_px, principal)
    relative = joints - joints[:, PELVIS, None]
    joints_2d = np.stack([picture.joints_2d for picture in pictures])
    names: dict[str, np.ndarray] = {}
    for column in ("actor", "clip", "pose_kind"):
        texts = np.array([str(getattr(render, column)) for render in renders])
        names[f"{column}s"], rows = np.unique(texts, return_inverse=True)
        names[column] = rows.astype(np.int32)
    count = len(renders)
    points = all_of("points_crop")[:, :KEYPOINT_COUNT]
    samples = Samples(
        keypoints_crop=(2 * points - 1).astype(np.float32),
        visibility=all_of("visibility").astype(np.float32),
        presence=all_of("presence").astype(np.float32),
        world=all_of("world").astype(np.float32),
        score=all_of("scores").astype(np.float32),
        truth_joints=np.einsum("nba,njb->nja", turns, relative).astype(np.float32),
        truth_2d=in_crop(joints_2d, regions).astype(np.float32),
        truth_visible=np.stack([picture.visible for picture in pictures]),
        self_visible=np.stack([picture.self_visible for picture in pictures]),
        in_frame=np.stack([picture.in_frame for picture in pictures]),
        truth_up=np.einsum(
            "nba,nb->na", turns, np.stack([picture.camera_up for picture in pictures])
        ).astype(np.float32),
        truth_root=joints[:, PELVIS].astype(np.float32),
        half_angle=(regions[:, 2] / 2 / focal_px).astype(np.float32),
        region=regions.astype(np.float32),
        focal_px=focal_px.astype(np.float32),
        principal=principal.astype(np.float32),
        render=np.stack(
            (np.full(count, shard), np.arange(count), np.full(count, composite)), 1
        ).astype(np.int32),
        flipped=flips,
        **names,
    )
    maps = tuple(torch.cat(level) for level in zip(*(part.maps for part in parts), strict=True))
    return Extracted(crops, maps, samples)
