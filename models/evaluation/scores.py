# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predictions collected frame by frame, scored by action or sequence, shown as the papers do."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .. import metrics
from ..datasets.samples import PoseSamples

Metric = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Protocol:
    """What a data set's papers report."""

    metrics: dict[str, Metric]  # column or row name: one value a frame
    velocity: str | None  # name of the MPJVE row, which needs successive frames
    mean_of_groups: bool  # the last figure is the mean of the groups' means; else of all frames
    last: str  # its name


def _millimetres(metric: Metric) -> Metric:
    return lambda predicted, truth: 1000 * metric(predicted, truth)


def _percent(metric: Metric, joints: Sequence[int]) -> Metric:
    return lambda predicted, truth: 100 * metric(predicted[:, joints], truth[:, joints])


def h36m_protocol() -> Protocol:
    """Human3.6M: per action, then the mean of the actions."""
    rows = {"MPJPE": metrics.mpjpe, "P-MPJPE": metrics.p_mpjpe}
    in_mm = {name: _millimetres(metric) for name, metric in rows.items()}
    return Protocol(in_mm, velocity="MPJVE", mean_of_groups=True, last="Avg")


def mpi_inf_3dhp_protocol(pck_joints: Sequence[int]) -> Protocol:
    """MPI-INF-3DHP: PCK@150 mm and AUC in percent over `pck_joints`, MPJPE over all joints; per
    sequence, then over all frames."""
    rows = {
        "PCK": _percent(metrics.pck, pck_joints),
        "AUC": _percent(metrics.auc, pck_joints),
        "MPJPE": _millimetres(metrics.mpjpe),
        "P-MPJPE": _millimetres(metrics.p_mpjpe),
    }
    return Protocol(rows, velocity=None, mean_of_groups=False, last="All")


@dataclass
class Scores:
    """Takes batches of predictions for rows of `samples`, in any order."""

    samples: PoseSamples
    _rows: list[Tensor] = field(default_factory=list)
    _predicted: list[Tensor] = field(default_factory=list)

    def add(self, rows: Tensor, predicted: Tensor) -> None:
        """`predicted` (B, 17, 3) metres, camera axes, of the samples' `rows` (B,)."""
        self._rows.append(rows.cpu())
        self._predicted.append(metrics.root_relative(predicted.detach().double().cpu()))

    def table(self, protocol: Protocol) -> dict[str, dict[str, float]]:
        """Metric -> group -> value; groups without frames and MPJVE without successive frames are
        NaN. MPJVE is over pairs of frames with successive numbers in one clip."""
        rows = torch.cat(self._rows)
        predicted = torch.cat(self._predicted)
        truth = metrics.root_relative(torch.from_numpy(self.samples.joints).double()[rows])
        group = torch.from_numpy(self.samples.group)[rows]
        found = {}
        for name, metric in protocol.metrics.items():
            found[name] = self._by_group(metric(predicted, truth), group, protocol)
        if protocol.velocity is not None:
            video = torch.from_numpy(self.samples.video)[rows]
            number = torch.from_numpy(self.samples.frame)[rows]
            order = torch.argsort(number, stable=True)
            order = order[torch.argsort(video[order], stable=True)]
            speeds = 1000 * metrics.mpjve(predicted[order], truth[order])
            successive = (video[order].diff() == 0) & (number[order].diff() == 1)
            group = group[order][1:][successive]
            found[protocol.velocity] = self._by_group(speeds[successive], group, protocol)
        return found

    def _by_group(self, values: Tensor, group: Tensor, protocol: Protocol) -> dict[str, float]:
        names = self.samples.group_names
        means = {name: values[group == n].mean().item() for n, name in enumerate(names)}
        there = [mean for mean in means.values() if not math.isnan(mean)]
        if not protocol.mean_of_groups or not there:
            return means | {protocol.last: values.mean().item()}
        return means | {protocol.last: sum(there) / len(there)}


def as_text(table: dict[str, dict[str, float]], turned: bool = False) -> str:
    """The table with a metric a line, or `turned` with a group a line; a dash for no value."""
    cells = {(row, column): value for row, line in table.items() for column, value in line.items()}
    rows, columns = list(table), list(next(iter(table.values())))
    if turned:
        cells = {(column, row): value for (row, column), value in cells.items()}
        rows, columns = columns, rows
    lines = [["", *columns]]
    for row in rows:
        values = (cells[row, column] for column in columns)
        lines.append([row, *("-" if math.isnan(value) else f"{value:.1f}" for value in values)])
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def without_nan(table: dict[str, dict[str, float]]) -> dict[str, dict[str, float | None]]:
    """The table for JSON, which knows no NaN."""
    return {
        metric: {group: value if value == value else None for group, value in line.items()}
        for metric, line in table.items()
    }
