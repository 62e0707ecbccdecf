# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Invented people with known 3D poses, and a lifter taught on them for a minute.

A lifter with random weights answers noise with noise, so that roundings look ten times as bad as
they are. Where no trained checkpoint is at hand, the benchmark measures them on this one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .context_pose_former import ContextAwarePoseFormer

# Human3.6M joints of a standing person, metres, x right in the image, y down, z away
STANDING = (
    (0.0, 0.0, 0.0), (-0.13, 0.0, 0.0), (-0.14, 0.45, 0.0), (-0.14, 0.88, 0.03),
    (0.13, 0.0, 0.0), (0.14, 0.45, 0.0), (0.14, 0.88, 0.03), (0.0, -0.24, 0.0),
    (0.0, -0.48, 0.02), (0.0, -0.56, -0.05), (0.0, -0.68, 0.0), (0.15, -0.45, 0.0),
    (0.2, -0.17, 0.0), (0.22, 0.07, 0.0), (-0.15, -0.45, 0.0), (-0.2, -0.17, 0.0),
    (-0.22, 0.07, 0.0),
)  # fmt: skip
PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
LIMBS = {2, 3, 5, 6, 12, 13, 15, 16}  # joints at the ends of bones that swing wide
FOCAL = 1.15  # of the frame's width, as in Human3.6M
CROP_HEIGHT = 2.67  # metres


@dataclass(frozen=True)
class People:
    joints: Tensor  # (N, 17, 3) metres, camera axes, relative to the pelvis
    keypoints: Tensor  # (N, 17, 2) as the lifter takes them
    reference: Tensor  # (N, 17, 2)
    crops: Tensor  # (N, 3, 256, 192) normalised: noise with a blob of its own colour at each joint


def invent(count: int, seed: int = 0) -> People:
    """People who turn to anywhere, swing arms and legs, 4 to 6 metres from the camera."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    standing = torch.tensor(STANDING)
    turn = torch.zeros(count, 3)
    turn[:, 1] = torch.rand(count, generator=generator) * 6.28
    turns, joints = [_rotation(turn)], [torch.zeros(count, 3)]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        swing = noise(count, 3) * (0.6 if joint in LIMBS else 0.15)
        turns.append(turns[parent] @ _rotation(swing))
        joints.append(joints[parent] + turns[joint] @ (standing[joint] - standing[parent]))
    pose = torch.stack(joints, 1)  # (N, 17, 3)

    pelvis = noise(count, 1, 3) * torch.tensor((0.6, 0.2, 0.4)) + torch.tensor((0.0, 0.0, 5.0))
    in_camera = pose + pelvis
    keypoints = 2 * FOCAL * in_camera[..., :2] / in_camera[..., 2:]
    middle = 2 * FOCAL * pelvis[..., :2] / pelvis[..., 2:]  # (N, 1, 2)
    half_height = FOCAL * CROP_HEIGHT / pelvis[..., 2:]  # (N, 1, 1)
    reference = (keypoints - middle) / (half_height * torch.tensor((0.75, 1.0)))

    crops = 0.5 * noise(count, 3, 256, 192)
    y, x = torch.meshgrid(torch.arange(256.0), torch.arange(192.0), indexing="ij")
    pixel = (reference + 1) * torch.tensor((96.0, 128.0))  # (N, 17, 2)
    for joint in range(len(PARENTS)):
        at = pixel[:, joint, :, None, None]  # (N, 2, 1, 1)
        blob = (-((x - at[:, 0]) ** 2 + (y - at[:, 1]) ** 2) / 128).exp()  # (N, 256, 192)
        crops += blob[:, None] * (2 * noise(3)[:, None, None])
    return People(pose, keypoints, reference, crops)


def _rotation(vector: Tensor) -> Tensor:
    """(N, 3) axis times angle -> (N, 3, 3)."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(skew)


def teach(
    maps_of: Callable[[Tensor], tuple[Tensor, ...]],
    map_channels: tuple[int, ...],
    people: People,
    steps: int,
) -> ContextAwarePoseFormer:
    """A lifter trained on `people`, whose maps the given function makes of their crops."""
    with torch.no_grad():
        batches = [maps_of(part) for part in people.crops.split(8)]
    maps = [torch.cat(level) for level in zip(*batches, strict=True)]
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        lifter = ContextAwarePoseFormer(map_channels=map_channels, drop_path=0.0)
    optimiser = torch.optim.AdamW(lifter.parameters(), lr=6.4e-4, weight_decay=0.1)
    for step in range(steps):
        warm_up, cool_down = (step + 1) / 20, 1 - step / steps
        optimiser.param_groups[0]["lr"] = 6.4e-4 * min(1.0, warm_up, cool_down)
        some = torch.randperm(len(people.joints), generator=generator)[:16]
        poses = lifter(people.keypoints[some], people.reference[some], [m[some] for m in maps])
        loss = (poses - people.joints[some]).norm(dim=-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return lifter.eval()
