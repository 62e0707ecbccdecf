# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new user's first capture, clicked with the mouse: once plain, once with a German desktop whose
user folder has spaces and letters beyond ASCII."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from blender_window import SCREEN, play

CLIP_FRAMES = 112
GERMAN = {"LANG": "de_DE.UTF-8", "CAPF_LANGUAGE": "de_DE"}


@pytest.fixture(scope="module", params=["capture", "german"])
def run(request, desk, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("home")
    if request.param == "capture":
        return play(desk, "capture", folder) | {"language": "en"}
    home = folder / "Jürgen Groß"
    home.mkdir()
    video = home / "Übung im Gehen.mp4"
    shutil.copyfile(desk.video, video)
    facts = play(replace(desk, video=video), "capture", home, GERMAN, name="german")
    return facts | {"language": "de"}


def test_blender_speaks_the_language_asked_for(run):
    assert run["locale"].startswith(run["language"])


def test_the_buttons_were_clicked(run):
    assert run["clicked"] == ["Set Up", "Check", "Capture 3D Pose", "Apply to Armature"]


def test_set_up_finds_the_worker_ready(run):
    assert run["set_up"]["outcome"] == "done"
    assert run["set_up"]["message"].startswith("The worker is ready")


def test_progress_moves_and_blender_answers(run):
    capture = run["capture"]
    assert capture["outcome"] == "done", capture["message"]
    assert len(capture["progress"]) >= 3
    assert len({fraction for _stage, fraction in capture["progress"]}) >= 3
    assert run["blocked_gap_s"] > 0.5, "the meter sees a main loop that waits"
    assert capture["longest_gap_s"] < 0.5
    # once, before, Blender itself waits (no Python runs): 0.9 s where OpenGL is software, which
    # compiles what it draws for the first time; the newest frame's picture appears then
    assert capture["first_gap_s"] < 1.5
    assert run["stepped_while_running"] == 1


def test_the_rig_is_keyed_on_every_frame(run):
    rig = run["rig"]
    assert rig["turned_bones"] > 15
    assert rig["fewest_keys"] == CLIP_FRAMES


def test_every_picture_shows_the_panels(run, desk):
    import cv2  # the worker's

    assert len(run["shots"]) >= 8
    for name, (left, top, width, height) in run["shots"].items():
        file = Path(desk.out / name)
        image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert image is not None, name
        assert image.shape[::-1] == SCREEN
        assert np.mean(image > 20) > 0.5, f"{name} is black"
        panels = image[top : top + height, left : left + width]
        assert panels.size > 20000, f"{name}: the region is {width} x {height}"
        assert np.mean(panels > 150) > 0.002, f"{name}: no text where the panels are"
        assert len(np.unique(panels)) > 20


def test_blender_complains_about_nothing_of_ours(run):
    ours = [line for line in run["log"] if "capf" in line.lower() and "error" in line.lower()]
    assert not ours
    assert not [line for line in run["log"] if line.startswith("Traceback")]
