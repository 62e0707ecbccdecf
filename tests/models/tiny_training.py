# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few synthetic persons with feature maps, and the real lifter to learn them.

As a program (`tiny_training.py OUT`) it trains on them under torch's launcher.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dataset_files import REST

from models.context_pose_former import ContextAwarePoseFormer
from models.evaluation.view_lifter import ViewLifter
from models.training.config import OptimiserConfig, RunConfig, TrainingConfig
from models.training.loop import train
from models.training.processes import join
from models.training.tasks import Task

CHANNELS = (8, 16, 32, 64)


class Persons(Dataset[dict[str, Any]]):
    """`count` views whose maps were computed before; access number `fail_at` is an interruption."""

    def __init__(self, count: int, seed: int = 0, fail_at: int = -1) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.keypoints = torch.rand(count, 17, 2, generator=rng) - 0.5
        self.reference = 2 * torch.rand(count, 17, 2, generator=rng) - 1
        self.maps = [
            torch.randn(count, channels, 16 >> level, 12 >> level, generator=rng)
            for level, channels in enumerate(CHANNELS)
        ]
        upright = torch.nn.functional.pad(torch.from_numpy(REST).float(), (0, 1))
        joints = upright + 0.1 * torch.randn(count, 17, 3, generator=rng)
        self.joints = joints - joints[:, :1]
        self.fail_at, self.accesses = fail_at, 0

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, row: int) -> dict[str, Tensor | list[Tensor]]:
        if self.accesses == self.fail_at:
            raise KeyboardInterrupt
        self.accesses += 1
        return {
            "keypoints": self.keypoints[row],
            "reference": self.reference[row],
            "maps": [level[row] for level in self.maps],
            "joints": self.joints[row],
        }


def task(data: Persons, blocks: int = 1, drop_path: float = 0.0) -> Task:
    torch.manual_seed(5)
    lifter = ContextAwarePoseFormer(
        map_channels=CHANNELS, dim=64, blocks=blocks, drop_path=drop_path
    )
    return Task(ViewLifter(lifter), lifter, data, data)


def config(
    epochs: int, batch: int, lr: float = 6.4e-4, decay: float = 0.99, **run: Any
) -> TrainingConfig:
    options = replace(RunConfig(epochs, batch, workers=0), **run)
    return TrainingConfig("tiny", {"kind": "tiny"}, options, OptimiserConfig(lr, decay=decay))


TOGETHER = config(epochs=2, batch=4)

if __name__ == "__main__":
    torch.set_num_threads(1)
    with join("cpu") as process:
        for epochs in (1, TOGETHER.run.epochs):  # the second one goes on with the first one
            train(task(Persons(10)), config(epochs, batch=4), Path(sys.argv[1]), process)
