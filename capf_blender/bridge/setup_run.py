# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that set-up and check start, run to their end while the user may cancel."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import CaptureError
from . import environment
from .messages import PROTOCOL, protocol_mismatch
from .process import ChildProcess
from .setup_talk import Talk

_START_S = 180.0  # the first import of torch reads 700 MB, past a virus scanner
_TICK_S = 0.1


class Runner:
    """Starts programs; what they say goes to the log."""

    def __init__(self, talk: Talk, log_file: Path) -> None:
        self.talk = talk
        self.log_file = log_file

    def run(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        tick: Callable[[], None] | None = None,
    ) -> int:
        """Runs a program to its end and returns its exit code. Raises CancelledError, OSError."""
        child = ChildProcess(arguments, self.log_file, variables, tied=True)
        child.close_stdin()
        try:
            while True:
                returncode = child.returncode
                lines = child.poll_lines(_TICK_S)
                self._log(lines)
                for line in lines:
                    if on_line:
                        on_line(line.decode(errors="replace"))
                if returncode is not None and child.drained:
                    return returncode
                self.talk.check()
                if tick:
                    tick()
                if not lines:
                    time.sleep(_TICK_S)
        finally:
            child.close()

    def greet(self, home: Path) -> dict[str, Any]:
        """Starts the worker of `home` and greets it; returns its `ready` event. Raises
        CaptureError: `worker_broken`, `protocol_mismatch`; CancelledError, OSError."""
        child = ChildProcess(environment.worker_command(home), self.log_file, tied=True)
        try:
            child.send({"type": "hello", "protocol": PROTOCOL})
            end = time.monotonic() + _START_S
            while time.monotonic() < end:
                returncode = child.returncode
                for message in child.poll(_TICK_S):
                    if message["type"] == "ready":
                        if message["protocol"] != PROTOCOL:
                            raise protocol_mismatch(PROTOCOL, message["protocol"])
                        return message
                    if message["type"] == "error":
                        raise self._broken(message["message"])
                if returncode is not None and child.drained:
                    break
                self.talk.check()
                time.sleep(_TICK_S)
            raise self._broken("The worker does not start.")
        finally:
            child.close()

    def _broken(self, message: str) -> CaptureError:
        hint = f"Run Set Up again; the details are in {self.log_file}."
        return CaptureError("worker_broken", message, hint)

    def _log(self, lines: Sequence[bytes]) -> None:
        with self.log_file.open("ab") as log:
            log.writelines(line + b"\n" for line in lines)
