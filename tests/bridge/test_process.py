# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import sys
import time
from pathlib import Path

import pytest

from capf_blender.bridge.process import ChildProcess, clean_environment

PYTHON = sys.executable
SAY = "import json, os, sys, time\ndef say(**event): print(json.dumps(event), flush=True)\n"


def child(tmp_path: Path, code: str, **options) -> ChildProcess:
    return ChildProcess([PYTHON, "-I", "-c", SAY + code], tmp_path / "child.log", **options)


def wait(condition, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def collect(process: ChildProcess) -> list[dict]:
    messages: list[dict] = []
    while process.returncode is None:
        messages += process.poll()
        time.sleep(0.005)
    return messages + process.poll(1.0)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_environment_is_clean():
    base = {
        "PYTHONPATH": "x", "PYTHONHOME": "x", "LD_LIBRARY_PATH": "x", "DYLD_INSERT_LIBRARIES": "x",
        "PATH": "p", "HOME": "h", "LD_PRELOAD": "kept",
    }  # fmt: skip
    assert clean_environment(base) == {"PATH": "p", "HOME": "h", "LD_PRELOAD": "kept"}


def test_a_python_path_does_not_reach_the_child(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    code = "say(type='env', n='PYTHONPATH' in os.environ)"
    assert collect(child(tmp_path, code)) == [{"type": "env", "n": False}]


def test_messages_both_ways_and_log(tmp_path):
    code = "import sys; print(sys.stdin.readline().strip()); print('oh', file=sys.stderr)"
    process = child(tmp_path, code)
    process.send({"type": "hello", "text": "Größe"})
    assert collect(process) == [{"type": "hello", "text": "Größe"}]
    assert process.log_tail() == "oh"
    process.close()


def test_the_log_tail_is_of_this_run_only(tmp_path):
    for word in ("first", "second"):
        process = child(tmp_path, f"import sys; print('{word}', file=sys.stderr)")
        collect(process)
    assert process.log_tail() == "second"
    assert (tmp_path / "child.log").read_text() == "first\nsecond\n"


def test_sending_to_a_child_that_does_not_read_never_blocks(tmp_path):
    process = child(tmp_path, "import time; time.sleep(60)")
    started = time.monotonic()
    for _ in range(50):
        process.send({"type": "x", "text": "y" * 10_000})
        process.poll(0.0)
    assert time.monotonic() - started < 1.0
    process.close()


def test_what_did_not_fit_into_the_pipe_arrives_later(tmp_path):
    code = (
        "import sys, time; time.sleep(0.3); n = 0\n"
        "for line in sys.stdin:\n"
        "    n += len(line)\n"
        "    if 'last' in line: break\n"
        "say(type='n', n=n)"
    )
    process = child(tmp_path, code)
    for _ in range(30):
        process.send({"type": "x", "text": "y" * 10_000})
    process.send({"type": "last"})
    (message,) = collect(process)
    assert message["n"] > 300_000


def test_a_flood_is_read_within_the_budget(tmp_path):
    process = child(tmp_path, "while True: say(type='x')")
    wait(lambda: process.poll(0.0))
    durations = []
    for _ in range(40):
        started = time.monotonic()
        process.poll(0.005)
        durations.append(time.monotonic() - started)
    process.close()
    assert sorted(durations)[len(durations) // 2] < 0.02


def test_a_program_that_does_not_exist(tmp_path):
    with pytest.raises(OSError, match="nothing"):
        ChildProcess([str(tmp_path / "nothing")], tmp_path / "log")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX process groups")
def test_the_children_of_the_child_go_too(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "say(type='pid', pid=grandchild.pid)\n"
        "time.sleep(60)"
    )
    for end in (lambda p: p.kill(), lambda p: os.kill(p.pid, 9)):
        process = child(tmp_path, code)
        messages: list[dict] = []
        wait(lambda m=messages, p=process: m.extend(p.poll()) or m)
        end(process)
        wait(lambda p=process: p.returncode is not None)
        wait(lambda m=messages: not is_alive(m[0]["pid"]))
        process.close()
