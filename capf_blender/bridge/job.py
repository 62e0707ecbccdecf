# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One capture or one set-up as Blender sees it: a state, some numbers to draw, one ending.

Nothing here blocks and nothing runs by itself: whoever holds the job calls `pump` about ten times
a second.
"""

import enum
import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import CaptureError
from . import environment
from .messages import PROTOCOL, TERMINAL, CaptureRequest, protocol_mismatch
from .process import ChildProcess
from .worker_facts import missing_device


class JobState(enum.Enum):
    STARTING = "starting"  # no handshake yet
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"  # `result` is there
    FAILED = "failed"  # `error` is there
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Patience:
    """Seconds that a job waits."""

    silence: float = 60.0  # without a heartbeat
    cancel: float = 5.0  # from the wish to terminate
    terminate: float = 2.0  # from terminate to kill


class Job:
    """A child process that does one thing, seen through its events."""

    def __init__(
        self,
        arguments: Sequence[str],
        log_file: Path,
        command: dict[str, Any] | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Starts `arguments`; `command` is sent after the handshake. Raises CaptureError."""
        self.state = JobState.STARTING
        self.stage = ""  # what is being done, as a title
        self.fraction = 0.0  # of this stage, 0..1
        self.done = 0
        self.total = 0
        self.fps: float | None = None
        self.eta_s: float | None = None
        self.frames_kept = 0  # frames of a capture that are on the disk
        self.worker: dict[str, Any] = {}  # the worker's `ready` event: versions, devices, models
        self.result: dict[str, Any] | None = None
        self.error: CaptureError | None = None
        self.log_lines: deque[str] = deque(maxlen=50)  # what the worker wants the user to know
        self.log_file = log_file
        self._command = command
        self._patience = patience or Patience()
        self._kill_at: list[float] = []  # when to terminate, and when to kill
        try:
            self._process = ChildProcess(arguments, log_file)
        except OSError as error:
            raise CaptureError(
                "worker_not_started",
                f"{arguments[0]} could not be started ({error.strerror}).",
                "Run Check in the add-on's preferences.",
            ) from error
        self._heard_at = time.monotonic()
        self._process.send({"type": "hello", "protocol": PROTOCOL})

    @property
    def finished(self) -> bool:
        """The one terminal event has come; `pump` has nothing more to tell."""
        return self.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)

    @property
    def pid(self) -> int:
        return self._process.pid

    def log_tail(self) -> str:
        """The last lines of the worker's log."""
        return self._process.log_tail()

    def pump(self, budget_s: float = 0.005) -> None:
        """Takes in what the worker said and does what is due, in about `budget_s` seconds."""
        if self.finished:
            return
        # asked first: what an ended process wrote lies in the pipe by then
        returncode = self._process.returncode
        messages = self._process.poll(budget_s)
        if messages:
            self._heard_at = time.monotonic()
        for message in messages:
            self._take(message)
            if self.finished:
                return
        if returncode is not None and self._process.drained:
            self._ended(returncode)
            return
        self._lose_patience()

    def cancel(self) -> None:
        """Asks the worker to stop; if it does not, it is made to."""
        if self.finished or self.state is JobState.CANCELLING:
            return
        if self.state is JobState.STARTING and self._command is not None:
            self.close()  # nothing has begun yet
            return
        self.state = JobState.CANCELLING
        self._process.send({"type": "cancel"})
        terminate_at = time.monotonic() + self._patience.cancel
        self._kill_at = [terminate_at, terminate_at + self._patience.terminate]

    def close(self) -> None:
        """Ends the process at once, whatever it does."""
        self._process.close()
        if not self.finished:
            self.state = JobState.CANCELLED

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "ready":
            self._shake_hands(message)
        elif kind == "progress":
            self.stage = message.get("stage", "")
            self.done, self.total = message.get("done", 0), message.get("total", 0)
            self.fraction = min(1.0, self.done / self.total) if self.total else 0.0
            self.fps, self.eta_s = message.get("fps"), message.get("eta_s")
        elif kind == "partial":
            self.frames_kept = message.get("frames", 0)
        elif kind == "log":
            self.log_lines.append(message.get("message", ""))
        elif kind in TERMINAL:
            self._finish(message)
        elif kind == "garbage":
            self._fail(
                CaptureError(
                    "protocol_error",
                    f"The worker said something that is no message: {message['text'][:60]!r}.",
                    f"Please report this with the log {self.log_file}.",
                )
            )

    def _shake_hands(self, ready: dict[str, Any]) -> None:
        if ready.get("protocol") != PROTOCOL:
            self._fail(protocol_mismatch(PROTOCOL, ready.get("protocol")))
            return
        self.worker = ready
        if self.state is JobState.STARTING:
            self.state = JobState.RUNNING
            if self._command is not None:
                self._process.send(self._command)

    def _finish(self, event: dict[str, Any]) -> None:
        if event["type"] == "result":
            self.state, self.result, self.fraction = JobState.DONE, event, 1.0
        elif event["type"] == "cancelled":
            self.state = JobState.CANCELLED
        else:
            self.state = JobState.FAILED
            self.error = CaptureError(
                str(event.get("code", "internal")),
                str(event.get("message", "The worker failed.")),
                str(event.get("hint", "")),
            )
        # Its work is on the disk by now, so nothing is lost by not waiting for a slow exit.
        self._process.close()

    def _fail(self, error: CaptureError) -> None:
        self.state, self.error = JobState.FAILED, error
        self._process.close()

    def _ended(self, returncode: int) -> None:
        if self.state is JobState.CANCELLING:
            self.state = JobState.CANCELLED
            self._process.close()
            return
        hint = f"Start it again: it continues where it stopped. Its log is {self.log_file}."
        if returncode == -getattr(signal, "SIGKILL", 9):
            hint = f"If nobody stopped it, the computer ran out of memory. {hint}"
        self._fail(
            CaptureError("worker_died", f"The worker ended early ({_how(returncode)}).", hint)
        )

    def _lose_patience(self) -> None:
        now = time.monotonic()
        if self._kill_at:
            if now >= self._kill_at[1]:
                self._process.kill()
            elif now >= self._kill_at[0]:
                self._process.terminate()
        elif now - self._heard_at > self._patience.silence:
            self._fail(
                CaptureError(
                    "worker_silent",
                    f"The worker has not answered for {self._patience.silence:.0f} seconds.",
                    f"Start it again: it continues where it stopped. Its log is {self.log_file}.",
                )
            )


