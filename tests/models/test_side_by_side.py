# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts side by side: each on one thread of its own, results in order, nothing else changed."""

import re
import threading

import pytest
import torch
from torch import fx, nn

from models import side_by_side


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def _square(x: torch.Tensor) -> tuple[torch.Tensor, int, str]:
    return x * x, torch.get_num_threads(), threading.current_thread().name


def test_each_part_has_one_thread_and_keeps_its_place():
    results = side_by_side.each(_square, [(torch.tensor(float(n)),) for n in range(9)])
    assert [value.item() for value, *_ in results] == [n * n for n in range(9)]
    assert {threads for _, threads, _ in results} == {1}
    assert threading.current_thread().name not in {name for *_, name in results}


def test_a_single_part_stays_with_the_caller():
    [(_, threads, name)] = side_by_side.each(_square, [(torch.ones(1),)])
    assert (threads, name) == (2, threading.current_thread().name)


@pytest.mark.parametrize("inference", [True, False])
def test_the_callers_inference_mode_holds(inference):
    with torch.inference_mode(inference):
        value, *_ = side_by_side.alone(_square, torch.ones(1, requires_grad=True))
    assert value.is_inference() == inference
    assert not value.requires_grad


def test_failures_reach_the_caller():
    with pytest.raises(RuntimeError, match="size"):
        side_by_side.each(torch.dot, [(torch.ones(2), torch.ones(n)) for n in (2, 3)])


class _Forked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(4, 4)
        self.branches = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(3))
        self.head = nn.Linear(12, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.head(torch.cat([branch(x) for branch in self.branches], -1))


def test_divided_network_is_the_same_network(monkeypatch):
    begun = []
    begin = side_by_side.begin
    monkeypatch.setattr(side_by_side, "begin", lambda *part: begun.append(part) or begin(*part))
    network = _Forked()
    divided = side_by_side.divide(fx.symbolic_trace(network), re.compile(r"branches\.\d"))
    x = torch.randn(5, 4)
    with torch.inference_mode():
        assert torch.equal(divided(x), network(x))
    assert len(begun) == 3
