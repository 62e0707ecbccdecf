# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HRNet through mmpose against mmpose itself, and against the original network's stored maps."""

import ast
import copy
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from capf_blender.core.errors import CaptureError
from models.hrnet import backbone as backbone_module
from models.hrnet import keypoints
from models.hrnet.backbone import HRNetDetector, HRNetOutput, load_hrnet
from models.hrnet.keypoints import KEYPOINT_NAMES

CONFIG = "body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py"


@pytest.fixture(scope="module")
def detector() -> HRNetDetector:
    """Random weights that make lively heatmaps, with maxima on both sides of zero."""
    torch.manual_seed(1)
    network = load_hrnet(32)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.weight, 0.3)
            torch.nn.init.normal_(module.bias, std=0.1)
            assert module.running_mean is not None
            torch.nn.init.normal_(module.running_mean, std=0.1)
    return network


@pytest.fixture(scope="module")
def frame(frames_of) -> np.ndarray:
    return frames_of("squats", 1)[0]


@pytest.fixture(scope="module")
def bounds(frame) -> np.ndarray:
    """Boxes of all shapes, over the frame's edges too."""
    height, width = frame.shape[:2]
    share = np.array([(0.3, 0.1, 0.6, 0.95), (0.1, 0.4, 0.9, 0.7), (-0.1, 0.5, 0.3, 1.2)])
    return share * (width, height, width, height)


@torch.inference_mode()
def detect(detector: HRNetDetector, frame, boxes, flip: bool = False):
    """Our path: crops, one batch, decoding; keypoints in the frame and scores."""
    images = keypoints.normalise(np.stack([keypoints.crop(frame, box) for box in boxes]), "cpu")
    heatmaps = detector(images).heatmaps
    if flip:
        heatmaps = keypoints.mean_with_flipped(heatmaps, detector(images.flip(-1)).heatmaps)
    points, scores = keypoints.decode(heatmaps)
    return keypoints.to_frame(points.double().numpy(), boxes), scores.numpy()


@pytest.mark.parametrize("flip", [False, True])
def test_mmposes_own_inference_gives_the_same_keypoints(detector, frame, bounds, flip):
    backbone_module.import_mmpose()
    import mmpose
    from mmengine.config import Config
    from mmpose.apis import inference_topdown, init_model

    config = Config.fromfile(Path(mmpose.__file__).parent / ".mim" / "configs" / CONFIG)
    config.model.test_cfg.flip_test = flip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = init_model(config, device="cpu")
        model.load_state_dict(detector.state_dict(), strict=True)
        results = inference_topdown(model, frame[..., ::-1].copy(), bounds)  # reads BGR
    points, scores = detect(detector, frame, keypoints.boxes_around(bounds), flip)
    for row, result in enumerate(results):
        instances: Any = result.pred_instances
        np.testing.assert_allclose(points[row], instances.keypoints[0], atol=1e-4)  # pixels
        np.testing.assert_allclose(scores[row], instances.keypoint_scores[0], rtol=1e-4, atol=1e-4)
    assert (scores > 0).any()


def test_a_person_alone_and_in_a_batch(detector, frame, bounds):
    boxes = keypoints.boxes_around(bounds)
    points, scores = detect(detector, frame, boxes)
    for row in range(len(boxes)):
        alone, score = detect(detector, frame, boxes[row : row + 1])
        np.testing.assert_allclose(alone[0], points[row], atol=1e-4)
        np.testing.assert_allclose(score[0], scores[row], rtol=1e-4, atol=1e-5)


