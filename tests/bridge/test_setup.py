# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real set-up with real pip, on packages and model files small enough for a test."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_job import finish
from small_setup import Small, make_wheel

from capf_blender.bridge import environment
from capf_blender.bridge.job import JobState

MODEL = b"the weights of a model"


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Small:
    """A finished set-up, in a folder with spaces and letters beyond ASCII."""
    small = Small(tmp_path_factory.mktemp("setup"))
    job = small.run()
    assert job.state is JobState.DONE, job.error
    return small


@contextlib.contextmanager
def model_list(small: Small, **changes: str) -> Iterator[dict]:
    """One model file, within a wheel, in the set-up's list."""
    make_wheel(small.wheels, "tiny_models", {"tiny_models/data/net.tflite": MODEL})
    entry = {
        "name": "net.tflite", "wheel": "tiny_models==1.0", "wheel_platform": "any",
        "wheel_python": "3.11", "member": "tiny_models/data/net.tflite",
        "sha256": hashlib.sha256(MODEL).hexdigest(), "bytes": len(MODEL),
        "licence": "Apache-2.0", "output": "net.safetensors",
    }  # fmt: skip
    small.model_files.write_text(json.dumps([entry | changes]))
    try:
        yield entry
    finally:
        small.model_files.write_text("[]")


def test_the_stamp_says_complete(done):
    stamp = environment.read_stamp(done.home)
    assert stamp is not None
    assert stamp.complete
    assert not stamp.installing
    assert stamp.requirements == environment.hash_files(
        done.requirements, done.hrnet_requirements, done.model_files
    )
    assert len(done.installed) == 1
    assert not (done.home / "tmp").exists()


def test_a_finished_step_is_not_repeated(done):
    before = done.installed[0].stat().st_mtime_ns
    config = (done.home / "venv" / "pyvenv.cfg").stat().st_mtime_ns
    job = done.run()
    assert job.state is JobState.DONE
    assert done.installed[0].stat().st_mtime_ns == before
    assert (done.home / "venv" / "pyvenv.cfg").stat().st_mtime_ns == config


def test_an_older_add_ons_environment_is_only_completed(done):
    make_wheel(done.wheels, "second_package")
    done.requirements.write_text("tiny_package==1.0\nsecond_package==1.0\n")
    config = (done.home / "venv" / "pyvenv.cfg").stat().st_mtime_ns
    job = done.run()
    assert job.state is JobState.DONE, job.error
    assert list(done.home.glob("venv/[lL]ib/**/site-packages/second_package.py"))
    assert (done.home / "venv" / "pyvenv.cfg").stat().st_mtime_ns == config


def test_without_wheels_for_the_hrnet_models_all_else_works(done):
    """They are left out with one sentence, and the next set-up installs them."""
    before = done.hrnet_requirements.read_text()
    done.hrnet_requirements.write_text("tiny_hrnet==2.0\n")
    job = done.run()
    assert job.state is JobState.DONE, job.error
    assert job.result is not None
    assert len(job.result["left_out"]) == 1
    assert "tiny_hrnet==2.0" in job.result["left_out"][0]
    stamp = environment.read_stamp(done.home)
    assert stamp is not None
    assert stamp.complete
    assert not stamp.installing
    done.hrnet_requirements.write_text(before)
    job = done.run()
    assert job.result is not None
    assert job.result["left_out"] == []
    assert list(done.home.glob("venv/[lL]ib/**/site-packages/tiny_hrnet.py"))


def test_a_package_that_is_not_there(done):
    before = done.requirements.read_text()
    done.requirements.write_text("tiny_package==2.0\n")
    job = done.run()
    done.requirements.write_text(before)
    assert job.error is not None
    assert job.error.code == "package_not_found"
    assert "tiny_package==2.0" in job.error.message


