# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real worker process: its messages, and its end in every way it can end."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from run_job import finish

from capf_blender.bridge import environment
from capf_blender.bridge.job import JobState, capture_job
from capf_blender.bridge.messages import PROTOCOL
from capf_blender.bridge.process import ChildProcess
from capf_blender.core.take import Take, load_take


def wait(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return sys.platform != "linux"


def test_killed_in_the_middle_then_again(walk, worker_home, unbroken):
    request = walk()
    frames = Path(request.job_folder) / "frames"
    job = capture_job(worker_home, request)
    finish(job, until=lambda: len(list(frames.glob("*.npz"))) >= 2)
    os.kill(job.pid, signal.SIGKILL)
    finish(job)
    assert job.error is not None
    assert job.error.code == "worker_died"
    assert "SIGKILL" in str(job.error)
    assert len(list(frames.glob("*.npz"))) >= 2

    job = finish(capture_job(worker_home, request))
    assert job.state is JobState.DONE, job.error
    assert job.result is not None
    assert job.worker["models"] == ["blazepose", "blazepose_world"]
    assert job.worker["devices"][-1]["name"] == "cpu"
    take, expected = load_take(job.result["take"]), load_take(unbroken["take"])
    for field in dataclasses.fields(Take):
        np.testing.assert_array_equal(getattr(take, field.name), getattr(expected, field.name))


def test_cancel_and_what_is_left(walk, worker_home):
    request = walk(start_s=0.0, end_s=None)
    job = capture_job(worker_home, request)
    finish(job, until=lambda: job.stage == "Capturing" and job.done >= 8)
    assert job.fps is not None
    assert job.eta_s is not None
    assert 0 < job.fraction < 1
    job.cancel()
    assert finish(job, 10).state is JobState.CANCELLED
    assert list((Path(request.job_folder) / "frames").glob("*.npz"))
    wait(lambda: not is_alive(job.pid))


def test_errors_are_events(walk, worker_home, tmp_path):
    """One worker answers each of several bad requests, and ends when told so."""
    worker = ChildProcess(environment.worker_command(worker_home), tmp_path / "worker.log")
    answers: list[dict] = []

    def answer() -> dict:
        answers.clear()
        wait(
            lambda: answers.extend(e for e in worker.poll() if e["type"] != "heartbeat") or answers
        )
        events = [event for event in answers if event["type"] != "progress"]
        return events[0] if events else answer()

    worker.send({"type": "hello", "protocol": PROTOCOL})
    assert answer()["type"] == "ready"
    good = dataclasses.asdict(walk())
    for change, code in (
        ({"source": str(tmp_path / "missing.mp4")}, "missing_file"),
        ({"end_s": 0.5}, "empty_range"),
        ({"colour": "red"}, "bad_request"),
        ({"device": "abacus"}, "bad_device"),
        ({"image_fps": "fast"}, "missing_file"),
        ({"start_s": "now"}, "bad_request"),
    ):
        request = good | change
        if change == {"image_fps": "fast"}:
            request["source"] = str(tmp_path / "missing")
        worker.send({"type": "capture", "request": request})
        event = answer()
        assert (event["type"], event["code"]) == ("error", code), event
        assert event["message"].endswith(".")
    worker.send({"type": "sing"})
    assert answer()["code"] == "bad_request"
    worker.send({"type": "shutdown"})
    wait(lambda: worker.returncode is not None)
    assert worker.returncode == 0
    worker.close()


def test_another_protocol(worker_home, tmp_path):
    worker = ChildProcess(environment.worker_command(worker_home), tmp_path / "worker.log")
    worker.send({"type": "hello", "protocol": PROTOCOL + 1})
    events: list[dict] = []
    wait(lambda: events.extend(worker.poll()) or any(e["type"] != "heartbeat" for e in events))
    worker.close()
    error = next(event for event in events if event["type"] != "heartbeat")
    assert error["code"] == "protocol_mismatch"
    assert str(PROTOCOL + 1) in error["message"]


def test_the_end_of_stdin_ends_it_in_mid_capture(walk, worker_home, tmp_path):
    worker = ChildProcess(environment.worker_command(worker_home), tmp_path / "worker.log")
    worker.send({"type": "hello", "protocol": PROTOCOL})
    worker.send({"type": "capture", "request": dataclasses.asdict(walk(end_s=None))})
    events: list[dict] = []
    wait(lambda: events.extend(worker.poll()) or any(e["type"] == "partial" for e in events))
    worker.close_stdin()
    started = time.monotonic()
    wait(lambda: worker.returncode is not None)
    assert time.monotonic() - started < 2.0
    worker.close()


PARENT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from capf_blender.bridge.process import ChildProcess
from capf_blender.bridge import environment
child = ChildProcess(environment.worker_command(Path(sys.argv[2])), Path(sys.argv[3]))
child.send({"type": "hello", "protocol": int(sys.argv[4])})
while not any(event["type"] == "ready" for event in child.poll()):
    time.sleep(0.02)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_the_worker_dies_with_its_parent(repo, worker_home, tmp_path):
    arguments = [sys.executable, "-c", PARENT, repo, worker_home, tmp_path / "log", PROTOCOL]
    parent = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    wait(lambda: not is_alive(pid), 5.0)


NOISE = """
import ctypes, os, sys
sys.path.insert(0, sys.argv[1])
from capf_blender.worker.events import EventStream, take_over_stdout
events = EventStream(take_over_stdout())
print("a library says hello")
os.write(1, b"so does C\\n")
os.system("echo and a child")
events.emit({"type": "result"})
events.drain()
"""


def test_a_librarys_print_does_not_reach_the_events(repo):
    command = [sys.executable, "-c", NOISE, str(repo)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == b'{"type":"result"}\n'
    assert b"so does C" in done.stderr
    assert b"and a child" in done.stderr


def command_line(worker_home, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = environment.worker_command(worker_home, "capture", *map(str, arguments))
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line(walk, worker_home, demo_video, tmp_path):
    options = ("--out", tmp_path / "take", "--start", 2, "--end", 2.2, "--focal", 1500)
    done = command_line(worker_home, demo_video, *options)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "take" / "take.npz") in done.stdout
    assert load_take(tmp_path / "take").focal_px == 1500
    wrong = command_line(worker_home, demo_video, *options, "--person", 9)
    assert wrong.returncode == 1
    assert wrong.stderr.strip().splitlines()[-1].startswith("There is no person 9, only ")


def test_the_command_line_says_one_sentence(worker_home, tmp_path):
    done = command_line(worker_home, tmp_path / "missing.mp4", "--out", tmp_path / "take")
    assert done.returncode == 1
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line != "Opening Footage"]
    assert lines == [f"{tmp_path / 'missing.mp4'} does not exist. Choose the footage again."]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_keeps_what_is_done(walk, worker_home, demo_video, tmp_path):
    command = environment.worker_command(
        worker_home, "capture", str(demo_video), "--out", str(tmp_path / "take")
    )
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait(lambda: list(tmp_path.glob("take/frames/*.npz")))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1].startswith("Cancelled.")
    assert list(tmp_path.glob("take/frames/*.npz"))
