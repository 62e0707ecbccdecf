# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The torch networks compute what the TFLite runtime computes, op by op, in any batch."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from capf_blender.core.errors import CaptureError
from models.blazepose.context_lifter import WEIGHTS_FILE
from models.blazepose.convert import convert
from models.blazepose.detector import BOXES, SCORES
from models.blazepose.landmarks import HEATMAPS, LANDMARKS, SCORE, WORLD
from models.blazepose.network import LANDMARK_PYRAMID, GraphNetwork
from models.blazepose.weights import (
    CONTENT_SHA256,
    DETECTOR_FILE,
    LANDMARKS_FILE,
    WEIGHT_FILES,
    load_network,
)
from models.registry import load_estimator, model_facts

NETWORKS = {
    DETECTOR_FILE: ("pose_detection.tflite", 224, (-1.0, 1.0)),
    LANDMARKS_FILE: ("pose_landmark_full.tflite", 256, (0.0, 1.0)),
}


def network_input(frame: np.ndarray, size: int, bounds: tuple[float, float]) -> np.ndarray:
    """(size, size, 3) float32: the middle of a frame, values between the bounds."""
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = cv2.resize(frame[top : top + side, left : left + side], (size, size)) / 255
    return (bounds[0] + (bounds[1] - bounds[0]) * image).astype(np.float32)


def as_batch(*images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("name", WEIGHT_FILES)
@pytest.mark.parametrize("clip", ["squats", "juggle"])
def test_every_op_agrees_with_tflite(name, clip, weights, worker_home, frames_of):
    source, size, bounds = NETWORKS[name]
    image = network_input(frames_of(clip, 3)[2], size, bounds)
    reference = Interpreter(
        str(worker_home / "downloads" / source),
        experimental_preserve_all_tensors=True,
        # XNNPACK fuses ops, so that their own outputs could not be read
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    reference.allocate_tensors()
    reference.set_tensor(reference.get_input_details()[0]["index"], image[None])
    reference.invoke()
    network = GraphNetwork(load_network(weights, name))
    with torch.inference_mode():
        outputs = network(as_batch(image), [op["output"] for op in network.ops])
    worst = 0.0
    for op, output in zip(network.ops, outputs, strict=True):
        found = output.permute(0, 2, 3, 1) if output.dim() == 4 else output
        expected = reference.get_tensor(op["output"])
        assert found.shape == expected.shape
        worst = max(worst, np.abs(found.numpy() - expected).max() / np.abs(expected).max())
    print(f"{name} on {clip}: {len(network.ops)} ops, worst relative error {worst:.1e}")
    assert worst < 1e-3


@pytest.mark.parametrize("name", WEIGHT_FILES)
def test_batch_neighbours_do_not_matter(name, weights, frames_of):
    _, size, bounds = NETWORKS[name]
    images = [network_input(frame, size, bounds) for frame in frames_of("juggle", 3)]
    images.append(np.random.default_rng(0).uniform(*bounds, images[0].shape).astype(np.float32))
    network = GraphNetwork(load_network(weights, name))
    with torch.inference_mode():
        together = network(as_batch(*images))
        for number, image in enumerate(images):
            for batched, single in zip(together, network(as_batch(image)), strict=True):
                difference = (batched[number] - single[0]).abs().max()
                assert difference <= 1e-4 * single.abs().max()


def test_wanted_tensors_do_not_depend_on_what_else_is_wanted(landmark_network, frames_of):
    image = as_batch(network_input(frames_of("squats", 1)[0], 256, (0.0, 1.0)))
    wanted = (LANDMARKS, SCORE, HEATMAPS, WORLD, *LANDMARK_PYRAMID)
    with torch.inference_mode():
        few = landmark_network(image, wanted)
        everything = landmark_network(image, [op["output"] for op in landmark_network.ops])
    by_index = {op["output"]: t for op, t in zip(landmark_network.ops, everything, strict=True)}
    for index, tensor in zip(wanted, few, strict=True):
        torch.testing.assert_close(tensor, by_index[index])
    shapes = [tuple(tensor.shape) for tensor in few[4:]]
    assert shapes == [(1, 48, side, side) for side in (64, 32, 16, 8)]


def test_detector_outputs(detector):
    boxes, scores = detector(torch.zeros(2, 3, 224, 224), (BOXES, SCORES))
    assert boxes.shape == (2, 2254, 12)
    assert scores.shape == (2, 2254, 1)


@pytest.mark.parametrize("name", WEIGHT_FILES)
def test_conversion_is_the_same_every_time(name, weights, worker_home, tmp_path):
    source, _, _ = NETWORKS[name]
    convert(worker_home / "downloads" / source, tmp_path / name)
    again = load_network(tmp_path, name)  # checks the digest
    stored = load_network(weights, name)
    assert json.dumps(again.graph) == json.dumps(stored.graph)
    assert again.tensors.keys() == stored.tensors.keys()
    assert all(torch.equal(again.tensors[key], stored.tensors[key]) for key in stored.tensors)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_model_files_of_the_manifest_are_those_that_are_read(repo):
    entries = json.loads((repo / "addon_manifest" / "model_files.json").read_text())
    assert {entry["output"]: entry["name"] for entry in entries} == {
        name: source for name, (source, _, _) in NETWORKS.items()
    }
    assert set(CONTENT_SHA256) == set(WEIGHT_FILES)


@pytest.mark.parametrize("damage", ["missing", "one byte", "truncated", "empty"])
def test_damaged_weights_are_refused(damage, weights, tmp_path):
    for name in WEIGHT_FILES:
        shutil.copy(weights / name, tmp_path / name)
    path: Path = tmp_path / LANDMARKS_FILE
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "one byte":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(data[: len(data) // 2 if damage == "truncated" else 0])
    with pytest.raises(CaptureError) as caught:
        load_network(tmp_path, LANDMARKS_FILE)
    expected = "weights_missing" if damage == "missing" else "checksum_mismatch"
    assert caught.value.code == expected
    assert caught.value.hint


def test_model_facts_change_with_the_files(weights, tmp_path):
    facts = model_facts("blazepose", weights)
    assert set(facts["weights"]) == {*WEIGHT_FILES, WEIGHTS_FILE.name}
    for name in WEIGHT_FILES:
        shutil.copy(weights / name, tmp_path / name)
    assert model_facts("blazepose", tmp_path) == facts
    with (tmp_path / DETECTOR_FILE).open("ab") as file:
        file.write(b"\0")
    assert model_facts("blazepose", tmp_path) != facts


def test_model_facts_change_with_the_lifter(weights, tmp_path):
    file = tmp_path / "mine.safetensors"
    file.write_bytes(b"one")
    facts = model_facts("blazepose", weights, file)
    assert facts["weights"].keys() == {*WEIGHT_FILES, "mine.safetensors"}
    assert facts["commercial_use"] is None
    file.write_bytes(b"other")
    assert model_facts("blazepose", weights, file) != facts
    with pytest.raises(CaptureError, match="blazepose_world has no place for a lifter"):
        model_facts("blazepose_world", weights, file)
    with pytest.raises(CaptureError, match=r"gone\.safetensors are missing"):
        model_facts("blazepose", weights, tmp_path / "gone.safetensors")


def test_unknown_models_are_named(weights):
    with pytest.raises(CaptureError, match="'hrnet'") as caught:
        load_estimator("hrnet", weights, "cpu", None)  # type: ignore[arg-type]
    assert caught.value.code == "unknown_model"
