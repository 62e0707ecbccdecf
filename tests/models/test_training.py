# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop learns, goes on as if it had never stopped, in any number of processes; and
with files in the data set's layout train and evaluate agree."""

import csv
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dataset_files
import numpy as np
import pytest
import tiny_training
import torch
from safetensors.torch import load_file, save_file
from tiny_training import Persons, config, task
from torch.utils.data import ConcatDataset

from capf_blender.core.errors import CaptureError
from models import metrics
from models.context_pose_former import ContextAwarePoseFormer
from models.datasets.h36m import read_h36m
from models.datasets.person_views import PersonViews
from models.datasets.samples import crop_person, mirror, read_frame
from models.evaluation import command_line as evaluate_command
from models.evaluation.view_lifter import ViewLifter
from models.hrnet.backbone import HRNetDetector
from models.hrnet.keypoints import normalise
from models.training import command_line as train_command
from models.training.config import read_config
from models.training.loop import train
from models.training.processes import Process
from models.training.rows import EpochBatches
from models.training.tasks import make_task

ALONE = Process(0, 1, torch.device("cpu"))


def weights_of(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "state.pt", weights_only=True)["trained"]


def log_of(out: Path) -> list[dict[str, float]]:
    with (out / "log.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def assert_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_eight_persons_are_learnt_by_heart(tmp_path):
    data = Persons(8)
    run = config(epochs=15, batch=8, lr=2e-3, decay=0.75)
    found = train(replace(task(data), training=ConcatDataset([data] * 25)), run, tmp_path, ALONE)
    assert found.best_mm < 5.0
    log = log_of(tmp_path)
    assert log[0]["validation_mm"] > 100
    assert log[1]["lr"] == pytest.approx(0.75 * 2e-3)
    assert found.best_mm == min(row["validation_mm"] for row in log)
    lifter = task(data).trained
    lifter.load_state_dict(load_file(tmp_path / "best.safetensors"))
    with torch.no_grad():
        poses = lifter.eval()(data.keypoints, data.reference, data.maps)
    error = metrics.mpjpe(metrics.root_relative(poses), data.joints).mean().item()
    assert 1000 * error == pytest.approx(found.best_mm, abs=1e-2)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_an_interrupted_run_ends_with_the_same_weights(tmp_path, precision):
    """Interrupted between epochs, and within one, with stochastic depth at work."""
    run = config(epochs=3, batch=2, precision=precision, checkpoint_steps=1)

    def new_task(**options: int):
        return task(Persons(7, **options), drop_path=0.3)

    train(new_task(), run, tmp_path / "unbroken", ALONE)
    expected = weights_of(tmp_path / "unbroken")

    broken = tmp_path / "broken"
    shorter = config(epochs=1, batch=2, precision=precision, checkpoint_steps=1)
    train(new_task(), shorter, broken, ALONE)
    with pytest.raises(KeyboardInterrupt):  # in the third step
        train(new_task(fail_at=5), run, broken, ALONE)
    state = torch.load(broken / "state.pt", weights_only=True)
    assert (state["position"]["epoch"], state["position"]["step"]) == (1, 2)
    torch.manual_seed(99)
    train(new_task(), run, broken, ALONE)
    assert_equal(weights_of(broken), expected)
    first, second = log_of(tmp_path / "unbroken"), log_of(broken)
    for a, b in zip(first, second, strict=True):
        assert a | {"seconds": 0} == b | {"seconds": 0}


def test_other_settings_do_not_go_on_with_a_run(tmp_path):
    train(task(Persons(4)), config(epochs=1, batch=2), tmp_path, ALONE)
    with pytest.raises(CaptureError, match="another config"):
        train(task(Persons(4)), config(epochs=2, batch=2, lr=1e-3), tmp_path, ALONE)
    train(task(Persons(4)), config(epochs=2, batch=2, workers=1), tmp_path, ALONE)
    (tmp_path / "state.pt").write_bytes(b"half a fi")
    with pytest.raises(CaptureError, match="cannot be read"):
        train(task(Persons(4)), config(epochs=2, batch=2), tmp_path, ALONE)


def test_two_processes_train_like_one(tmp_path):
    """Gradients are those of the whole batch: the same weights but for rounding, also after a
    resumption."""
    train(task(Persons(10)), tiny_training.TOGETHER, tmp_path / "one", ALONE)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node", "2", tiny_training.__file__, tmp_path / "two"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    one, two = (weights_of(tmp_path / name) for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=2e-4)
    for a, b in zip(log_of(tmp_path / "one"), log_of(tmp_path / "two"), strict=True):
        assert a["train_mm"] == pytest.approx(b["train_mm"], rel=1e-3)
        assert a["validation_mm"] == pytest.approx(b["validation_mm"], rel=1e-3)


@pytest.mark.parametrize("rows", [8, 9, 11])
def test_each_row_once_an_epoch(rows):
    parts = [EpochBatches(rows, 4, seed=1, rank=rank, processes=2) for rank in range(2)]
    alone = EpochBatches(rows, 4, seed=1)
    seen = []
    for epoch in (0, 1):
        for sampler in (*parts, alone):
            sampler.start(epoch, 0)
        batches = [sorted(a + b) for a, b in zip(*parts, strict=True)]
        assert len(batches) == len(alone)
        flat = [row for batch in batches for row in batch]
        assert set(flat) == set(range(rows))
        assert len(flat) == rows + rows % 2  # filled up for the second process
        assert batches[:2] == [sorted(batch) for batch in alone][:2]
        seen.append(flat)
    assert seen[0] != seen[1]
    alone.start(1, 1)
    rest = list(alone)
    alone.start(1, 0)
    assert rest == list(alone)[1:]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[run]\nepochs = 2", "no section .task. with a `kind`"),
        ("[task]\nkind = 'h36m_hrnet'", "not complete: .*epochs"),
        ("[task]\nkind = 'x'\n[run]\nepochs = 2\nlr = 1", "unknown entry 'lr'; known: epochs"),
        ("[task]\nkind = 'x'\n[run]\nepochs = '2'", "epochs in .* is '2', a str, not int"),
        ("[task]\nkind = 'x'\n[run]\nepochs = 2\nprecision = 'fp8'", "'fp8' is none of fp32"),
        ("[task]\nkind = 'x'\n[data]\n", r"unknown section \[data\]"),
        ("[task\n", "no TOML file"),
    ],
)
def test_a_wrong_config_is_explained(tmp_path, text, sentence):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(CaptureError, match=sentence):
        read_config(path)


