# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Human3.6M's layout: what the reader takes, what it refuses, where joints lie in the crops, and
the figures of predictions that are known."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import dataset_files
import numpy as np
import pytest
import torch

from capf_blender.core.errors import CaptureError
from models.datasets.h36m import ACTIONS, read_h36m
from models.datasets.loading import batches
from models.datasets.person_views import PersonViews
from models.datasets.restricted_pickle import load_arrays
from models.datasets.samples import PoseSamples, mirror
from models.evaluation.scores import Scores, as_text, h36m_protocol

CLIPS = {(9, 2): 3, (9, 16): 2, (11, 2): 2, (11, 12): 4}  # Dir., WalkT., Dir., Photo


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("h36m")


@pytest.fixture(scope="module")
def records(folder) -> list[dict]:
    return dataset_files.h36m_records(CLIPS, folder)


@pytest.fixture(scope="module")
def samples(folder, records) -> PoseSamples:
    dataset_files.write_h36m(folder / "annot", records)
    return read_h36m(folder)


def test_what_is_read(samples, records):
    assert len(samples) == 11
    assert samples.group_names == tuple(ACTIONS.values())
    names = [samples.group_names[group] for group in samples.group]
    assert names == ["Dir."] * 3 + ["WalkT."] * 2 + ["Dir."] * 2 + ["Photo"] * 4
    assert samples.frame.tolist() == [1, 2, 3, 1, 2, 1, 2, 1, 2, 3, 4]
    assert len(set(samples.video.tolist())) == 4
    truth = np.stack([r["joints_3d_camera"] - r["joints_3d_camera"][0] for r in records]) / 1000
    np.testing.assert_allclose(samples.joints, truth, atol=1e-6)
    assert np.isnan(samples.keypoints).all()  # the true 2D joints are no input unless asked for


def test_detected_joints_are_taken_true_ones_on_request(tmp_path, records):
    detected = [r | {"joints_2d_cpn": r["joints_2d"] + 1.5} for r in records]
    dataset_files.write_h36m(tmp_path, detected)
    points = np.stack([r["joints_2d"] for r in records])
    np.testing.assert_allclose(read_h36m(tmp_path).keypoints, points + 1.5, atol=1e-4)
    truth = read_h36m(tmp_path, keypoints="joints_2d")
    np.testing.assert_allclose(truth.keypoints, points, atol=1e-4)
    assert np.isnan(read_h36m(tmp_path, keypoints="detector").keypoints).all()
    with pytest.raises(CaptureError, match="no 2D joints called 'joints_2d_hrnet'"):
        read_h36m(tmp_path, keypoints="joints_2d_hrnet")


@pytest.mark.parametrize("left_out", [("box",), ("center", "scale"), ("center", "scale", "box")])
def test_boxes_agree_however_they_are_given(tmp_path, samples, records, left_out):
    kept = [{k: v for k, v in r.items() if k not in left_out} for r in records]
    dataset_files.write_h36m(tmp_path, kept)
    np.testing.assert_allclose(read_h36m(tmp_path).boxes, samples.boxes, rtol=1e-5)


def test_frames_of_each_clip_are_thinned_out(samples):
    thin = samples.every(2)
    assert sorted(zip(thin.video.tolist(), thin.frame.tolist(), strict=True)) == [
        (video, frame)
        for video, count in enumerate((3, 2, 2, 4))
        for frame in range(1, count + 1, 2)
    ]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"joints_3d_camera": None}, "has no field 'joints_3d_camera', only image,"),
        ({"joints_3d_camera": np.zeros((16, 3))}, r"has shape \(16, 3\), not \(17, 3\)"),
        ({"image": "walking/0001.jpg"}, "is not called s_09_act_02"),
        ({"center": None, "box": None, "camera": None}, "neither center and scale, nor box"),
    ],
)
def test_what_is_missing_is_named(tmp_path, records, changed, sentence):
    second = {k: v for k, v in (records[1] | changed).items() if v is not None}
    dataset_files.write_h36m(tmp_path, [records[0], second])
    with pytest.raises(CaptureError, match=f"(?i)label 1 of.*{sentence}|{sentence}"):
        read_h36m(tmp_path)