def test_maps_are_those_of_the_original_network(shared, monkeypatch):
    """Weights and input by name, outputs stored: shared/golden."""
    monkeypatch.syspath_prepend(str(shared / "golden"))
    import seeded_weights  # pyright: ignore

    stored = np.load(shared / "golden" / "capf_hrnet_w32.npz")
    network = load_hrnet(32)
    shapes = (ast.literal_eval(str(shape)) for shape in stored["shapes"])
    names = dict(zip(map(str, stored["keys"]), shapes, strict=True))
    own = {name: tuple(v.shape) for name, v in network.state_dict().items() if "head." not in name}
    assert own == {name: shape for name, shape in names.items() if name.startswith("backbone.")}
    network.load_state_dict(seeded_weights.fill(network.state_dict()))
    images = torch.from_numpy(seeded_weights.inputs(3)["image"]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        output = network(images)
        again = copy.deepcopy(network)(images)
    assert isinstance(output, HRNetOutput)
    assert output.heatmaps.shape == (3, 17, 64, 48)
    for level, own_map in enumerate(output.maps):
        assert own_map.shape == tuple(stored[f"map{level}_shape"])
        corner = stored[f"map{level}_corner"]
        difference = np.abs(own_map[:, :4, :3, :3].numpy() - corner).max()
        assert difference < 1e-4 * np.abs(corner).max()
        torch.testing.assert_close(again.maps[level], own_map)


def test_a_crop_and_back(frame):
    boxes = keypoints.boxes_around(np.array([(100.0, 50.0, 180.0, 310.0)]))
    assert boxes[0].tolist() == [140.0, 180.0, 243.75, 325.0]
    points = np.array([[(96.0, 128.0), (0.0, 0.0), (192.0, 256.0)]])
    in_frame = keypoints.to_frame(points, boxes)[0]
    np.testing.assert_allclose(in_frame, [(140, 180), (18.125, 17.5), (261.875, 342.5)])
    # a linear ramp is resampled exactly: the crop shows the coordinates of its pixels
    ramp = np.zeros((400, 400, 3), np.float32)
    ramp[..., 0], ramp[..., 1] = np.meshgrid(np.arange(400), np.arange(400))
    shown = keypoints.crop(ramp, boxes[0])
    y, x = np.mgrid[:256, :192]
    expected = keypoints.to_frame(np.stack((x, y), -1).reshape(1, -1, 2).astype(float), boxes)
    np.testing.assert_allclose(shown[..., :2].reshape(-1, 2), expected[0], atol=0.02)


def test_the_lifters_crop_coordinates():
    points = torch.tensor([[(0.0, 0.0), (96.0, 128.0), (192.0, 256.0)]])
    assert keypoints.reference(points)[0].tolist() == [[-1, -1], [0, 0], [1, 1]]


def test_human36m_joints_of_coco_keypoints():
    matrix = keypoints.JOINTS_FROM_KEYPOINTS
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    standing = {  # metres, x to the person's left, y up
        "nose": (0, 1.60), "l_eye": (0.03, 1.64), "l_ear": (0.07, 1.62), "l_shoulder": (0.18, 1.43),
        "l_elbow": (0.22, 1.13), "l_wrist": (0.24, 0.88), "l_hip": (0.09, 0.93),
        "l_knee": (0.1, 0.5), "l_ankle": (0.1, 0.08),
    }  # fmt: skip
    places = np.array([
        standing.get(name) or np.array(standing["l" + name[1:]]) * (-1, 1)
        for name in KEYPOINT_NAMES
    ])  # fmt: skip
    joints = matrix @ places
    np.testing.assert_allclose(joints[0], (0, 0.93), atol=1e-9)
    np.testing.assert_allclose(joints[[1, 4]], [(-0.09, 0.93), (0.09, 0.93)])
    assert np.all(np.diff(joints[[0, 7, 8, 9, 10], 1]) > 0)  # from the pelvis up to the head
    assert 1.70 < joints[10, 1] < 1.80
    confidence = keypoints.joints_confidence(np.full((1, 17), 1.5))
    np.testing.assert_allclose(confidence, 1)
    assert [KEYPOINT_NAMES[n].replace("l_", "r_") for n in keypoints.MIRROR] == [
        name.replace("l_", "r_") for name in KEYPOINT_NAMES
    ]


def test_without_mmpose_there_is_one_sentence(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "mmpose"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mmpose", None)
    with pytest.raises(CaptureError) as caught:
        load_hrnet(32)
    assert caught.value.code == "hrnet_not_installed"
    assert "Set Up" in caught.value.hint