def test_the_shipped_recipe_is_the_papers():
    recipe = read_config("h36m_hrnet_w32")
    assert recipe.run.batch == 512
    optimiser = recipe.optimiser
    assert (optimiser.lr, optimiser.weight_decay, optimiser.decay) == (6.4e-4, 0.1, 0.99)
    assert recipe.task["mirrored_share"] == 0.5
    with pytest.raises(CaptureError, match="one of: blazepose, h36m_hrnet_w32"):
        read_config("no_such_recipe")


# --- on files in Human3.6M's layout, with HRNet -------------------------------------------------


@pytest.fixture(scope="module")
def h36m(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("h36m")
    records = dataset_files.h36m_records({(1, 2): 3, (5, 3): 2}, folder, seed=1)
    dataset_files.write_h36m(folder, records, "h36m_train.pkl")
    records = dataset_files.h36m_records({(9, 2): 2, (11, 14): 1}, folder, seed=2)
    detected = [r | {"joints_2d_cpn": r["joints_2d"] + 0.7} for r in records]
    dataset_files.write_h36m(folder, detected)
    return folder


@pytest.fixture(scope="module")
def paper(tmp_path_factory) -> tuple[Path, HRNetDetector, ContextAwarePoseFormer]:
    """A models folder in which the paper's weights, random ones, lie as the import leaves them."""
    pytest.importorskip("mmpose", reason="HRNet needs mmpose")
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    detector, lifter = HRNetDetector(32), ContextAwarePoseFormer()
    for module in detector.modules():  # so that the maps of 200 residual layers stay bounded
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.weight, 0.5)
    network = detector.state_dict()
    stored = {name: value for name, value in network.items() if name.startswith("backbone.")}
    stored |= {f"volume_net.{name}": value for name, value in lifter.state_dict().items()}
    save_file(stored, folder / "capf_hrnet_w32.safetensors")
    return folder, detector.eval(), lifter.eval()


@pytest.fixture
def with_head(paper) -> Path:
    """The same folder, where OpenMMLab's file lies too."""
    file = paper[0] / "hrnet_w32_coco.safetensors"
    if not file.is_file():
        save_file(paper[1].state_dict(), file)
    return paper[0]


@pytest.fixture
def run_evaluate(tmp_path, capsys, h36m, paper) -> Callable[..., dict]:
    def run(*arguments: str) -> dict:
        options = ["h36m", "--data", str(h36m), "--models", str(paper[0]), "--device", "cpu"]
        report = tmp_path / "report.json"
        options += ["--model", "hrnet_w32", "--json", str(report), "--workers", "0", *arguments]
        assert evaluate_command.main(options) == 0
        assert capsys.readouterr().out.splitlines()[1].startswith("MPJPE ")
        return json.loads(report.read_text())

    return run


SWAP = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]


