# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The context-aware lifter behind BlazePose: what it starts from, its place in the frame, its
files; and that it learns, stops, goes on and is shipped."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.utils.data import Dataset

from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT
from models.blazepose.context_lifter import ContextLifter, load_lifter, metadata
from models.blazepose.context_network import (
    Architecture,
    ContextNetwork,
    MapRange,
    probability_within,
)
from models.blazepose.world_lifter import WorldLandmarkLifter, camera_from_crop
from models.interface import Camera, Detections
from models.training import command_line
from models.training.blazepose_features import (
    MAP_SHAPES,
    Samples,
    fit_quantisation,
    write_block,
    write_quantisation,
)
from models.training.blazepose_objective import fit_temperature
from models.training.config import TrainingConfig, read_config
from models.training.crop_views import CropViews
from models.training.loop import train
from models.training.processes import Process
from models.training.tasks import Task, make_task

ALONE = Process(0, 1, torch.device("cpu"))
CAMERA = Camera(1280, 720, 1100.0)
TINY = Architecture(dim=16, blocks=1, heads=2, sampling_heads=2, sampling_points=2, drop_path=0.0)


def detections(count: int, seed: int = 0) -> Detections:
    rng = torch.Generator().manual_seed(seed)
    crop = torch.rand(count, 33, 2, generator=rng) * 1.6 - 0.8
    region = torch.tensor([[640.0, 360.0, 400.0, 0.2]]) + torch.rand(count, 4, generator=rng)
    trust = torch.rand(2, count, 33, generator=rng)
    return Detections(
        keypoints=in_frame(crop, region),
        confidence=trust[0],
        keypoints_crop=crop,
        maps=[torch.randn(count, *shape, generator=rng) for shape in MAP_SHAPES],
        region=region,
        world=torch.randn(count, 33, 3, generator=rng) * 0.4,
        presence=trust[1],
    )


def in_frame(points: torch.Tensor, region: torch.Tensor) -> torch.Tensor:
    cos, sin = region[:, 3].cos(), region[:, 3].sin()
    turn = torch.stack((torch.stack((cos, -sin), 1), torch.stack((sin, cos), 1)), 1)
    return (points * region[:, None, 2:3] / 2) @ turn.transpose(1, 2) + region[:, None, :2]


def chosen(found: Detections, rows: list[int]) -> Detections:
    values = {name: value[rows] for name, value in vars(found).items() if name != "maps"}
    return Detections(**values, maps=[level[rows] for level in found.maps])


def moved(found: Detections, region: torch.Tensor) -> Detections:
    return replace(found, region=region, keypoints=in_frame(found.keypoints_crop, region))


@pytest.fixture
def lifter() -> ContextLifter:
    torch.manual_seed(3)
    network = ContextNetwork(TINY)
    torch.nn.init.normal_(network.lifter.head[-1].weight, std=0.1)  # pyright: ignore[reportArgumentType]
    return ContextLifter(network)


def test_untrained_it_gives_the_detectors_own_joints():
    found = detections(3)
    lifted = ContextLifter(ContextNetwork(TINY))(found, CAMERA)
    own = WorldLandmarkLifter()(found, CAMERA)
    torch.testing.assert_close(lifted.joints, own.joints, atol=1e-5, rtol=0)
    torch.testing.assert_close(lifted.joints_2d, own.joints_2d, atol=1e-3, rtol=0)
    assert ((lifted.confidence > 0) & (lifted.confidence < 1)).all()
    least = lifted.confidence[:, [JOINT["l_hip"], JOINT["r_hip"]]].amin(1)
    assert torch.equal(lifted.confidence[:, JOINT["pelvis"]], least)


