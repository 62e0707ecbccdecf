# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real clip with a 3D reference, brought into Human3.6M's layout: run.py evaluate end to end."""

import json

import cv2
import numpy as np
import pytest
from dataset_files import write_h36m

from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT_NAMES
from models.evaluation import command_line

STEP = 12  # of the clip's 100 frames


@pytest.fixture(scope="module")
def balance(shared, tmp_path_factory):
    """Every twelfth frame of balance_cam01 as S9's "Phoning"."""
    folder = tmp_path_factory.mktemp("balance")
    reference = np.load(shared / "footage" / "balance_cam01.npz")
    names = [str(name) for name in reference["names"]]
    video = cv2.VideoCapture(str(shared / "footage" / "balance_cam01.mp4"))
    (fx, _, cx), (_, fy, cy), _ = reference["K"]
    camera = {"fx": fx, "fy": fy, "cx": cx, "cy": cy}
    records = []
    for number, seen in enumerate(reference["joints"], start=1):
        _, frame = video.read()
        if (number - 1) % STEP:
            continue
        place = {name: seen[row] for row, name in enumerate(names)}
        place |= {"thorax": place["Neck"], "pelvis": place["Pelvis"], "neck": place["UpperNeck"]}
        place |= {"head_top": place["HeadTop"]}
        place |= {"spine": (place["Pelvis"] + place["Neck"]) / 2}
        joints = [place.get(name, place.get(_theirs(name))) for name in JOINT_NAMES[:17]]
        clip = "s_09_act_06_subact_01_ca_01"
        image = f"{clip}/{clip}_{number:06d}.jpg"
        (folder / "images" / clip).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / image), frame)
        records.append(
            {"image": image, "joints_3d_camera": 1000 * np.array(joints), "camera": camera}
        )
    write_h36m(folder, records)
    return folder


def _theirs(name: str) -> str:
    """ "l_knee" -> "LKnee"."""
    return "".join(part.capitalize() for part in name.split("_"))


def test_blazepose_is_as_exact_as_its_official_solution(balance, weights, tmp_path, capsys):
    """Whose error on all frames is 113.5 mm, 83.3 mm aligned, for twelve joints of the limbs."""
    report = tmp_path / "report.json"
    options = [
        "h36m",
        "--data",
        str(balance),
        "--model",
        "blazepose_world",
        "--models",
        str(weights),
    ]
    options += ["--device", "cpu", "--workers", "0", "--batch", "4", "--json", str(report)]
    assert command_line.main(options) == 0
    assert "Phone" in capsys.readouterr().out
    scores = json.loads(report.read_text())["scores"]
    assert scores["P-MPJPE"]["Phone"] < 85
    assert scores["MPJPE"]["Avg"] < 115
    with pytest.raises(CaptureError, match="blazepose_world has no flip test"):
        command_line.main([*options, "--flip-test"])
