# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check: looks at everything a capture needs and says one line of each, with the next step where
something is wrong."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import CaptureError
from . import environment
from .interpreters import worker_interpreter
from .setup_contents import gigabytes_needed, pins
from .setup_folder import require_own
from .setup_run import Runner
from .setup_steps import Plan
from .worker_facts import read_facts, write_facts

_LEAST_FREE_GB = 1.0  # for takes and logs, once all is installed
_AGAIN = "Click Set Up: only what is missing is renewed."
_REPEATED = {"Python": "venv", "Packages": "packages", "Models": "models"}
"""What a step of set-up brings, and that step."""
_VERSIONS = (
    "import importlib.metadata as m, json; print(json.dumps("
    "{d.metadata['Name'].lower().replace('_', '-').replace('.', '-'): d.version"
    " for d in m.distributions() if d.metadata['Name']}))"
)


@dataclass(frozen=True)
class Finding:
    what: str  # a title: "Disk Space"
    ok: bool
    text: str  # what was found
    hint: str = ""  # what to do, where there is something


@dataclass(frozen=True)
class CheckReport:
    findings: tuple[Finding, ...]
    looked_at: float  # seconds since the epoch

    @property
    def problems(self) -> int:
        return sum(not finding.ok for finding in self.findings)


def report_of(result: dict[str, Any]) -> CheckReport:
    """What a check's result event says."""
    findings = tuple(Finding(**finding) for finding in result["findings"])
    return CheckReport(findings, result["looked_at"])


def check(plan: Plan, runner: Runner) -> dict[str, Any]:
    """Looks at everything; returns the result event. Raises CancelledError, OSError."""
    home = plan.home
    stamp = environment.read_stamp(home)
    installed = stamp is not None and "packages" in stamp.finished
    steps: list[tuple[str, Callable[[Plan, Runner], Finding]]] = [
        ("Folder", _folder), ("Disk Space", _disk_space), ("Python", _python),
    ]  # fmt: skip
    if installed:
        steps += [("Set-Up", _stamp), ("Packages", _packages), ("HRNet Packages", _hrnet_packages),
                  ("Models", _models), ("Worker", _worker), ("Devices", _devices)]  # fmt: skip
    else:
        steps += [("Set-Up", _stamp)]
    found = []
    for number, (what, look) in enumerate(steps):
        runner.talk.progress(f"Checking {what}", number, len(steps))
        try:
            found.append(look(plan, runner))
        except CaptureError as error:
            found.append(Finding(what, False, error.message, error.hint))
        except OSError as error:
            found.append(Finding(what, False, f"{error}", _AGAIN))
    _undo({finding.what for finding in found if not finding.ok}, home)
    findings = [asdict(finding) for finding in found]
    return {"type": "result", "home": str(home), "findings": findings, "looked_at": time.time()}


def _undo(wrong: set[str], home: Path) -> None:
    """Makes the next set-up repeat what did not last. Raises OSError."""
    stamp = environment.read_stamp(home)
    if stamp is None or not wrong & (_REPEATED.keys() | {"Worker"}):
        return
    for what in wrong & _REPEATED.keys():
        stamp.finished.pop(_REPEATED[what], None)
        stamp.complete = False
    if "Worker" in wrong and not wrong & _REPEATED.keys():  # nothing else explains it
        stamp.complete, stamp.installing = False, True
    environment.write_stamp(home, stamp)


# --- one line each ----------------------------------------------------------------------------


def _folder(plan: Plan, _runner: Runner) -> Finding:
    require_own(plan.home)
    there = _nearest(plan.home)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        text = f"{there} cannot be written ({error.strerror})"
        return Finding("Folder", False, text, "Choose another folder in the preferences.")
    return Finding("Folder", True, f"{plan.home} can be written")


def _disk_space(plan: Plan, _runner: Runner) -> Finding:
    free = shutil.disk_usage(_nearest(plan.home)).free / 1e9
    complete = not environment.findings(plan.home)
    needed = _LEAST_FREE_GB if complete else gigabytes_needed()
    text = f"{free:.1f} GB free, {needed:g} GB needed"
    hint = "" if free >= needed else "Free some space, or choose a folder on another disk."
    return Finding("Disk Space", free >= needed, text, hint)