def test_other_files_are_refused(tmp_path, records):
    with pytest.raises(CaptureError, match="does not exist"):
        read_h36m(tmp_path)
    path = dataset_files.write_h36m(tmp_path, {"images": records})
    with pytest.raises(CaptureError, match="holds a dict, not a list"):
        read_h36m(tmp_path)
    path.write_bytes(pickle.dumps(records)[:-300])
    with pytest.raises(CaptureError, match="no complete pickle"):
        read_h36m(tmp_path)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_runs_nothing(tmp_path, records):
    trace = tmp_path / "was here"
    dataset_files.write_h36m(tmp_path, [records[0] | {"source": Bomb(trace)}])
    with pytest.raises(CaptureError, match=r"would run \w+\.mkdir") as caught:
        read_h36m(tmp_path)
    assert caught.value.code == "unsafe_pickle"
    assert not trace.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_arrays_survive(tmp_path, protocol):
    content = [
        {"a": np.arange(6.0).reshape(2, 3).T, "b": np.float32(1.5), "c": (1, None, "ä", b"\xff")},
        {"d": np.array([{"x": np.ones(2)}], object), "e": {1, 2}, "f": np.array(["s_01", "s"])},
    ]
    path = tmp_path / "arrays.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    first, second = load_arrays(path)
    np.testing.assert_array_equal(first["a"], content[0]["a"])
    assert (first["b"], first["c"]) == (content[0]["b"], content[0]["c"])
    np.testing.assert_array_equal(second["d"][0]["x"], np.ones(2))
    assert second["e"] == {1, 2}
    assert second["f"].tolist() == ["s_01", "s"]


# --- views --------------------------------------------------------------------------------------


def dots(crop: torch.Tensor, channel: int) -> np.ndarray:
    """(2,) middle, in pixels, of what is brighter in one channel than in the others."""
    image = crop.double().numpy()
    others = np.delete(image, channel, axis=0).max(axis=0)
    weight = np.clip(image[channel] - others - 60, 0, None)
    rows, columns = np.indices(weight.shape)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def pixels(reference: torch.Tensor) -> np.ndarray:
    return (reference.numpy() + 1) * (96, 128)


@pytest.fixture(scope="module")
def views(folder, records) -> PersonViews:
    dataset_files.write_h36m(folder, records, "truth.pkl")
    return PersonViews(read_h36m(folder, "truth.pkl", keypoints="joints_2d"))


def test_coordinates_point_at_what_the_crop_shows(views, records):
    """Red dots are on the right knee and ankle."""
    for row in range(len(views)):
        view = views[row]
        assert view["crop"].shape == (3, 256, 192)
        np.testing.assert_allclose(
            dots(view["crop"], 0), pixels(view["reference"])[2:4].mean(axis=0), atol=0.6
        )
        width, height = dataset_files.WIDTH, dataset_files.HEIGHT
        x, y = records[row]["joints_2d"].T
        expected = np.stack((2 * x / width - 1, 2 * y / width - height / width), axis=1)
        np.testing.assert_allclose(view["keypoints"], expected, atol=1e-5)


def test_the_crop_shows_two_metres_around_the_pelvis(views, samples):
    for row in range(3):
        reference = pixels(views[row]["reference"])
        np.testing.assert_allclose(reference[0, 0], 96, atol=1e-3)
        np.testing.assert_allclose(reference[0, 1], 128 - 0.1 * 96 * 229 / 230, atol=1e-2)
        pelvis_depth = 2.0 * dataset_files.FOCAL[0] / samples.boxes[row, 2]
        assert 4.1 < pelvis_depth < 4.9


def test_mirrored_views(views):
    """Reversed columns, right and left exchanged, the same twice over as not at all."""
    view = views[0]
    turned = mirror(view)
    assert torch.equal(turned["crop"], view["crop"].flip(-1))
    x = pixels(view["reference"])[:, 0]
    assert pixels(turned["reference"])[4, 0] == pytest.approx(191 - x[1], abs=1e-4)
    np.testing.assert_allclose(
        dots(turned["crop"], 0), pixels(turned["reference"])[5:7].mean(axis=0), atol=0.6
    )
    assert turned["joints"][14, 0] == -view["joints"][11, 0]
    assert turned["joints"][14, 2] == view["joints"][11, 2]
    assert turned["keypoints"][3, 0] == -view["keypoints"][6, 0]
    for name, values in mirror(turned).items():
        torch.testing.assert_close(values, view[name], rtol=0, atol=1e-6)