def _how(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"signal {signal.Signals(-returncode).name}"
    except ValueError:
        return f"signal {-returncode}"


def capture_job(home: Path, request: CaptureRequest) -> Job:
    """Starts a capture with the worker in `home`.

    Raises CaptureError: what `environment.findings` finds, `bad_device` or `worker_not_started`.
    """
    if missing := missing_device(home, request.device):
        raise missing
    return _worker_job(home, {"type": "capture", "request": asdict(request)})


def download_job(home: Path, checkpoint: str) -> Job:
    """Starts the download of weights by their name in the registry. Raises CaptureError."""
    return _worker_job(home, {"type": "download", "name": checkpoint})


def import_job(home: Path, file: Path) -> Job:
    """Starts the import of weights that the user fetched. Raises CaptureError."""
    return _worker_job(home, {"type": "import", "file": str(file)})


def _worker_job(home: Path, command: dict[str, Any]) -> Job:
    environment.require_ready(home)
    return Job(environment.worker_command(home), new_log_file(home, "worker"), command)


def new_log_file(home: Path, kind: str) -> Path:
    """As `environment.new_log_file`. Raises CaptureError `not_writable`."""
    try:
        return environment.new_log_file(home, kind)
    except OSError as error:
        raise CaptureError(
            "not_writable",
            f"The folder {home} cannot be written ({error.strerror}).",
            "Choose another one in the add-on's preferences.",
        ) from error
