# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MPI-INF-3DHP's test layout: what is read of it, and the figures of predictions that are known."""

import sys

import dataset_files
import h5py
import numpy as np
import pytest
import torch

from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT
from models.datasets.mpi_inf_3dhp import H36M_ORDER, PCK_JOINTS, fit_camera, read_3dhp
from models.datasets.person_views import PersonViews
from models.evaluation.scores import Scores, as_text, mpi_inf_3dhp_protocol

FRAMES = {"TS1": [True, False, True, True], "TS5": [False, True]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder and the joints (F, 17, 3) of each sequence."""
    folder = tmp_path_factory.mktemp("3dhp")
    return folder, dataset_files.write_3dhp(folder / "mpi_inf_3dhp_test_set", FRAMES)


def test_valid_frames_in_human36m_order(made):
    folder, joints = made
    samples = read_3dhp(folder)
    assert [f"{name}" for name in samples.images] == [
        "TS1/imageSequence/img_000001.jpg",
        "TS1/imageSequence/img_000003.jpg",
        "TS1/imageSequence/img_000004.jpg",
        "TS5/imageSequence/img_000002.jpg",
    ]
    truth = np.concatenate([joints["TS1"][[0, 2, 3]], joints["TS5"][[1]]])
    np.testing.assert_allclose(samples.joints, 1.1 * (truth - truth[:, :1]), atol=1e-6)
    assert np.isnan(samples.keypoints).all()
    np.testing.assert_allclose(
        read_3dhp(folder, "annot2").keypoints, dataset_files.project(truth), rtol=1e-5
    )


def test_order_of_joints():
    """Against the data set's documented order, joint by joint."""
    theirs = [
        "head_top", "thorax", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow",
        "l_wrist", "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle", "pelvis", "spine",
        "neck",
    ]  # fmt: skip
    assert [JOINT[theirs[place]] for place in H36M_ORDER] == list(range(17))
    left_out = {"pelvis", "spine", "neck"}
    assert set(PCK_JOINTS) == set(range(17)) - {JOINT[name] for name in left_out}


def test_the_camera_is_found_from_the_labels(made):
    """Boxes are 2 m wide at the true pelvis, with a focal length that no file tells."""
    folder, joints = made
    focal, middle = fit_camera(joints["TS1"], dataset_files.project(joints["TS1"]))
    np.testing.assert_allclose(focal, dataset_files.FOCAL, rtol=1e-9)
    np.testing.assert_allclose(middle, dataset_files.MIDDLE, rtol=1e-9)
    samples = read_3dhp(folder, "annot2")
    pelvis = joints["TS1"][[0, 2, 3], 0]
    np.testing.assert_allclose(samples.boxes[:3, 2], 2 * focal[0] / pelvis[:, 2], rtol=1e-5)
    view = PersonViews(samples)[1]
    assert view["reference"][0, 0].abs() < 1e-4
    assert view["crop"].shape == (3, 256, 192)


def test_figures_of_known_predictions(made):
    """Hands and feet 60 mm off in TS1, 200 mm in TS5; the three frames of TS1 count three times."""
    samples = read_3dhp(made[0])
    ends = [JOINT[name] for name in ("l_wrist", "r_wrist", "l_ankle", "r_ankle")]
    predicted = torch.from_numpy(samples.joints).double()
    off = torch.where(torch.from_numpy(samples.group) == 0, 0.0601, 0.2)
    for joint in ends:
        predicted[:, joint, 0] += off
    scores = Scores(samples)
    scores.add(torch.arange(4), predicted)
    table = scores.table(mpi_inf_3dhp_protocol(PCK_JOINTS))
    assert table["PCK"]["TS1"] == 100.0
    assert table["PCK"]["TS5"] == pytest.approx(100 * 10 / 14)
    assert table["PCK"]["All"] == pytest.approx((3 * 100 + 100 * 10 / 14) / 4)
    # 10 joints are exact: below 30 of 31 thresholds; 60.1 mm is below 65, 70, .. 150
    assert table["AUC"]["TS1"] == pytest.approx(100 * (10 * 30 + 4 * 18) / 14 / 31)
    assert table["AUC"]["TS5"] == pytest.approx(100 * 10 * 30 / 14 / 31)
    assert table["MPJPE"]["TS5"] == pytest.approx(200 * 4 / 17, abs=1e-3)
    assert np.isnan(table["PCK"]["TS3"])
    head, first, second, *_, last = as_text(table, turned=True).splitlines()
    assert head.split() == ["PCK", "AUC", "MPJPE", "P-MPJPE"]
    assert first.split()[:2] == ["TS1", "100.0"]
    assert second.split() == ["TS2", "-", "-", "-", "-"]
    assert last.split()[:2] == ["All", "92.9"]


def test_what_is_missing_is_named(made, tmp_path, monkeypatch):
    with pytest.raises(CaptureError, match=r"no TS1/annot_data\.mat to TS6"):
        read_3dhp(tmp_path)
    with pytest.raises(CaptureError, match="no 2D joints called 'joints_2d'"):
        read_3dhp(made[0], "joints_2d")
    dataset_files.write_3dhp(tmp_path, {"TS2": [True]})
    path = tmp_path / "TS2" / "annot_data.mat"
    with h5py.File(path, "r+") as file:
        del file["univ_annot3"]
    with pytest.raises(CaptureError, match="no variable 'univ_annot3', only activity_annotation,"):
        read_3dhp(tmp_path)
    with h5py.File(path, "r+") as file:
        file["univ_annot3"] = np.zeros((1, 1, 28, 3))
    with pytest.raises(CaptureError, match=r"shape \(1, 1, 28, 3\), expected \(1, 1, 17, 3\)"):
        read_3dhp(tmp_path)
    path.write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(CaptureError, match=r"no MATLAB 7\.3 file"):
        read_3dhp(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(CaptureError, match="pip install h5py") as caught:
        read_3dhp(tmp_path)
    assert caught.value.code == "h5py_missing"