def test_half_of_the_views_are_mirrored_the_same_ones_each_time(samples):
    views = PersonViews(samples, mirrored_share=0.5, seed=1)
    mirrored = []
    for epoch in range(20):
        views.set_epoch(epoch)
        mirrored.append([bool(views[row]["mirrored"]) for row in range(len(views))])
    assert 0.35 < np.mean(mirrored) < 0.65
    views.set_epoch(3)
    assert [bool(views[row]["mirrored"]) for row in range(len(views))] == mirrored[3]


def test_a_missing_image_is_named(samples, tmp_path):
    with pytest.raises(CaptureError, match=r"_ca_01_000001\.jpg is missing"):
        PersonViews(replace(samples, folder=tmp_path))[0]
    with pytest.raises(CaptureError, match=r"^The image .*_000001\.jpg is missing\. Check that"):
        list(batches(PersonViews(replace(samples, folder=tmp_path)), workers=1, batch_size=1))


# --- figures ------------------------------------------------------------------------------------


def test_figures_of_known_predictions(samples):
    """Each action is off by a shift of all joints but the pelvis that is known: 16/17 of it."""
    shift = {"Dir.": 0.017, "WalkT.": 0.034, "Photo": 0.051}
    predicted = torch.from_numpy(samples.joints).double()
    for row, group in enumerate(samples.group):
        predicted[row, 1:, 1] += shift[samples.group_names[group]]
    scores = Scores(samples)
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))
    for rows in order.split(4):
        scores.add(rows, predicted[rows] + 3.0)  # where the pelvis is does not matter
    table = scores.table(h36m_protocol())
    assert list(table["MPJPE"]) == [*ACTIONS.values(), "Avg"]
    assert table["MPJPE"]["Dir."] == pytest.approx(16.0, abs=1e-3)
    assert table["MPJPE"]["WalkT."] == pytest.approx(32.0, abs=1e-3)
    assert table["MPJPE"]["Photo"] == pytest.approx(48.0, abs=1e-3)
    assert table["MPJPE"]["Avg"] == pytest.approx(32.0, abs=1e-3)  # of actions, not of frames
    assert np.isnan(table["MPJPE"]["Smoke"])
    assert table["MPJVE"]["Avg"] == pytest.approx(0.0, abs=1e-3)
    assert 0 < table["P-MPJPE"]["Photo"] < 48
    head, *lines = as_text(table).splitlines()
    assert head.split() == [
        "Dir.", "Disc.", "Eat", "Greet", "Phone", "Photo", "Pose", "Purch.", "Sit", "SitD.",
        "Smoke", "Wait", "WalkD.", "Walk", "WalkT.", "Avg",
    ]  # fmt: skip
    assert lines[0].split() == ["MPJPE", "16.0", *"----", "48.0", *"--------", "32.0", "32.0"]


def test_velocities_are_between_successive_frames_of_one_clip(samples):
    """Wrong by 10 mm in every second frame: each step is wrong by 10 mm, no pair spans two clips,
    and none is left when every second frame is left out."""
    wrong = torch.from_numpy(samples.joints).double()
    wrong[torch.from_numpy(samples.frame % 2 == 0), 1:, 2] += 0.010
    scores = Scores(samples)
    scores.add(torch.arange(len(samples)), wrong)
    table = scores.table(h36m_protocol())
    for action in ("Dir.", "WalkT.", "Photo"):
        assert table["MPJVE"][action] == pytest.approx(10 * 16 / 17, abs=1e-3)
    thin = samples.every(2)
    scores = Scores(thin)
    scores.add(torch.arange(len(thin)), torch.from_numpy(thin.joints))
    assert np.isnan(scores.table(h36m_protocol())["MPJVE"]["Avg"])
