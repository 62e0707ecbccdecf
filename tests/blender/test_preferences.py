# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's folder from the preferences: checked, moved and deleted by real processes."""

import time

import pytest

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender


@pytest.fixture
def wanted(scene, addon, tmp_path):
    """The preferences, with a folder of this test."""
    wanted = bpy.context.preferences.addons[addon.PACKAGE].preferences
    wanted.home = str(tmp_path / "Wörker mit Leerzeichen")
    yield wanted
    wanted.home = ""


@pytest.fixture
def home(addon, wanted):
    """What an interrupted set-up leaves, with a take."""
    home = addon.module("bridge.environment").home_folder(wanted.home)
    for name in ("venv", "models", "takes"):
        (home / name).mkdir(parents=True)
    (home / "takes" / "take.npz").write_text("a take")
    environment = addon.module("bridge.environment")
    environment.write_stamp(home, environment.Stamp())
    return home


def finish(addon) -> str:
    session = addon.module("blender.session")
    end = time.monotonic() + 60
    while session.is_running():
        assert time.monotonic() < end
        session.pump()
        time.sleep(0.02)
    return session.current.message


def test_check_before_set_up(addon, wanted):
    assert bpy.ops.capf.check() == {"FINISHED"}
    assert "problem" in finish(addon)
    home = addon.module("bridge.environment").home_folder(wanted.home)
    report = addon.module("preferences").reports[home]
    lines = {finding.what: finding for finding in report.findings}
    assert lines["Folder"].ok
    assert not lines["Set-Up"].ok
    assert "Set Up" in lines["Set-Up"].hint
    assert not home.exists()


def test_nothing_to_move_or_delete(wanted):
    assert not bpy.ops.capf.delete_worker.poll()
    assert not bpy.ops.capf.move_worker.poll()


def test_delete(addon, home):
    assert bpy.ops.capf.delete_worker() == {"FINISHED"}
    assert not bpy.ops.capf.check.poll()  # one thing at a time
    message = finish(addon)
    assert str(home / "takes") in message
    assert [entry.name for entry in home.iterdir()] == ["takes"]


def test_move_changes_the_folder(addon, wanted, home, tmp_path):
    target = tmp_path / "anderswo"
    assert bpy.ops.capf.move_worker(folder=str(target)) == {"FINISHED"}
    assert str(target) in finish(addon)
    assert wanted.home == str(target)
    assert (target / "models").is_dir()
    assert [entry.name for entry in home.iterdir()] == ["takes"]


def test_a_move_without_a_folder(home):
    with pytest.raises(RuntimeError, match="No new folder"):
        bpy.ops.capf.move_worker()
    assert (home / "models").is_dir()


def test_set_up_keeps_out_of_a_users_folder(addon, wanted, tmp_path):
    wanted.home = str(tmp_path)
    wanted.offline_folder = str(tmp_path)
    (tmp_path / "letter.txt").write_text("dear reader")
    with pytest.raises(RuntimeError, match=r"letter\.txt"):
        bpy.ops.capf.set_up()
    wanted.offline_folder = ""
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]
