# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored features as batches for the lifter, disturbed a little in training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .blazepose_features import Features


@dataclass(frozen=True)
class Disturbance:
    """What is done to the detector's words, so that the lifter does not believe each of them."""

    dropped_share: float = 0.02  # of the keypoints: thrown away and called invisible
    noise: float = 0.004  # of each keypoint, in the crop's -1..1: half a pixel of 256
    world_noise_m: float = 0.005  # of each world landmark
    map_gain: float = 0.0  # of each channel of a picture's maps: what other pictures would show
    map_shift: float = 0.0  # the same, added, in the channel's spreads over the picture


_THROW, _THROW_M = 0.15, 0.1  # how far a dropped keypoint flies, and its world landmark


class CropViews(Dataset[dict[str, Any]]):
    """The chosen rows of features. Whole batches are made at once: dicts of `keypoints`
    (B, 33, 2), `trust` (B, 33, 2), `world` (B, 33, 3), `half_angle` (B,), `maps`, and the truth,
    `joints` (B, 28, 3), `joints_2d` (B, 28, 2), `visible` (B, 28)."""

    def __init__(
        self,
        features: Features,
        rows: np.ndarray,
        maps: bool,
        disturbance: Disturbance | None = None,
        seed: int = 0,
    ) -> None:
        self._features, self._rows, self._maps = features, rows, maps
        self._disturbance, self._seed, self._epoch = disturbance, seed, 0
        trust = np.stack((features.visibility[rows], features.presence[rows]), -1)
        values = {
            "keypoints": features.keypoints_crop[rows], "trust": trust,
            "world": features.world[rows], "half_angle": features.half_angle[rows],
            "joints": features.truth_joints[rows], "joints_2d": features.truth_2d[rows],
        }  # fmt: skip
        self._values = {
            name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in values.items()
        }
        self._values["visible"] = torch.from_numpy(np.asarray(features.truth_visible[rows], bool))

    def __len__(self) -> int:
        return len(self._rows)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __getitem__(self, row: int) -> dict[str, Any]:
        batch = self.__getitems__([row])
        maps = [level[0] for level in batch.pop("maps")]
        return {name: value[0] for name, value in batch.items()} | {"maps": maps}

    def __getitems__(self, rows: Sequence[int]) -> dict[str, Any]:
        rows = list(rows)
        batch: dict[str, Any] = {name: value[rows] for name, value in self._values.items()}
        batch["maps"] = self._features.maps(self._rows[rows]) if self._maps else []
        if self._disturbance is not None:
            # of seed, epoch and batch only, so that a run goes on as if it had not stopped
            state = np.random.SeedSequence((self._seed, self._epoch, rows[0])).generate_state(1)
            self._disturb(batch, self._disturbance, torch.Generator().manual_seed(int(state[0])))
        return batch

    @staticmethod
    def collate(batch: dict[str, Any]) -> dict[str, Any]:
        return batch

    @staticmethod
    def _disturb(batch: dict[str, Any], by: Disturbance, rng: torch.Generator) -> None:
        def noise(values: Tensor, spread: float, thrown: float) -> Tensor:
            size = spread + thrown * dropped[..., None]
            return values + size * torch.randn(values.shape, generator=rng)

        dropped = torch.rand(batch["keypoints"].shape[:2], generator=rng) < by.dropped_share
        batch["keypoints"] = noise(batch["keypoints"], by.noise, _THROW)
        batch["world"] = noise(batch["world"], by.world_noise_m, _THROW_M)
        batch["trust"] = batch["trust"] * ~dropped[..., None]
        if by.map_gain or by.map_shift:
            batch["maps"] = [_restyled(level, by, rng) for level in batch["maps"]]


def _restyled(level: Tensor, by: Disturbance, rng: torch.Generator) -> Tensor:
    """A (B, C, H, W) map with another mean and spread in each channel of each picture, which is
    where networks keep a picture's style (Huang & Belongie, ICCV 2017)."""
    shape = (*level.shape[:2], 1, 1)
    gain = 1 + by.map_gain * torch.randn(shape, generator=rng)
    shift = by.map_shift * torch.randn(shape, generator=rng)
    spread, mean = torch.std_mean(level, (2, 3), keepdim=True)
    return torch.addcmul(mean * (1 - gain) + shift * spread, level, gain)
