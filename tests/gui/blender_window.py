# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a story, a script inside Blender, in a real window: an own root folder, an own X server, no
network, and a home folder in which a set-up worker lies where the add-on looks for it."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gui_root import SANDBOX

SCREEN = (1600, 900)
_HERE = Path(__file__).resolve().parent
_REPO = _HERE.parents[1]
_SHOWN_LINES = 60
_DATA = ".local/share/capf_blender"  # where the add-on keeps its worker when nobody says otherwise


@dataclass(frozen=True)
class Desk:
    """What the stories of one run of the tests share."""

    root: Path
    worker_home: Path
    archive: Path  # the add-on's zip
    video: Path
    out: Path  # folder for pictures and blender.log


def play(
    desk: Desk,
    story: str,
    user_home: Path,
    variables: Mapping[str, str] | None = None,
    limit_s: float = 600.0,
    name: str = "",
) -> dict:
    """The facts that `story_<story>.py` noted. AssertionError with the log's end when it failed.

    `name` begins the names of its pictures (default: the story's). `user_home` is the user's,
    writable and at its own path; a worker of the same packages and models as the desk's lies in it.
    """
    __tracebackhide__ = True  # of a failed story the log says where
    facts_file = user_home / "facts.json"
    name = name or story
    told = {
        "name": name,
        "zip": str(desk.archive),
        "video": str(desk.video),
        "out": str(desk.out),
        "facts": str(facts_file),
        "limit_s": limit_s,
    }
    for old in desk.out.glob(f"{name}-*.png"):
        old.unlink()
    command = [*_sandbox(desk, user_home, {"CAPF_STORY": json.dumps(told), **(variables or {})})]
    _require_worker(command, user_home)
    command += [
        "xvfb-run", "-a", "-s", f"-screen 0 {SCREEN[0]}x{SCREEN[1]}x24 +extension GLX",
        "blender", "--factory-startup", "-p", "0", "0", *map(str, SCREEN),
        "--python-exit-code", "1", "--python", str(_HERE / f"story_{story}.py"),
    ]  # fmt: skip
    log = desk.out / "blender.log"
    with log.open("ab") as stream:
        stream.write(f"=== {name} ===\n".encode())
        stream.flush()
        start = stream.tell()
        # a story ends itself when its time is up; this is for a Blender that hangs
        status = run_bounded(command, stream, limit_s + 90.0)
    words = log.read_bytes()[start:].decode(errors="replace").splitlines()
    if status != 0 or not facts_file.is_file():
        end = "\n".join(words[-_SHOWN_LINES:])
        raise AssertionError(f"The story {name!r} ended with {status}; of {log}:\n{end}")
    return json.loads(facts_file.read_text(encoding="utf-8")) | {"log": words}


def run_bounded(command: list[str], log, limit_s: float) -> int | str:
    """The exit status, a sentence when time was up. Whatever bubblewrap started is gone then."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return f"no answer for {limit_s:.0f} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _sandbox(desk: Desk, user_home: Path, variables: Mapping[str, str]) -> list[str]:
    takes = user_home / "takes of this run"  # else the second run finds the first one's
    takes.mkdir(exist_ok=True)
    (desk.worker_home / "takes").mkdir(exist_ok=True)
    worker = user_home / _DATA
    words = [
        *SANDBOX, "--bind", str(desk.root), "/",
        "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/dev/shm", "--tmpfs", "/tmp",
        "--ro-bind", str(_REPO), str(_REPO),
        "--ro-bind", str(desk.archive.parent), str(desk.archive.parent),
        "--ro-bind", str(desk.video.parent), str(desk.video.parent),
        *_bind_python(desk.worker_home),
        "--bind", str(desk.out), str(desk.out),
        "--bind", str(user_home), str(user_home),
        "--bind", str(desk.worker_home), str(worker),
        "--bind", str(takes), str(worker / "takes"),
        "--chdir", str(user_home), "--clearenv",
    ]  # fmt: skip
    told = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(user_home),
        "LANG": "C.UTF-8",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        **variables,
    }
    for name, value in told.items():
        words += ["--setenv", name, value]
    return words


def _bind_python(worker_home: Path) -> list[str]:
    """The Python that the worker's environment was made from, at its own path."""
    ask = "import os, sys, sysconfig as s;print(sys.base_prefix, s.get_path('stdlib'), "
    ask += "os.path.realpath(sys.executable), sep='\\n')"
    command = [str(worker_home / "venv" / "bin" / "python"), "-I", "-c", ask]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    prefix, library, program = told.splitlines()
    # the system's own Python: without the rest of its prefix, which is the root folder's
    folders = [library, program] if prefix == "/usr" else [prefix]
    return [word for folder in folders for word in ("--ro-bind", folder, folder)]


def _require_worker(sandbox: list[str], user_home: Path) -> None:
    """Set Up would make the environment anew, where the one that is there does not start."""
    python = user_home / _DATA / "venv" / "bin" / "python"
    probe = [*sandbox, str(python), "-I", "-c", "import numpy"]
    done = subprocess.run(probe, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"The worker does not start in the window's root: {done.stderr}"
