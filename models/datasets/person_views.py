# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples as a map-style data set: images read, cropped, mirrored by chance."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .samples import PoseSamples, coordinates, crop_person, mirror, read_frame


class PersonViews(Dataset[dict[str, Tensor]]):
    """The views of `samples`. With `mirrored_share` 0.5 every second one is mirrored, as the paper
    trains; which ones depends on `seed`, epoch and row alone, not on workers or processes."""

    def __init__(self, samples: PoseSamples, mirrored_share: float = 0.0, seed: int = 0) -> None:
        self.samples, self.mirrored_share, self.seed = samples, mirrored_share, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        """`crop` (3, 256, 192) uint8 RGB; `keypoints` and `reference` (17, 2) as `coordinates`
        gives them, NaN where the detector is to find them; `joints` (17, 3) metres; `box` (3,),
        `size` (2,) of the frame, `mirrored` and `row`. Raises what `read_frame` raises."""
        samples = self.samples
        frame = read_frame(samples.folder / str(samples.images[row]))
        box = torch.from_numpy(samples.boxes[row])
        size = torch.tensor([frame.shape[1], frame.shape[0]], dtype=torch.float32)
        points = torch.from_numpy(samples.keypoints[row])
        keypoints, reference = coordinates(points, box, size)
        crop = crop_person(frame, samples.boxes[row])
        view = {
            "crop": torch.from_numpy(crop).permute(2, 0, 1).contiguous(),
            "keypoints": keypoints,
            "reference": reference,
            "joints": torch.from_numpy(samples.joints[row]),
            "box": box,
            "size": size,
            "mirrored": torch.tensor(False),
            "row": torch.tensor(row),
        }
        chance = np.random.default_rng((self.seed, self.epoch, row)).random()
        return mirror(view) if chance < self.mirrored_share else view