def directly(h36m: Path, paper, mirrored: bool = False) -> np.ndarray:
    """(3, 17, 3) poses without any of the code between files and networks but the crops'."""
    samples = read_h36m(h36m)
    poses = []
    for row in range(len(samples)):
        frame = read_frame(samples.folder / str(samples.images[row]))
        crop = crop_person(frame, samples.boxes[row])
        points = (samples.keypoints[row] - samples.boxes[row, :2]) * 192 / samples.boxes[row, 2]
        points += [96, 128]
        width, height = dataset_files.WIDTH, dataset_files.HEIGHT
        keypoints = 2 * samples.keypoints[row] / width - [1, height / width]
        if mirrored:
            crop = crop[:, ::-1].copy()
            points = (points * [-1, 1] + [191, 0])[SWAP]
            keypoints = (keypoints * [-1, 1])[SWAP]
        with torch.no_grad():
            maps = paper[1](normalise(crop[None], "cpu")).maps
            reference = torch.from_numpy(points / [96, 128] - 1).float()[None]
            pose = paper[2](torch.from_numpy(keypoints).float()[None], reference, maps)[0].numpy()
        poses.append((pose * [-1, 1, 1])[SWAP] if mirrored else pose)
    return np.array(poses)


def test_evaluation_of_the_papers_checkpoint(h36m, paper, run_evaluate):
    poses = directly(h36m, paper)
    truth = read_h36m(h36m).joints
    errors = 1000 * np.linalg.norm(poses - poses[:, :1] - truth, axis=2).mean(1)
    report = run_evaluate("--batch", "2")
    scores = report["scores"]["MPJPE"]
    assert scores["Dir."] == pytest.approx(errors[:2].mean(), abs=0.05)
    assert scores["Walk"] == pytest.approx(errors[2:].mean(), abs=0.05)
    assert scores["Avg"] == pytest.approx((scores["Dir."] + scores["Walk"]) / 2)
    assert scores["Smoke"] is None
    assert report["frames"] == 3
    with pytest.raises(CaptureError, match="HRNet-W32 is not there"):
        run_evaluate("--keypoints", "detector")

    poses = (poses + directly(h36m, paper, mirrored=True)) / 2
    errors = 1000 * np.linalg.norm(poses - poses[:, :1] - truth, axis=2).mean(1)
    flipped = run_evaluate("--flip-test", "--batch", "3")["scores"]["MPJPE"]
    assert flipped["Walk"] == pytest.approx(errors[2:].mean(), abs=0.05)
    assert abs(flipped["Walk"] - scores["Walk"]) > 0.1


def test_hrnets_own_keypoints(run_evaluate, with_head):
    found = run_evaluate("--keypoints", "detector", "--every", "2")
    assert found["frames"] == 2
    assert all(math.isfinite(found["scores"][row]["Avg"]) for row in ("MPJPE", "P-MPJPE"))
    assert found["scores"]["MPJVE"]["Avg"] is None  # no successive frames


def test_training_from_a_config(tmp_path, h36m, with_head, run_evaluate, capsys):
    """The backbone stays bit by bit what it was, its statistics too; evaluation of the saved
    lifter gives the error in the log."""
    text = f"""
        [task]
        kind = "h36m_hrnet"
        data = "{h36m}"
        models = "{with_head}"
        keypoints = "joints_2d"
        [run]
        epochs = 1
        batch = 4
        workers = 0
    """
    path = tmp_path / "tiny.toml"
    path.write_text(text)
    config_ = read_config(path)
    made = make_task(config_.task, 0)
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    out = tmp_path / "out"
    train(made, config_, out, ALONE)
    after = made.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("lifter.") for name in changed)

    options = [str(path), "--out", str(out), "--device", "cpu", "--processes", "1"]
    assert train_command.main(options) == 0  # all epochs are done already
    assert capsys.readouterr().out.startswith("1 epochs, best ")
    last = min(log_of(out), key=lambda row: row["validation_mm"])
    best = ["--lifter", str(out / "best.safetensors"), "--keypoints", "joints_2d"]
    scores = run_evaluate(*best)["scores"]["MPJPE"]
    mean = (2 * scores["Dir."] + scores["Walk"]) / 3
    assert mean == pytest.approx(last["validation_mm"], abs=0.05)


def test_a_detector_in_a_mirror_names_the_sides_anew(h36m):
    """Keypoints that are found in a mirrored crop are those of the mirrored keypoints."""
    known = PersonViews(read_h36m(h36m, keypoints="joints_2d"))[0]
    expected = mirror({name: value[None] for name, value in known.items()})
    points = (expected["reference"] + 1) * torch.tensor([96.0, 128.0])

    class Eyes(torch.nn.Module):
        def forward(self, crops):
            return points, []

    class Echo(torch.nn.Module):
        def forward(self, keypoints, reference, maps):
            return torch.cat((keypoints, reference), 2)

    unknown = expected | {"keypoints": torch.full((1, 17, 2), torch.nan)}
    found = ViewLifter(Echo(), Eyes())(unknown)
    wanted = torch.cat((expected["keypoints"], expected["reference"]), 2)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
