# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts one of BlazePose's .tflite files to safetensors, once, at set-up.

python -m models.blazepose.convert IN.tflite OUT.safetensors
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from .tflite_reader import Graph, read_tflite
from .weights import GRAPH_KEY


def convert(source: Path, target: Path) -> None:
    """Writes `target` from the .tflite `source`; `target` appears only once it is complete."""
    graph, tensors = torch_layout(read_tflite(Path(source).read_bytes()))
    data = save(tensors, metadata={GRAPH_KEY: graph_text(graph)})
    temporary = Path(target).with_name(Path(target).name + ".part")
    temporary.write_bytes(data)
    os.replace(temporary, target)


def graph_text(graph: dict[str, Any]) -> str:
    """The graph as JSON, the same text every time."""
    return json.dumps(graph, sort_keys=True, separators=(",", ":"))


def torch_layout(source: Graph) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Graph and weights as `weights.StoredNetwork` describes them: constants other than weights
    become options of their op, OHWI and 1HWC kernels become OIHW and C1HW."""
    ops, tensors = [], {}
    for op in source.ops:
        kind, output = op["kind"], op["output"]
        constants = [source.constants[i] for i in op["inputs"] if i in source.constants]
        op = op | {"inputs": [i for i in op["inputs"] if i not in source.constants]}
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            kernel, bias = constants
            axes = (0, 3, 1, 2) if kind == "CONV_2D" else (3, 0, 1, 2)
            tensors[f"{output}.weight"] = torch.from_numpy(
                np.ascontiguousarray(kernel.transpose(axes))
            )
            tensors[f"{output}.bias"] = torch.from_numpy(bias.copy())
        elif kind == "PAD":
            op["pads"] = constants[0].tolist()  # before, after each of N, H, W, C
        elif kind == "RESIZE_BILINEAR":
            op["size"] = constants[0].tolist()
        elif kind == "RESHAPE":
            op["shape"] = constants[0].tolist()
        elif constants:
            raise ValueError(f"{kind} with a constant input is not supported")
        ops.append(op)
    return {"inputs": source.inputs, "outputs": source.outputs, "ops": ops}, tensors


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, metavar="IN.tflite")
    parser.add_argument("target", type=Path, metavar="OUT.safetensors")
    arguments = parser.parse_args()
    convert(arguments.source, arguments.target)


if __name__ == "__main__":
    main()
