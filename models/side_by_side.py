# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole parts of a computation side by side, each on one core.

PyTorch divides every single operator among its threads and waits for all of them at its end. In
networks of some hundred small operators the waking and waiting is as long as the work: with two
threads an HRNet is no faster for one picture than with one. Parts that need nothing of each other,
the halves of a batch or the branches of a network, have to wait once.
"""

import functools
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.split_module import split_module


def each(function: Callable[..., Any], parts: Sequence[tuple[Any, ...]]) -> list[Any]:
    """`function(*part)` for each of the parts, in order of the parts; on this thread if one."""
    if len(parts) == 1 or torch.get_num_threads() == 1:
        return [function(*part) for part in parts]
    return [future.result() for future in [begin(function, *part) for part in parts]]


def alone(network: Callable[..., Any], first: Tensor, *rest: Any) -> Any:
    """`network(first, *rest)`, which is too small to be divided: on one core if on a CPU."""
    if first.device.type != "cpu" or torch.get_num_threads() == 1:
        return network(first, *rest)
    return begin(network, first, *rest).result()


def begin(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Starts `function(*arguments)` on one core, in the caller's inference mode. What runs so
    must not wait for what it begins itself."""
    inference = torch.is_inference_mode_enabled()

    def task() -> Any:
        with torch.inference_mode(inference), torch.no_grad():
            return function(*arguments)

    return _threads(torch.get_num_threads()).submit(task)


@functools.cache
def _threads(count: int) -> ThreadPoolExecutor:
    """`count` threads, in each of which PyTorch uses one."""
    all_there = threading.Barrier(count)

    def use_one() -> None:
        torch.get_num_threads()  # takes over the process's number, which would undo the next line
        torch.set_num_threads(1)
        all_there.wait()

    threads = ThreadPoolExecutor(count, "capf", initializer=use_one)
    for ready in [threads.submit(int) for _ in range(count)]:
        ready.result()
    torch.set_num_threads(count)  # the process's number again, for threads that come later
    return threads


def divide(network: fx.GraphModule, branch: re.Pattern[str]) -> fx.GraphModule:
    """The same network with its branches begun side by side, for one picture at a time.

    `branch` finds the name of a branch in the names of its modules; all the branches that follow
    one another in the graph must be independent.
    """
    names: list[str | None] = []  # of the branch that each part is, or None

    def part_of(node: fx.Node) -> int:
        stack = node.meta.get("nn_module_stack")
        found = [match[0] for name in stack or () if (match := branch.search(str(name)))]
        # nodes made since the network was traced have no stack; they belong to what they follow
        name = (found[-1] if found else None) if stack else (names or [None])[-1]
        if not names or name != names[-1]:
            names.append(name)
        return len(names) - 1

    divided = split_module(network, nn.Module(), part_of, keep_original_order=True)
    nodes = list(divided.graph.nodes)
    order = {node: number for number, node in enumerate(nodes)}
    for node in nodes:
        if node.op != "call_module" or names[int(str(node.target).rsplit("_", 1)[1])] is None:
            continue
        divided.set_submodule(str(node.target), _Begun(divided.get_submodule(str(node.target))))
        with divided.graph.inserting_before(min(node.users, key=order.__getitem__)):
            result = divided.graph.call_method("result", (node,))
        node.replace_all_uses_with(result, delete_user_cb=lambda user, own=result: user is not own)
    divided.graph.lint()
    divided.recompile()
    return divided


class _Begun(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *arguments: Any) -> Future[Any]:
        return begin(self.part, *arguments)
