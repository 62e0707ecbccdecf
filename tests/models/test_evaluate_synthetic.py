# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""run.py evaluate synthetic on invented samples whose errors are known, and its statistics."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT, JOINT_NAMES
from models.blazepose.context_lifter import ContextLifter, metadata
from models.blazepose.context_network import Architecture, ContextNetwork
from models.blazepose.world_lifter import JOINTS_FROM_KEYPOINTS, WorldLandmarkLifter
from models.evaluation import command_line, synthetic
from models.evaluation.bootstrap import compare
from models.evaluation.calibration import draw_reliability, reliability
from models.evaluation.synthetic import METRICS, groups, hardest_third, lift
from models.training.blazepose_features import (
    BYTES,
    MAP_SHAPES,
    Quantisation,
    Samples,
    open_features,
    write_block,
    write_quantisation,
)

COUNT, CLIPS = 40, 10
MPJPE, P_MPJPE, PIXELS = METRICS
SMALL = Architecture(dim=16, blocks=1, heads=2, sampling_heads=2, sampling_points=2)
LIFT_M = 0.05  # by which the truth lies beside the detector's right wrist


def invented() -> Samples:
    """People whose truth is what BlazePose says by the skeleton's rules, but for one wrist."""
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-0.2, 0.2, (COUNT, 33, 2)).astype(np.float32)
    world = rng.normal(0, 0.3, (COUNT, 33, 3)).astype(np.float32)
    joints = JOINTS_FROM_KEYPOINTS @ world
    joints -= joints[:, JOINT["pelvis"], None]
    joints[:, JOINT["r_wrist"], 2] += LIFT_M
    places = JOINTS_FROM_KEYPOINTS @ keypoints
    places[:, JOINT["r_wrist"], 0] += 12 / 128
    everything = np.ones((COUNT, len(JOINT_NAMES)), bool)
    return Samples(
        keypoints_crop=keypoints,
        visibility=rng.uniform(0, 1, (COUNT, 33)).astype(np.float32),
        presence=rng.uniform(0, 1, (COUNT, 33)).astype(np.float32),
        world=world,
        score=np.ones(COUNT, np.float32),
        truth_joints=joints.astype(np.float32),
        truth_2d=places.astype(np.float32),
        truth_visible=everything,
        self_visible=everything,
        in_frame=everything,
        truth_up=np.tile(np.array([0, -1, 0], np.float32), (COUNT, 1)),
        truth_root=np.tile(np.array([0, 0, 4], np.float32), (COUNT, 1)),
        half_angle=rng.uniform(0.1, 0.6, COUNT).astype(np.float32),
        region=np.tile(np.array([320, 240, 200, 0.3], np.float32), (COUNT, 1)),
        focal_px=np.full(COUNT, 700, np.float32),
        principal=np.tile(np.array([320, 240], np.float32), (COUNT, 1)),
        render=np.zeros((COUNT, 3), np.int32),
        flipped=np.zeros(COUNT, bool),
        actor=np.zeros(COUNT, np.int32),
        clip=(np.arange(COUNT) % CLIPS).astype(np.int32),
        pose_kind=(np.arange(COUNT) % 2).astype(np.int32),
        actors=np.array(["somebody"]),
        clips=np.array([f"clip{n}" for n in range(CLIPS)]),
        pose_kinds=np.array(["lying", "motion"]),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The samples as features on disk, in two blocks, maps of noise."""
    folder = tmp_path_factory.mktemp("features")
    levels = [shape[0] for shape in MAP_SHAPES]
    quantisation = Quantisation(
        tuple(np.full(c, -1, np.float32) for c in levels),
        tuple(np.full(c, 0.01, np.float32) for c in levels),
    )
    write_quantisation(folder, quantisation)
    samples, rng = invented(), np.random.default_rng(1)
    names = {"actors", "clips", "pose_kinds"}
    for name, rows in (("a", slice(0, 10)), ("b", slice(10, COUNT))):
        part = replace(samples, **{k: v[rows] for k, v in vars(samples).items() if k not in names})
        maps = rng.integers(0, 256, (len(part.score), BYTES), np.uint8)
        write_block(folder / "validation", name, maps, part)
    return folder / "validation"


@pytest.fixture(scope="module")
def features(folder):
    return open_features(folder)


def network(**changes) -> ContextNetwork:
    torch.manual_seed(0)
    return ContextNetwork(replace(SMALL, **changes))


def test_the_detectors_own_errors_are_those_invented(features):
    lifted = lift(WorldLandmarkLifter(), features, "cpu")
    wrist = JOINT["r_wrist"]
    np.testing.assert_allclose(lifted.errors_mm[:, wrist], 1000 * LIFT_M, rtol=1e-4)
    np.testing.assert_allclose(np.delete(lifted.errors_mm, wrist, 1), 0, atol=1e-3)
    np.testing.assert_allclose(lifted.by_sample[MPJPE], 1000 * LIFT_M / 12, rtol=1e-4)
    np.testing.assert_allclose(lifted.by_sample[PIXELS], 12 / 12, rtol=1e-3)
    assert (lifted.by_sample[P_MPJPE] < 3 * 1000 * LIFT_M / 12).all()
    assert lifted.confidence.shape == (COUNT, 28)


@pytest.mark.parametrize("context", [True, False])
def test_a_lifter_that_knows_nothing_repeats_the_detector(features, context, monkeypatch):
    """With maps and without, in batches of any size, whatever the crop's size."""
    monkeypatch.setattr(synthetic, "BATCH", 16)
    own = lift(WorldLandmarkLifter(), features, "cpu")
    lifted = lift(ContextLifter(network(context=context)), features, "cpu")
    for metric in METRICS:
        np.testing.assert_allclose(
            lifted.by_sample[metric], own.by_sample[metric], rtol=1e-3, atol=1e-3
        )


def test_joints_outside_the_crop_have_no_place_in_the_image(features):
    far = features.truth_2d.copy()
    far[:5] = 3.0
    lifted = lift(WorldLandmarkLifter(), replace(features, truth_2d=far), "cpu")
    assert np.isnan(lifted.by_sample[PIXELS][:5]).all()
    assert np.isfinite(lifted.by_sample[PIXELS][5:]).all()
    assert groups(replace(features, truth_2d=far))["cut off"].nonzero()[0].tolist() == [*range(5)]


def test_thirds_are_the_hardest():
    assert hardest_third(np.arange(9.0)).nonzero()[0].tolist() == [6, 7, 8]
    assert hardest_third(np.array([0, 0, 0, 0, 0, 0, 0, 0.2, 0.1])).sum() == 2
    assert not hardest_third(np.zeros(9)).any()


def test_posture_is_that_of_the_body_in_the_world(features):
    """Somebody standing, crouching and lying, under a camera that has its up anywhere."""
    standing = np.zeros((28, 3))
    for side, x in (("l", 0.1), ("r", -0.1)):
        for name, y in (("hip", 0), ("knee", 0.4), ("ankle", 0.8)):
            standing[JOINT[f"{side}_{name}"]] = (x, y, 0)
    standing[JOINT["thorax"]] = (0, -0.5, 0)
    crouching = standing.copy()
    for side in "lr":
        crouching[JOINT[f"{side}_knee"]] += (0, -0.4, -0.4)
        crouching[JOINT[f"{side}_ankle"]] += (0, -0.4, 0)
    lying = standing[:, [1, 0, 2]]
    poses = np.stack([standing, standing, standing, standing, crouching, lying])
    up = np.tile([0.0, -1, 0], (6, 1))
    everything = np.ones((6, 28), bool)
    few = replace(
        features, truth_joints=poses, truth_up=up, self_visible=everything, in_frame=everything,
        truth_2d=np.zeros((6, 28, 2)), starts=np.array([0, 6]),
    )  # fmt: skip
    third = groups(few)["lying, crouching third"]
    assert third.tolist() == [False, False, False, False, True, True]


def test_intervals_cover_a_known_difference():
    """60 experiments with clips that are alike within: 95 % of the intervals hold the truth."""
    rng = np.random.default_rng(2)
    clips = np.repeat(np.arange(40), 5)
    covered = 0
    for _ in range(60):
        other = rng.gamma(4, 20, len(clips))
        change = -10 + rng.normal(0, 8, 40)[clips] + rng.normal(0, 4, len(clips))
        found = compare(other + change, other, clips, draws=300).difference
        assert found.low < found.value < found.high
        covered += found.low <= -10 <= found.high
    assert 51 <= covered <= 60


def test_a_bootstrap_by_clip_knows_that_frames_repeat():
    rng = np.random.default_rng(3)
    change = rng.normal(0, 5, 20)
    other = np.full(20, 100.0)
    few = compare(other + change, other, np.arange(20))
    many = compare(np.repeat(other + change, 9), np.repeat(other, 9), np.repeat(np.arange(20), 9))
    assert many.difference.low == pytest.approx(few.difference.low, abs=1e-9)
    assert few.ratio.value == pytest.approx(1 + change.mean() / 100)
    assert few.ratio.low == pytest.approx(1 + few.difference.low / 100)
    alone = compare(other, other, np.zeros(20))
    assert alone.difference.value == 0 and np.isnan(alone.difference.low)
    with pytest.raises(ValueError, match="20 and 20 values in 19"):
        compare(other, other, np.zeros(19))


def test_reliability_by_hand(tmp_path):
    confidence = np.array([0.05, 0.05, 0.95, 0.95, 1.0, 0.55])
    right = np.array([False, True, True, True, True, False])
    found = reliability(confidence, right)
    assert found.count.tolist() == [2, 0, 0, 0, 0, 1, 0, 0, 0, 3]
    np.testing.assert_allclose(found.observed[[0, 5, 9]], [0.5, 0, 1])
    np.testing.assert_allclose(found.predicted[9], 2.9 / 3)
    assert np.isnan(found.observed[1])
    assert found.expected_error == pytest.approx((2 * 0.45 + 0.55 + 0.1) / 6)
    draw_reliability({"it": found}, tmp_path / "plot.png")
    image = cv2.imread(str(tmp_path / "plot.png"))
    assert image is not None and image.std() > 10
    with pytest.raises(CaptureError, match="cannot be written"):
        draw_reliability({"it": found}, tmp_path / "none" / "plot.png")
    with pytest.raises(ValueError, match="outside 0 to 1"):
        reliability(confidence * 2, right)


def test_a_calibrated_confidence_has_no_error():
    rng = np.random.default_rng(4)
    confidence = rng.uniform(0, 1, 100_000)
    right = rng.random(100_000) < confidence
    assert reliability(confidence, right).expected_error < 0.01
    assert reliability(confidence**2, right).expected_error == pytest.approx(
        1 / 2 - 1 / 3, abs=0.01
    )


def test_the_command(folder, tmp_path, capsys):
    """A lifter that repeats the detector beside one that adds noise."""
    files = []
    for name, noise in (("noisy", 0.3), ("plain", 0.0)):
        model = network(context=name == "plain")
        with torch.no_grad():
            weight = dict(model.lifter.head[-1].named_parameters())["weight"]
            weight.normal_(std=noise)
        files.append(tmp_path / f"{name}.safetensors")
        save_file(model.state_dict(), files[-1], metadata(model.architecture))
    report, plot = tmp_path / "report.json", tmp_path / "plot.png"
    options = ["synthetic", "--features", str(folder), "--lifter", *map(str, files)]
    options += ["--device", "cpu", "--json", str(report), "--plot", str(plot)]
    assert command_line.main(options) == 0
    printed = capsys.readouterr().out
    assert "40 samples of 10 clips" in printed
    assert "plain against noisy" in printed
    facts = json.loads(report.read_text())
    row = facts["scores"][MPJPE]["all (40)"]
    assert set(row) == {"blazepose_world", "noisy", "plain"}
    assert row["plain"] == pytest.approx(1000 * LIFT_M / 12, rel=1e-3)
    against = {
        each["against"]: each["difference"]
        for each in facts["comparisons"]
        if (each["metric"], each["group"]) == (MPJPE, "all")
    }
    assert against["noisy"]["high"] < 0
    assert against["blazepose_world"]["value"] == pytest.approx(0, abs=1e-3)
    assert len(facts["reliability"]["plain"]["observed"]) == 10
    assert plot.is_file()
    with pytest.raises(CaptureError, match="Two lifters are called 'noisy'"):
        command_line.main([*options[:4], str(files[0]), str(files[0])])