def test_a_crop_elsewhere_in_the_frame_turns_the_pose_with_the_viewing_ray(lifter):
    found = detections(2)
    pose = lifter(found, CAMERA)
    # also rolled and on a frame of another size; the angle that the crop spans stays the same
    region = found.region + torch.tensor([-420.0, 130.0, 0.0, 1.3])
    other = moved(found, region)
    lifted = lifter(other, replace(CAMERA, width=1000))
    turn = camera_from_crop(region, replace(CAMERA, width=1000))
    back = camera_from_crop(found.region, CAMERA).transpose(1, 2)
    expected = pose.joints @ (turn @ back).transpose(1, 2)
    torch.testing.assert_close(lifted.joints, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(lifted.confidence, pose.confidence)

    def in_crop(points, region):
        straight = torch.cat((torch.zeros(2, 2), torch.full((2, 1), 2.0), -region[:, 3:]), 1)
        return in_frame((points - region[:, None, :2]) / (region[:, None, 2:3] / 2), straight)

    torch.testing.assert_close(
        in_crop(lifted.joints_2d, region), in_crop(pose.joints_2d, found.region),
        atol=1e-4, rtol=0,
    )  # fmt: skip
    # scaling frame and lens together changes nothing in space
    twice = Camera(2560, 1440, 2200.0)
    large = moved(found, found.region * torch.tensor([2.0, 2, 2, 1]))
    torch.testing.assert_close(lifter(large, twice).joints, pose.joints, atol=1e-5, rtol=0)


def test_neighbours_in_the_batch_do_not_matter(lifter):
    found = detections(4)
    together = lifter(found, CAMERA)
    for rows in ([2], [3, 0]):
        apart = lifter(chosen(found, rows), CAMERA)
        torch.testing.assert_close(apart.joints, together.joints[rows], atol=1e-5, rtol=0)
        torch.testing.assert_close(apart.confidence, together.confidence[rows], atol=1e-5, rtol=0)
    assert lifter(chosen(found, []), CAMERA).joints.shape == (0, 28, 3)


def test_what_each_counterpart_reads():
    found = detections(2)
    blank = replace(found, maps=[torch.zeros_like(level) for level in found.maps])
    nowhere = replace(found, world=torch.zeros_like(found.keypoints[..., :1]).expand(-1, -1, 3))
    for context, world in ((True, True), (False, True), (False, False)):
        torch.manual_seed(3)
        network = ContextNetwork(replace(TINY, context=context, world=world))
        torch.nn.init.normal_(network.lifter.head[-1].weight, std=0.1)  # pyright: ignore[reportArgumentType]
        lifter = ContextLifter(network)
        joints = lifter(found, CAMERA).joints
        assert torch.equal(lifter(blank, CAMERA).joints, joints) != context
        assert torch.equal(lifter(nowhere, CAMERA).joints, joints) != world


def test_values_outside_of_what_training_saw_are_brought_to_its_ends():
    network = ContextNetwork(TINY)
    fit = network.ranges[0]
    assert isinstance(fit, MapRange)
    level = torch.rand(4, 48, 8, 8)
    fit.fit(level, torch.full((48,), 0.1), torch.full((48,), 0.9))
    fit.eval()
    torch.testing.assert_close(fit(level * 0 + 5), fit(level * 0 + 0.9))
    assert fit(level.clamp(0.1, 0.9)).std() == pytest.approx(1.0, abs=0.2)


def test_files_round_trip(tmp_path, lifter):
    path = tmp_path / "lifter.safetensors"
    save_file(lifter.network.state_dict(), path, metadata(TINY))
    again = load_lifter(path)
    found = detections(2)
    for a, b in zip(
        vars(lifter(found, CAMERA)).values(), vars(again(found, CAMERA)).values(), strict=True
    ):
        assert torch.equal(a, b)


def test_a_file_that_is_none_is_explained(tmp_path, lifter):
    path = tmp_path / "lifter.safetensors"
    with pytest.raises(CaptureError, match=r"are missing\.") as caught:
        load_lifter(path)
    assert caught.value.code == "weights_missing"
    tensors, facts = lifter.network.state_dict(), metadata(TINY)
    wrong_sizes = metadata(replace(TINY, dim=32))
    unknown = facts | {"architecture": json.dumps({"depth": 3})}
    for write in (
        lambda: path.write_bytes(b"no weights"),
        lambda: save_file(tensors, path),
        lambda: save_file(tensors, path, wrong_sizes),
        lambda: save_file(tensors, path, unknown),
    ):
        write()
        with pytest.raises(CaptureError, match="cannot be used as a lifter's weights") as caught:
            load_lifter(path)
        assert caught.value.code == "bad_checkpoint"
        assert len(caught.value.message.splitlines()) == 1


def test_temperature_makes_the_confidence_true():
    rng = np.random.default_rng(0)
    scale = rng.uniform(0.01, 0.06, 20_000)
    distance = rng.gamma(3, 1.7 * scale)
    args = torch.from_numpy(distance), torch.from_numpy(scale)
    assert fit_temperature(*args, within=0.1) == pytest.approx(1.7, rel=0.03)
    right = (distance < 0.1).mean()
    said = probability_within(0.1, 1.7 * args[1]).mean().item()
    assert said == pytest.approx(right, abs=0.01)


# --- training -----------------------------------------------------------------------------------


def write_features(folder: Path, count: int, seed: int) -> None:
    """A split of invented people, in two blocks."""
    rng = np.random.default_rng(seed)
    found = detections(count, seed)
    maps = list(found.maps)
    if not (folder.parent / "quantisation.npz").exists():
        write_quantisation(folder.parent, fit_quantisation(maps))
    joints = rng.normal(0, 0.3, (count, 28, 3))
    rows = np.arange(count)
    samples = Samples(
        keypoints_crop=found.keypoints_crop.numpy(), visibility=found.confidence.numpy(),
        presence=np.ones((count, 33)), world=np.asarray(found.world), score=np.ones(count),
        truth_joints=joints - joints[:, :1], truth_2d=rng.uniform(-0.8, 0.8, (count, 28, 2)),
        truth_visible=rng.random((count, 28)) < 0.8, self_visible=np.ones((count, 28), bool),
        in_frame=np.ones((count, 28), bool), truth_up=np.tile([0, -1, 0], (count, 1)),
        truth_root=np.tile([0, 0, 4], (count, 1)), half_angle=rng.uniform(0.1, 0.4, count),
        region=found.region.numpy(), focal_px=np.full(count, 1100.0),
        principal=np.full((count, 2), 300.0), render=np.tile(rows[:, None], 3),
        flipped=np.zeros(count, bool), actor=rows * 0, clip=rows * 0, pose_kind=rows * 0,
        actors=np.array(["a"]), clips=np.array(["c"]), pose_kinds=np.array(["motion"]),
    )  # fmt: skip
    quantisation = fit_quantisation(maps)
    named = {"actors", "clips", "pose_kinds"}
    for name, part in (("00000_0", slice(0, count // 2)), ("00001_0", slice(count // 2, None))):
        values = {k: v if k in named else v[part] for k, v in vars(samples).items()}
        packed = quantisation.pack([level[part] for level in maps])
        write_block(folder, name, packed, Samples(**values))


@pytest.fixture
def features(tmp_path) -> Path:
    folder = tmp_path / "features"
    write_features(folder / "train", 16, seed=1)
    write_features(folder / "validation", 5, seed=2)
    return folder


CHANGES = (
    "task.dim=16", "task.blocks=1", "task.heads=2", "task.sampling_heads=2",
    "task.sampling_points=2", "task.map_gain=0.0", "task.map_shift=0.0", "run.batch=8",
    "run.precision=fp32", "run.checkpoint_steps=1",
)  # fmt: skip


def tiny_run(features: Path, *changes: str) -> tuple[Task, TrainingConfig]:
    config = read_config("blazepose", (*CHANGES, f'task.features="{features}"', *changes))
    return make_task(config.task, config.run.seed), config


class Views(Dataset[dict[str, Any]]):
    """Those of a task, each so many times an epoch; batch number `fail_at` is an interruption."""

    def __init__(self, task: Task, times: int = 1, fail_at: int = -1) -> None:
        assert isinstance(task.training, CropViews)
        self.views, self.times, self.fail_at, self.batches = task.training, times, fail_at, 0
        self.set_epoch, self.collate = self.views.set_epoch, self.views.collate

    def __len__(self) -> int:
        return self.times * len(self.views)

    def __getitems__(self, rows: list[int]) -> dict[str, Any]:
        if self.batches == self.fail_at:
            raise KeyboardInterrupt
        self.batches += 1
        return self.views.__getitems__([row % len(self.views) for row in rows])


def test_sixteen_people_are_learnt_by_heart(features, tmp_path):
    """The invented maps and poses have nothing to do with each other."""
    task, config = tiny_run(
        features, "task.dropped_share=0.0", "task.noise=0.0", "task.world_noise_m=0.0",
        "task.dim=32", "task.drop_path=0.0", "run.epochs=1", "run.batch=16", "optimiser.lr=3e-3",
        "run.checkpoint_steps=0",
    )  # fmt: skip
    whole = replace(task, training=Views(task, times=250), validation=task.training)
    train(whole, config, tmp_path / "out", ALONE)
    log = log_of(tmp_path / "out")
    assert log[0]["own_mm"] > 300
    assert log[0]["validation_mm"] < 10
    assert log[0]["all_joints_mm"] < 10
    assert log[0]["px"] < 2 < log[0]["own_px"]


def test_maps_change_their_style_and_not_what_they_show(features):
    plain, _ = tiny_run(features)
    styled, _ = tiny_run(features, "task.map_gain=0.2", "task.map_shift=0.3")
    assert isinstance(plain.training, CropViews)
    assert isinstance(styled.training, CropViews)
    rows = range(8)
    views = plain.training.__getitems__(rows), styled.training.__getitems__(rows)
    for level, other in zip(*(view["maps"] for view in views), strict=True):
        gains = other.std((2, 3)) / level.std((2, 3))  # (B, C)
        assert gains.std() == pytest.approx(0.2, rel=0.2)
        shifts = (other.mean((2, 3)) - level.mean((2, 3))) / level.std((2, 3))
        assert shifts.std() == pytest.approx(0.3, rel=0.2)
        flat = [(m - m.mean((2, 3), keepdim=True)).flatten(2) for m in (level, other)]
        torch.testing.assert_close(flat[1], gains[..., None] * flat[0], atol=1e-4, rtol=1e-3)
    again = styled.training.__getitems__(rows)["maps"]
    assert all(torch.equal(a, b) for a, b in zip(again, views[1]["maps"], strict=True))


def log_of(out: Path) -> list[dict[str, float]]:
    with (out / "log.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_interrupted_run_ends_with_the_same_weights(features, tmp_path, precision):
    options = ("run.epochs=3", f"run.precision={precision}", "task.drop_path=0.2")
    task, config = tiny_run(features, *options)
    train(task, config, tmp_path / "unbroken", ALONE)
    task, config = tiny_run(features, *options)
    with pytest.raises(KeyboardInterrupt):
        train(replace(task, training=Views(task, fail_at=3)), config, tmp_path / "broken", ALONE)
    state = torch.load(tmp_path / "broken" / "state.pt", weights_only=True)
    assert (state["position"]["epoch"], state["position"]["step"]) == (1, 1)
    torch.manual_seed(99)
    task, config = tiny_run(features, *options)
    train(task, config, tmp_path / "broken", ALONE)
    ends = [
        torch.load(tmp_path / name / "state.pt", weights_only=True)["trained"]
        for name in ("unbroken", "broken")
    ]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    log = log_of(tmp_path / "broken")
    assert log[0]["lr"] > 0
    assert all(math.isfinite(value) for row in log for value in row.values())


def test_a_command_trains_and_ships(features, tmp_path, capsys):
    changes = [part for change in CHANGES for part in ("--set", change)]
    target = tmp_path / "weights" / "lifter.safetensors"
    arguments = [
        "blazepose", "--out", str(tmp_path / "out"), "--device", "cpu", "--processes", "1",
        *changes, "--set", f"task.features={features}", "--set", "run.epochs=1",
    ]  # fmt: skip
    assert command_line.main([*arguments, "--ship", str(target)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Ready to ship: {target}"
    with safe_open(target, "pt") as file:
        facts = file.metadata()
    assert facts["command"].startswith("python3 run.py train blazepose --out")
    assert facts["data"].startswith("16 pictures of 1 synthetic people in 1 motion clips")
    assert "of being within 100 mm" in facts["confidence"]
    assert {"epoch", "mpjpe_mm", "seed", "licence"} <= facts.keys()
    lifted = load_lifter(target)(detections(2), CAMERA)
    assert lifted.joints.isfinite().all()
    # the ranges are those of the training pictures, so that maps look there as they did in training
    ends = load_lifter(target).network.state_dict()["ranges.0.high"]
    assert ends.isfinite().all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("task.heads=5", "describes no network: dim 16 must be divisible"),
        ("task.depth=5", "unknown entry 'depth'"),
        ("task.context=1", "context in .* is 1, a int, not bool"),
        ("optimiser.schedule=stairs", "'stairs' is none of exponential, cosine"),
        ("epochs=5", "does not read section.name=value"),
        ("task.min_score=1.5", "Nobody of 16 pictures"),
        ("task.features=nowhere", "no features in"),
    ],
)
def test_what_is_wrong_is_explained(features, change, sentence):
    with pytest.raises(CaptureError, match=sentence):
        tiny_run(features, change)
