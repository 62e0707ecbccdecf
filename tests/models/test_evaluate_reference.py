# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""run.py evaluate reference: figures known by hand on a walking body; a real clip end to end."""

import json
import math
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest
import torch
from av.video.stream import VideoStream
from scipy.spatial.transform import Rotation
from synthetic_motion import CAMERA, look_at, take_of, walking_joints

from capf_blender.core.camera import project
from capf_blender.core.errors import CaptureError
from capf_blender.core.settings import SolveSettings
from capf_blender.core.skeleton import JOINT
from capf_blender.core.solve import solve
from models import metrics
from models.evaluation import command_line
from models.evaluation.reference import LIMBS, from_mid_hip, read_reference
from models.evaluation.reference_scores import breakdown, pose_errors, reference_scores

TIMES = np.arange(40) / 30
WORLD_FROM_CAMERA = look_at((0.3, -4.0, 1.6), pitch=0.2, roll=0.1)
UP = WORLD_FROM_CAMERA[2, :3]  # in camera axes
LAYOUT = {
    name: "".join(part.capitalize() for part in name.split("_")) for name in (*LIMBS, "head_top")
}


@pytest.fixture(scope="module")
def walk() -> np.ndarray:
    """(40, 28, 3) metres, z up."""
    return walking_joints(TIMES)


@pytest.fixture
def arrays(walk) -> dict[str, np.ndarray]:
    """The contents of a reference file of the walk."""
    camera_from_world = np.linalg.inv(WORLD_FROM_CAMERA)[:3]
    seen = walk @ camera_from_world[:, :3].T + camera_from_world[:, 3]
    joints = seen[:, [JOINT[name] for name in LAYOUT]]
    return {
        "joints": joints.astype(np.float32),
        "names": np.array(list(LAYOUT.values())),
        "frames": np.arange(len(joints)),
        "uv": project(joints, CAMERA).astype(np.float32),
        "K": np.array([[CAMERA.focal_px, 0, 640], [0, CAMERA.focal_px, 480], [0, 0, 1]]),
        "camera_from_world": camera_from_world,
    }


@pytest.fixture
def written(arrays, tmp_path):
    """The file of the arrays, some of them others."""

    def write(**others):
        file = tmp_path / "reference.npz"
        kept = {name: value for name, value in (arrays | others).items() if value is not None}
        np.savez(file, **kept)
        return file

    return write


def test_a_perfect_capture_has_no_error(walk, written):
    take = take_of(walk, TIMES, WORLD_FROM_CAMERA)
    # feet that are planted leave what was seen, and are another test's matter
    motion = solve(take, SolveSettings(height_m=None, contact_mode="NEVER"))
    scores = reference_scores(take, motion, read_reference(written()))
    capture = scores["capture"]
    assert capture["frames found, %"] == 100
    for name in ("MPJPE", "P-MPJPE", "acceleration", "2D, per mille", "hip yaw, degrees"):
        assert capture[name] == pytest.approx(0, abs=1e-2), name
    assert set(scores["joints"]) == set(LIMBS)
    assert scores["solved"]["MPJPE"] < 15  # smoothed, made rigid, and turned back to the camera
    assert all(value < 1e-2 for value in scores["breakdown"].values())


def test_frames_without_the_person_are_left_out(walk, written):
    take = take_of(walk, TIMES, WORLD_FROM_CAMERA)
    motion = solve(take, SolveSettings(height_m=None))
    lost = take.joints.copy()
    lost[10:20] = np.nan
    reference = read_reference(written())
    capture = reference_scores(replace(take, joints=lost), motion, reference)["capture"]
    assert capture["frames found, %"] == 75
    assert capture["MPJPE"] == pytest.approx(0, abs=1e-2)
    assert math.isfinite(capture["acceleration"])
    nobody = replace(take, joints=np.full_like(lost, np.nan))
    with pytest.raises(CaptureError, match="found in no frame"):
        reference_scores(nobody, motion, reference)


def test_each_error_is_named(walk, written):
    """A pose that is turned, too large, too deep or seen elsewhere, and what is found of it."""
    reference = read_reference(written())
    truth = torch.from_numpy(from_mid_hip(reference.joints))
    up = torch.from_numpy(reference.up)
    np.testing.assert_allclose(reference.up, UP, atol=1e-6)
    turned = truth @ torch.from_numpy(Rotation.from_rotvec(0.2 * UP).as_matrix()).T
    rows = pose_errors(turned, truth, reference.frames, up)
    assert rows["P-MPJPE"] == pytest.approx(0, abs=1e-6)
    assert rows["hip yaw, degrees"] == pytest.approx(math.degrees(0.2), abs=1e-4)
    assert rows["shoulder yaw, bias"] == pytest.approx(math.degrees(0.2), abs=1e-4)
    parts = breakdown(turned, truth, up)
    assert parts["as it is"] == pytest.approx(rows["MPJPE"])
    assert parts["right yaw"] == pytest.approx(0, abs=1e-6)
    assert parts["right rotation"] == pytest.approx(0, abs=1e-6)
    assert parts["right size"] > 10

    large = breakdown(1.1 * truth, truth, up)
    assert large["as it is"] == pytest.approx(100 * truth.norm(dim=-1).mean().item())
    assert large["right size"] == pytest.approx(0, abs=1e-6)
    assert large["right rotation"] == pytest.approx(large["as it is"])

    deep = truth * torch.tensor([1.0, 1.0, 1.5])
    assert breakdown(deep, truth, up)["right depths"] == pytest.approx(0, abs=1e-9)
    wide = truth * torch.tensor([1.1, 0.9, 1.0])
    assert breakdown(wide, truth, up)["right place in image"] == pytest.approx(0, abs=1e-9)

    bent = truth.clone()  # only the right fore-arm points elsewhere
    bent[:, LIMBS.index("r_wrist")] += 0.1
    parts = breakdown(bent, truth, up)
    assert parts["right trunk"] == pytest.approx(parts["as it is"])
    forearm = [LIMBS.index("r_elbow"), LIMBS.index("r_wrist")]
    lengths = [pose[:, forearm].diff(dim=1).norm(dim=-1) for pose in (bent, truth)]
    too_long = 1000 * (lengths[0] - lengths[1]).abs().mean().item() / 12
    assert parts["right limb directions"] == pytest.approx(too_long)


