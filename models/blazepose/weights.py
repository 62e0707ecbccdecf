# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The converted weight files: their names, what must be in them, reading and writing."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from capf_blender.core.errors import CaptureError

DETECTOR_FILE = "blazepose_detector.safetensors"
LANDMARKS_FILE = "blazepose_landmarks.safetensors"
WEIGHT_FILES = (DETECTOR_FILE, LANDMARKS_FILE)

# of graph and tensors, independent of how safetensors lays them out; see `content_digest`
CONTENT_SHA256 = {
    DETECTOR_FILE: "f52b63b21fea91dde74689647ef5603c33c2229bf6f6aefb05b4a9696d70f31e",
    LANDMARKS_FILE: "a6f3e2cebd744a633fd74025ec3017223ed379c882ecada09425a7e538d2f5ca",
}
GRAPH_KEY = "graph"
SET_UP_HINT = "Run the set-up again, it fetches the model files anew."


@dataclass(frozen=True)
class StoredNetwork:
    """A network as `convert.py` leaves it; layouts are torch's (NCHW, OIHW).

    `graph` has `inputs`, `outputs` and `ops`; an op is {kind, inputs, output, ...options}, its
    weights are `tensors["<output>.weight"]` and `tensors["<output>.bias"]`.
    """

    graph: dict[str, Any]
    tensors: dict[str, Tensor]


def content_digest(graph: str, tensors: dict[str, Tensor]) -> str:
    """sha256 over the graph's JSON text and every tensor's name and little-endian values."""
    digest = hashlib.sha256(graph.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_network(folder: Path, name: str) -> StoredNetwork:
    """The network in `folder/name`, one of WEIGHT_FILES.

    Raises CaptureError `weights_missing`, or `checksum_mismatch` when the content is not what this
    version expects.
    """
    path = Path(folder) / name
    if not path.is_file():
        raise CaptureError("weights_missing", f"The model file {path} is missing.", SET_UP_HINT)
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(GRAPH_KEY, "")
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CaptureError(
            "checksum_mismatch", f"The model file {path} is damaged ({error}).", SET_UP_HINT
        ) from error
    if content_digest(text, tensors) != CONTENT_SHA256[name]:
        raise CaptureError(
            "checksum_mismatch",
            f"The model file {path} is damaged or from another version.",
            SET_UP_HINT,
        )
    return StoredNetwork(json.loads(text), tensors)