def _python(plan: Plan, runner: Runner) -> Finding:
    python = environment.venv_python(plan.home)
    if not os.path.lexists(python):
        chosen = worker_interpreter(plan.python)
        return Finding("Python", True, f"{chosen} will be used")
    said: list[str] = []
    ask = "import platform; print(platform.python_version())"
    try:
        code = runner.run([str(python), "-I", "-c", ask], on_line=said.append)
    except OSError:  # the Python that it was made from is gone
        code = 1
    if code or not said:
        text = "The environment's Python does not start: the one it was made from is gone"
        return Finding("Python", False, text, "Click Set Up: the environment is made anew.")
    return Finding("Python", True, f"Python {said[0].strip()} in {python.parents[1]}")


def _stamp(plan: Plan, _runner: Runner) -> Finding:
    found = environment.findings(plan.home)
    if found:
        return Finding("Set-Up", False, found[0].message, found[0].hint)
    return Finding("Set-Up", True, "Complete, and made for this version of the add-on")


def _packages(plan: Plan, runner: Runner) -> Finding:
    wrong, count = _wrong_packages(plan, plan.requirements, runner)
    if wrong:
        return Finding("Packages", False, _listed(wrong), _AGAIN)
    return Finding("Packages", True, f"{count} packages, each of the wanted version")


def _hrnet_packages(plan: Plan, runner: Runner) -> Finding:
    wrong, count = _wrong_packages(plan, plan.hrnet_requirements, runner)
    if wrong:
        text = f"The HRNet models cannot be used; all else can ({_listed(wrong)})"
        return Finding("HRNet Packages", True, text, "Set Up tries again to install them.")
    return Finding("HRNet Packages", True, f"{count} packages, each of the wanted version")


def _wrong_packages(plan: Plan, requirements: Path, runner: Runner) -> tuple[list[str], int]:
    wanted = pins(requirements)
    said: list[str] = []
    python = environment.venv_python(plan.home)
    if runner.run([str(python), "-I", "-c", _VERSIONS], on_line=said.append) or not said:
        raise CaptureError(
            "worker_incomplete", "The environment does not list its packages", _AGAIN
        )
    there = json.loads(said[-1])
    wrong = []
    for name, version in wanted.items():
        has = there.get(name.replace(".", "-"))
        if has is None:
            wrong.append(f"{name} is missing")
        elif has.split("+")[0] != version:  # torch's local part only says what it computes on
            wrong.append(f"{name} is {has}, not {version}")
    return wrong, len(wanted)


def _models(plan: Plan, _runner: Runner) -> Finding:
    stamp = environment.read_stamp(plan.home) or environment.Stamp()
    entries = json.loads(plan.model_files.read_text(encoding="utf-8"))
    folder = environment.models_folder(plan.home)
    wrong = []
    for entry in entries:
        file = folder / entry["output"]
        wanted = stamp.sha256.get(entry["output"])
        if not file.is_file():
            wrong.append(f"{file.name} is missing")
        elif wanted and hashlib.sha256(file.read_bytes()).hexdigest() != wanted:
            wrong.append(f"{file.name} has changed since it was made")
    if wrong:
        return Finding("Models", False, _listed(wrong), _AGAIN)
    known = all(entry["output"] in stamp.sha256 for entry in entries)  # older set-ups kept none
    text = f"{len(entries)} files" + (", their checksums right" if known else " are there")
    return Finding("Models", True, text)


def _worker(plan: Plan, runner: Runner) -> Finding:
    if not plan.smoke_run:
        return Finding("Worker", True, "Not started")
    ready = runner.greet(plan.home)
    write_facts(plan.home, ready)
    models = ", ".join(ready["models"]) or "none"
    return Finding("Worker", True, f"Starts with PyTorch {ready['torch']}; models: {models}")


def _devices(plan: Plan, _runner: Runner) -> Finding:
    facts = read_facts(plan.home)
    if facts is None:
        return Finding("Devices", False, "Unknown, as the worker does not start", _AGAIN)
    text = "; ".join(device.sentence for device in facts.devices)
    if len(facts.devices) == 1 and shutil.which("nvidia-smi"):
        hint = "There is an NVIDIA driver, but PyTorch cannot use it: renew the driver."
        return Finding("Devices", True, text, hint)
    return Finding("Devices", True, text)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())


def _listed(wrong: list[str]) -> str:
    return "; ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