def test_accelerations_need_successive_frames():
    truth = torch.zeros(5, 12, 3, dtype=torch.float64)
    moved = truth.clone()
    moved[2] += torch.tensor([0.0, 0.003, 0.004])  # 5 mm for one frame
    up = torch.tensor([0.0, -1.0, 0.0], dtype=torch.float64)
    jerk = metrics.acceleration_errors(moved, truth)
    torch.testing.assert_close(jerk, torch.tensor([0.005, 0.010, 0.005], dtype=torch.float64))
    rows = pose_errors(moved, truth, np.array([0, 1, 2, 3, 5]), up)
    assert rows["acceleration"] == pytest.approx(7.5)


def test_turns_have_a_sign():
    up = torch.tensor([0.0, 0.0, 1.0])
    truth = torch.tensor([[1.0, 0.0, 0.3], [0.0, 2.0, -1.0]])
    turned = torch.tensor([[0.0, 1.0, 5.0], [2.0, 0.0, 0.0]])
    angles = metrics.turns_about(turned, truth, up)
    torch.testing.assert_close(angles, torch.tensor([math.pi / 2, -math.pi / 2]))


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("has no array 'uv'", lambda a: {"uv": None}),
        (r"joints of shape \(40, 13, 2\) instead of", lambda a: {"joints": a["joints"][..., :2]}),
        (r"has K of shape \(4,\)", lambda a: {"K": np.ones(4)}),
        ("names no joint 'LKnee'", lambda a: {"names": np.char.replace(a["names"], "LK", "K")}),
        ("not all numbers", lambda a: {"joints": a["joints"] * np.nan}),
        ("do not increase", lambda a: {"frames": a["frames"][::-1]}),
    ],
)
def test_bad_references_are_refused_in_one_sentence(written, arrays, words, change):
    with pytest.raises(CaptureError, match=words):
        read_reference(written(**change(arrays)))


def test_files_that_are_no_references(tmp_path):
    with pytest.raises(CaptureError, match="does not exist"):
        read_reference(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(CaptureError, match="damaged or no"):
        read_reference(tmp_path / "text.npz")


def test_a_video_that_is_too_short(walk, written):
    take = take_of(walk[:30], TIMES[:30], WORLD_FROM_CAMERA)
    motion = solve(take, SolveSettings(height_m=None))
    with pytest.raises(CaptureError, match="names frame 39, but the video has only 30 frames"):
        reference_scores(take, motion, read_reference(written()))


@pytest.fixture(scope="module")
def turned_clip(shared, tmp_path_factory):
    """Eight frames of balance_cam01 at half its size, stored lying on their side as phones do, and
    their reference."""
    folder = tmp_path_factory.mktemp("turned")
    with np.load(shared / "footage" / "balance_cam01.npz") as stored:
        reference = {name: stored[name] for name in stored.files}
    for name in ("joints", "frames", "uv", "contact"):
        reference[name] = reference[name][:8]
    reference["uv"] /= 2
    reference["K"][:2] /= 2
    np.savez(folder / "clip.npz", **reference)
    clip = cv2.VideoCapture(str(shared / "footage" / "balance_cam01.mp4"))
    with av.open(str(folder / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=60)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
        stream.options = {"crf": "12"}
        stream.set_display_rotation(-90, False, False)
        container.start_encoding()
        for _ in range(8):
            image = cv2.resize(clip.read()[1], (540, 960), interpolation=cv2.INTER_AREA)
            image = np.ascontiguousarray(np.rot90(image), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode(None))
    return folder / "clip.mp4", folder / "clip.npz"


def test_a_phones_clip_end_to_end(turned_clip, weights, tmp_path, capsys):
    """The first eight frames have an MPJPE of 95 mm at their full size."""
    report = tmp_path / "report.json"
    options = ["reference", *map(str, turned_clip), "--models", str(weights), "--device", "cpu"]
    assert command_line.main([*options, "--model", "blazepose_world", "--json", str(report)]) == 0
    printed = capsys.readouterr().out
    assert "P-MPJPE" in printed and "l_wrist" in printed
    capture = json.loads(report.read_text())["scores"]["capture"]
    assert capture["focal length, px"]["assumed focal"] == 960
    assert capture["focal length, px"]["true focal"] == pytest.approx(840.6, abs=0.1)
    assert 60 < capture["MPJPE"]["true focal"] < 125
    assert capture["2D, per mille"]["true focal"] < 40
    assert capture["frames found, %"]["true focal"] == 100
