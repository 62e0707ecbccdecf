# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rows of a data set are in which batch: a function of seed and epoch, so that a run can
stop anywhere and go on, with any number of processes."""

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class EpochBatches(Sampler[list[int]]):
    """This process' part of each batch of an epoch, in the order of a shuffle by seed and epoch.

    All processes get parts of one size: a last batch that cannot be divided is filled up with rows
    of the first one.
    """

    def __init__(self, rows: int, batch: int, seed: int, rank: int = 0, processes: int = 1) -> None:
        """Raises ValueError when the batch cannot be divided among the processes."""
        if batch % processes:
            raise ValueError(f"a batch of {batch} cannot be divided among {processes} processes")
        self.rows, self.batch, self.seed = rows, batch, seed
        self.rank, self.processes = rank, processes
        self.epoch, self.first = 0, 0

    def start(self, epoch: int, first: int) -> None:
        """The next iteration is over `epoch`, from batch number `first` on."""
        self.epoch, self.first = epoch, first

    @property
    def steps(self) -> int:
        """Batches in a whole epoch."""
        return -(-self.rows // self.batch)

    def __len__(self) -> int:
        return self.steps - self.first

    def __iter__(self) -> Iterator[list[int]]:
        shuffle = torch.Generator().manual_seed(1_000_003 * self.seed + self.epoch)
        order = torch.randperm(self.rows, generator=shuffle)
        order = torch.cat((order, order.repeat(self.processes)[: -self.rows % self.processes]))
        for step in range(self.first, self.steps):
            yield order[step * self.batch : (step + 1) * self.batch][
                self.rank :: self.processes
            ].tolist()
