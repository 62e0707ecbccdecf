# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second strip is ordered with the mouse while the first is captured."""

import pytest
from blender_window import play


@pytest.fixture(scope="module")
def run(desk, tmp_path_factory) -> dict:
    return play(desk, "queue", tmp_path_factory.mktemp("home"))


def test_the_second_waits_and_both_are_captured(run):
    assert run["clicked"] == ["Capture 3D Pose"] * 2
    assert run["waiting"] == ["Second"]
    assert len(run["ended"]) == 1 and "captured in" in run["ended"][0]
    assert run["outcome"] == "done"


def test_the_panel_is_of_the_last(run):
    assert run["strip"] == "Second"
    assert len(run["people"]) == 1


def test_blender_complains_about_nothing(run):
    assert not [line for line in run["log"] if line.startswith("Traceback")]
