# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's folder: never mixed with the user's files, moved and deleted alone."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from run_job import finish
from small_setup import Small

from capf_blender.bridge import environment
from capf_blender.bridge.job import JobState
from capf_blender.bridge.setup_jobs import set_up_job
from capf_blender.core.errors import CaptureError


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Small:
    small = Small(tmp_path_factory.mktemp("made"))
    job = small.run()
    assert job.state is JobState.DONE, job.error
    return small


@pytest.fixture
def small(made, tmp_path) -> Small:
    """A set-up home of its own, with a take in it."""
    own = Small(tmp_path)
    shutil.copytree(made.home, own.home, symlinks=True)
    (own.home / "takes").mkdir()
    (own.home / "takes" / "take.npz").write_text("a take")
    return own


def test_set_up_keeps_out_of_a_users_folder(tmp_path):
    """Whose "downloads" and "models" are the user's."""
    home = tmp_path / "mine"
    (home / "downloads").mkdir(parents=True)
    (home / "letter.txt").write_text("dear reader")
    job = Small(tmp_path, home).run()
    assert job.error is not None
    assert job.error.code == "foreign_files"
    assert "letter.txt" in job.error.message
    with pytest.raises(CaptureError):
        set_up_job(home)
    assert sorted(os.listdir(home)) == ["downloads", "letter.txt"]


def test_delete_takes_what_set_up_made(small):
    job = small.run("--delete")
    assert job.state is JobState.DONE, job.error
    assert os.listdir(small.home) == ["takes"]
    assert (small.home / "takes" / "take.npz").read_text() == "a take"
    assert job.result is not None
    assert job.result["kept"] == str(small.home / "takes")
    assert environment.findings(small.home)[0].code == "worker_not_set_up"


def test_delete_leaves_no_empty_folder(small):
    shutil.rmtree(small.home / "takes")
    assert small.run("--delete").state is JobState.DONE
    assert not small.home.exists()


@pytest.mark.parametrize("what", [["--delete"], ["--move-to", "elsewhere"]])
def test_a_folder_with_the_users_files_stays_whole(small, what):
    (small.home / "letter.txt").write_text("dear reader")
    before = sorted(os.listdir(small.home))
    job = small.run(*[str(small.home.parent / w) if w == "elsewhere" else w for w in what])
    assert job.error is not None
    assert job.error.code == "foreign_files"
    assert "letter.txt" in job.error.message
    assert sorted(os.listdir(small.home)) == before
    assert not (small.home.parent / "elsewhere").exists()


def test_nothing_to_delete(tmp_path):
    (tmp_path / "models").mkdir()
    job = Small(tmp_path / "other", tmp_path).run("--delete")
    assert job.error is not None
    assert job.error.code == "worker_not_set_up"
    assert (tmp_path / "models").is_dir()


def works_in(home: Path, small: Small) -> None:
    """Its packages are found there, and a set-up there finds all steps done."""
    command = [str(environment.venv_python(home)), "-I", "-c", "import tiny_package as t;print(t)"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert str(home) in told
    before = (home / "venv" / "pyvenv.cfg").stat().st_mtime_ns
    small.home = home
    assert small.run().state is JobState.DONE
    assert (home / "venv" / "pyvenv.cfg").stat().st_mtime_ns == before


def test_move(small, tmp_path):
    old, new = small.home, tmp_path / "neuer Ordner für alles"
    job = small.run("--move-to", str(new))
    assert job.state is JobState.DONE, job.error
    assert os.listdir(old) == ["takes"]
    works_in(new, small)


def test_move_to_another_disk(small):
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(small.home).st_dev:
        pytest.skip("there is no other disk")
    old = small.home
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="capf ") as disk:
        job = small.run("--move-to", f"{disk}/new")
        assert job.state is JobState.DONE, job.error
        assert os.listdir(old) == ["takes"]
        works_in(Path(disk, "new"), small)


def test_a_cancelled_move_leaves_all_as_it_was(small):
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(small.home).st_dev:
        pytest.skip("there is no other disk")
    (small.home / "models").mkdir(exist_ok=True)
    for number in range(2000):
        (small.home / "models" / f"{number}").write_bytes(b"x" * 1000)
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="capf ") as disk:
        job = small.job("--move-to", f"{disk}/new")
        finish(job, until=lambda: job.stage == "Moving Worker")
        job.cancel()
        assert finish(job).state is JobState.CANCELLED
        assert not set(os.listdir(f"{disk}/new")) & {"venv", "models", "stamp.json"}
    works_in(small.home, small)


def test_an_interrupted_move_is_repeated(small, tmp_path):
    """Killed when one folder had moved and another was half copied."""
    new = tmp_path / "new"
    (new / "downloads").mkdir(parents=True)
    for folder in (small.home, new):
        (folder / "models").mkdir(exist_ok=True)
    (small.home / "models" / "whole").touch()
    (new / "models" / "half").touch()
    assert small.run("--move-to", str(new)).state is JobState.DONE
    assert (new / "downloads").is_dir()
    assert os.listdir(new / "models") == ["whole"]
    works_in(new, small)


@pytest.mark.parametrize("target", ["{home}", "{home}/inside", "{home}/.."])
def test_a_move_that_cannot_be(small, target):
    job = small.run("--move-to", os.path.normpath(target.format(home=small.home)))
    assert job.error is not None
    assert job.error.code == "bad_folder"
    assert environment.read_stamp(small.home) is not None