def test_offline(done, monkeypatch):
    """An index that refuses the connection, as without any network."""
    before = done.requirements.read_text()
    done.requirements.write_text("package-from-the-network==1.0\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    job = finish(done.job(offline=False))
    done.requirements.write_text(before)
    assert job.error is not None
    assert job.error.code == "offline"
    assert str(job.error).count(".") == 2


def test_a_model_file_with_another_checksum(done):
    with model_list(done, sha256="0" * 64):
        job = done.run()
    assert job.error is not None
    assert job.error.code == "checksum_mismatch"
    assert "net.tflite" in job.error.message
    assert not (done.home / "downloads" / "net.tflite").exists()
    assert environment.findings(done.home)[0].code == "worker_incomplete"


def test_a_model_file_out_of_its_wheel(done):
    with model_list(done) as entry:
        job = done.run()
    # taken and checked; the bytes are no network, which only the converter can find out
    assert job.error is not None
    assert job.error.code == "worker_incomplete"
    assert (done.home / "downloads" / entry["name"]).read_bytes() == MODEL


def test_a_model_file_from_the_offline_folder(done):
    (done.home / "downloads" / "net.tflite").unlink(missing_ok=True)
    (done.wheels / "net.tflite").write_bytes(MODEL)
    with model_list(done, wheel="not_there==1.0"):
        assert done.run().error is not None
    assert (done.home / "downloads" / "net.tflite").read_bytes() == MODEL


def test_two_at_once(done):
    from capf_blender.bridge.lock import folder_lock

    with folder_lock(done.home, "set-up"):
        job = done.run()
    assert job.error is not None
    assert job.error.code == "busy"
    assert str(os.getpid()) in job.error.message


def test_no_such_python(tmp_path):
    job = finish(Small(tmp_path).job("--python", str(tmp_path / "python")))
    assert job.error is not None
    assert job.error.code == "no_python"


def test_a_home_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    job = Small(tmp_path, tmp_path / "file" / "home").job()
    assert finish(job).error is not None
    assert job.error is not None
    assert job.error.code == "not_writable"


def wait_for(path: Path, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_killed_half_way_then_again(tmp_path):
    small = Small(tmp_path)
    job = small.job()
    wait_for(small.home / "venv" / "pyvenv.cfg")
    os.kill(job.pid, signal.SIGKILL)
    finish(job)
    assert job.error is not None
    assert job.error.code == "worker_died"
    assert environment.findings(small.home)[0].code == "worker_incomplete"

    job = small.job()  # and once more, while pip is at work
    wait_for(small.home / "tmp")
    os.kill(job.pid, signal.SIGKILL)
    finish(job)
    stamp = environment.read_stamp(small.home)
    assert stamp is not None
    assert stamp.installing
    assert "packages" not in stamp.finished

    assert small.run().state is JobState.DONE
    assert len(small.installed) == 1


@pytest.mark.parametrize("how", ["line", "end of stdin", "job"])
def test_cancel(tmp_path, how):
    small = Small(tmp_path)
    if how == "job":
        job = small.job()
        wait_for(small.home / "venv")
        job.cancel()
        assert finish(job, 10).state is JobState.CANCELLED
    else:
        process = subprocess.Popen(small.arguments(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin
        wait_for(small.home / "venv")
        if how == "line":
            process.stdin.write(b"cancel\n")
            process.stdin.flush()
            output = process.stdout.read() if process.stdout else b""
        else:
            output, _ = process.communicate(timeout=20)
        assert process.wait(20) == 130
        assert json.loads(output.splitlines()[-1]) == {"type": "cancelled"}
    assert environment.findings(small.home)[0].code == "worker_incomplete"


def test_a_full_disk(tmp_path):
    """On a real file system that is too small."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small tmpfs takes root")
    try:
        job = Small(tmp_path, disk / "home").run()
        assert job.error is not None
        assert job.error.code == "disk_full"
        assert str(disk) in job.error.message
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_the_command_line_in_sentences(done):
    check = subprocess.run(
        done.arguments("--check", "--text"), capture_output=True, text=True, check=False
    )
    assert check.returncode == 1  # that home has no models of this add-on
    lines = check.stdout.strip().splitlines()
    assert len([line for line in lines if line.startswith("PROBLEM Set-Up:")]) == 1
    assert len([line for line in lines if line.startswith("ok      Packages:")]) == 1
    assert not check.stderr
    done_again = subprocess.run(
        done.arguments("--text"),
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Testing Worker" not in done_again.stdout  # not wanted here
    assert "Making Environment" in done_again.stdout
