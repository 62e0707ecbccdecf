# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BlazePose's networks as torch modules: a small interpreter of their converted op graphs."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import side_by_side
from .weights import StoredNetwork

# tensors of pose_landmark_full.tflite: the decoder's feature maps, finest first
LANDMARK_PYRAMID = (279, 277, 275, 273)  # 48 channels each; 64, 32, 16, 8 pixels
# ... and the map, 288 x 4 x 4, from which the landmarks and their 3D are read
REGRESSION_MAP = 316


class GraphNetwork(nn.Module):
    """Runs a converted graph on (N, C, H, W) images, batched, on the device of its weights.

    Four-dimensional results are (N, C, H, W); reshaped ones keep TFLite's order.
    """

    def __init__(self, network: StoredNetwork) -> None:
        super().__init__()
        self.inputs: list[int] = network.graph["inputs"]
        self.outputs: list[int] = network.graph["outputs"]
        self.ops: list[dict[str, Any]] = network.graph["ops"]
        for name, values in network.tensors.items():
            if values.dim() == 4:
                values = values.contiguous(memory_format=torch.channels_last)
            self.register_buffer(_attribute(name), values)
        self._plans: dict[tuple[int, ...], list[tuple[dict[str, Any], list[int]]]] = {}

    def forward(self, image: Tensor, wanted: Sequence[int] | None = None) -> list[Tensor]:
        """The tensors with the indices `wanted` (None: the graph's outputs), in that order; ops
        that none of them needs are not run."""
        wanted = tuple(self.outputs if wanted is None else wanted)
        if wanted not in self._plans:
            self._plans[wanted] = self._plan(wanted)
        values = {self.inputs[0]: image.contiguous(memory_format=torch.channels_last)}
        for op, finished in self._plans[wanted]:
            values[op["output"]] = self._run(op, [values[index] for index in op["inputs"]])
            for index in finished:
                del values[index]
        return [values[index] for index in wanted]

    def spread(self, images: Tensor, wanted: Sequence[int] | None = None) -> list[Tensor]:
        """As `forward`; on a CPU each core takes its share of the N > 0 images."""
        if images.device.type != "cpu" or len(images) == 1:
            return side_by_side.alone(self, images, wanted)
        share = -(-len(images) // torch.get_num_threads())
        parts = side_by_side.each(self, [(part, wanted) for part in images.split(share)])
        return [torch.cat(tensors) for tensors in zip(*parts, strict=True)]

    def _plan(self, wanted: tuple[int, ...]) -> list[tuple[dict[str, Any], list[int]]]:
        """The ops to run, each with the tensors that nobody needs after it."""
        needed = set(wanted)
        plan = []
        for op in reversed(self.ops):
            if op["output"] in needed:
                finished = [index for index in set(op["inputs"]) if index not in needed]
                needed.update(op["inputs"])
                plan.append((op, finished))
        return plan[::-1]

    def _run(self, op: dict[str, Any], inputs: list[Tensor]) -> Tensor:
        x = inputs[0]
        match op["kind"]:
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                weight = getattr(self, _attribute(f"{op['output']}.weight"))
                bias = getattr(self, _attribute(f"{op['output']}.bias"))
                groups = len(weight) if op["kind"] == "DEPTHWISE_CONV_2D" else 1
                padding = (0, 0)
                if op["padding"] == "same":
                    x, padding = _pad_same(x, weight.shape[2:], op["stride"])
                y = functional.conv2d(x, weight, bias, op["stride"], padding, groups=groups)
                return _activate(y, op["activation"])
            case "ADD":
                return _activate(x + inputs[1], op["activation"])
            case "PAD":
                _, rows, columns, _ = op["pads"]
                return functional.pad(x, (*columns, *rows))
            case "MAX_POOL_2D":
                return functional.max_pool2d(x, op["size"], op["stride"])
            case "RESIZE_BILINEAR":
                return functional.interpolate(
                    x, size=op["size"], mode="bilinear", align_corners=False
                )
            case "RESHAPE":
                # TFLite counts channels fastest; the batch stays in front
                return x.permute(0, 2, 3, 1).reshape(len(x), *op["shape"][1:])
            case "DEPTH_TO_SPACE":
                return _depth_to_space(x, op["block"])
            case "CONCATENATION":
                return torch.cat(inputs, op["axis"])
            case "LOGISTIC":
                return torch.sigmoid(x)
        raise ValueError(f"operator {op['kind']} is not supported")


def _attribute(name: str) -> str:
    return "tensor_" + name.replace(".", "_")


def _activate(x: Tensor, activation: str | None) -> Tensor:
    """In place: `x` is always the fresh result of the op before."""
    if activation is None:
        return x
    return x.relu_() if activation == "relu" else x.clamp_(0, 6)


def _pad_same(
    x: Tensor, kernel: Sequence[int], stride: Sequence[int]
) -> tuple[Tensor, tuple[int, int]]:
    """TFLite's SAME: when the padding is odd the extra row or column is on the right or bottom.
    An even padding is left to the convolution (second value), which is faster."""
    totals = [
        max((-(-size // step) - 1) * step + extent - size, 0)
        for size, extent, step in zip(x.shape[2:], kernel, stride, strict=True)
    ]
    if all(total % 2 == 0 for total in totals):
        return x, (totals[0] // 2, totals[1] // 2)
    (top, bottom), (left, right) = ((total // 2, total - total // 2) for total in totals)
    return functional.pad(x, (left, right, top, bottom)), (0, 0)


def _depth_to_space(x: Tensor, block: int) -> Tensor:
    """TFLite's order: a channel index is (row in block, column in block, new channel)."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, block, block, channels // block**2, height, width)
    x = x.permute(0, 3, 4, 1, 5, 2)  # (N, C', H, block, W, block)
    return x.reshape(batch, channels // block**2, height * block, width * block)
