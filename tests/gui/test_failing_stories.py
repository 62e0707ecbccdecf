# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story that fails says where and with which picture, and leaves nothing running."""

import time
from pathlib import Path

import pytest
from blender_window import play, run_bounded
from gui_root import SANDBOX


def running_with(mark: str) -> list[str]:
    """Command lines of this machine's processes that hold `mark`."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if mark in words:
            found.append(words)
    return found


def test_a_missing_button_fails_the_story(desk, tmp_path):
    with pytest.raises(AssertionError) as caught:
        play(desk, "missing_button", tmp_path)
    assert "there is no button 'No Such Button'" in str(caught.value)
    assert "'Apply to Armature'" in str(caught.value), "it names the buttons that are there"
    assert (desk.out / "missing_button-failure.png").stat().st_size > 20000
    assert not running_with(str(tmp_path))


def test_nothing_outlives_its_time(desk, tmp_path):
    mark = str(97000 + time.time_ns() % 1000)  # seconds, and a name to know it by
    command = [*SANDBOX, "--bind", str(desk.root), "/", "--dev", "/dev", "--proc", "/proc"]
    command += ["setsid", "sh", "-c", f"sleep {mark} & sleep {mark}"]
    with (tmp_path / "log").open("wb") as log:
        assert run_bounded(command, log, 3.0) == "no answer for 3 s"
    end = time.monotonic() + 20.0
    while (left := running_with(f"sleep {mark}")) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left
