# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job's states against small programs that misbehave; the real worker: tests/worker."""

import os
import sys
import time
from pathlib import Path

import pytest
from run_job import finish

from capf_blender.bridge.job import Job, JobState, Patience
from capf_blender.bridge.messages import PROTOCOL
from capf_blender.core.errors import CaptureError

READY = f"say(type='ready', protocol={PROTOCOL})\n"
PROLOGUE = """
import json, os, signal, sys, time
def say(**event):
    print(json.dumps(event), flush=True)
def hear():
    return json.loads(sys.stdin.readline())
assert hear()['type'] == 'hello'
"""
QUICK = Patience(silence=1.0, cancel=0.3, terminate=0.3)


def start(tmp_path: Path, code: str, patience: Patience | None = None) -> Job:
    arguments = [sys.executable, "-I", "-c", PROLOGUE + code]
    return Job(arguments, tmp_path / "job.log", {"type": "capture", "request": {}}, patience)


def failure(job: Job) -> CaptureError:
    finish(job)
    assert job.state is JobState.FAILED
    assert job.result is None
    assert job.error is not None
    return job.error


def test_progress_and_result(tmp_path):
    code = READY + (
        "assert hear()['type'] == 'capture'\n"
        "say(type='progress', stage='Capturing', done=3, total=4, fps=7.5, eta_s=0.5)\n"
        "say(type='heartbeat'); say(type='log', message='note')\n"
        "sys.stdin.readline()\n"
        "say(type='result', take='x')\n"
    )
    job = start(tmp_path, code)
    assert job.state is JobState.STARTING
    finish(job, until=lambda: bool(job.log_lines))
    assert job.state is JobState.RUNNING
    assert (job.stage, job.fraction, job.fps, job.eta_s) == ("Capturing", 0.75, 7.5, 0.5)
    assert list(job.log_lines) == ["note"]
    job.cancel()  # comes too late: the line it waits for lets the program finish
    finish(job)
    assert job.state is JobState.DONE
    assert job.result == {"type": "result", "take": "x"}
    assert job.error is None


def test_only_the_first_terminal_event_counts(tmp_path):
    end = "say(type='error', code='a', message='A.', hint='B.'); say(type='result')"
    error = failure(start(tmp_path, READY + end))
    assert (error.code, str(error)) == ("a", "A. B.")


def test_another_protocol(tmp_path):
    error = failure(start(tmp_path, "say(type='ready', protocol=99); time.sleep(60)"))
    assert error.code == "protocol_mismatch"
    assert "99" in str(error)


@pytest.mark.parametrize("noise", ["print('Loading weights...')", "os.write(1, b'x' * 3_000_000)"])
def test_noise_on_the_pipe(tmp_path, noise):
    error = failure(start(tmp_path, READY + noise + "\nsys.stdout.flush(); time.sleep(60)"))
    assert error.code == "protocol_error"


def test_silence(tmp_path):
    job = start(tmp_path, READY + "time.sleep(60)", QUICK)
    assert failure(job).code == "worker_silent"


def test_a_heartbeat_is_enough(tmp_path):
    code = READY + "for _ in range(10): say(type='heartbeat'); time.sleep(0.2)\nsay(type='result')"
    assert finish(start(tmp_path, code, QUICK)).state is JobState.DONE


def test_blender_asleep_is_no_silence(tmp_path):
    """A render that keeps Blender from pumping for minutes says nothing about the worker."""
    code = READY + "for _ in range(12): say(type='heartbeat'); time.sleep(0.2)\nsay(type='result')"
    job = start(tmp_path, code, QUICK)
    finish(job, until=lambda: job.state is JobState.RUNNING)
    time.sleep(1.5)
    assert finish(job).state is JobState.DONE


def test_death_with_last_words(tmp_path):
    job = start(tmp_path, READY + "print('last words', file=sys.stderr); os._exit(3)")
    error = failure(job)
    assert error.code == "worker_died"
    assert "exit code 3" in str(error)
    assert str(job.log_file) in str(error)
    assert job.log_tail() == "last words"


def test_death_by_signal(tmp_path):
    error = failure(start(tmp_path, READY + "os.kill(os.getpid(), signal.SIGSEGV)"))
    assert error.code == "worker_died"
    assert "SIGSEGV" in str(error)


def test_a_result_just_before_the_end_is_not_lost(tmp_path):
    for _ in range(5):
        job = start(tmp_path, READY + "say(type='result', text='y' * 200_000); os._exit(0)")
        assert finish(job).state is JobState.DONE


def test_cancel(tmp_path):
    job = start(
        tmp_path, READY + "hear()\nassert hear()['type'] == 'cancel'\nsay(type='cancelled')"
    )
    finish(job, until=lambda: job.state is JobState.RUNNING)
    job.cancel()
    assert job.state is JobState.CANCELLING
    finish(job)
    assert (job.state, job.error, job.result) == (JobState.CANCELLED, None, None)


def test_cancel_before_the_handshake(tmp_path):
    job = start(tmp_path, "time.sleep(60)")
    job.cancel()
    assert job.finished


@pytest.mark.parametrize("deaf", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"])
def test_cancel_of_one_that_does_not_listen(tmp_path, deaf):
    code = READY + deaf + "say(type='log', message='deaf')\nwhile True: say(type='heartbeat')"
    job = start(tmp_path, code, QUICK)
    finish(job, until=lambda: bool(job.log_lines))
    job.cancel()
    started = time.monotonic()
    assert finish(job).state is JobState.CANCELLED
    assert time.monotonic() - started > (0.55 if deaf else 0.25)


def test_a_missing_interpreter(tmp_path):
    with pytest.raises(CaptureError) as caught:
        Job([str(tmp_path / "python")], tmp_path / "log")
    assert caught.value.code == "worker_not_started"


def test_close_ends_the_process(tmp_path):
    job = start(tmp_path, READY + "time.sleep(60)")
    job.close()
    assert job.finished
    time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(job.pid, 0)
