# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A child process whose pipes never block: Blender's main loop asks it for news from a timer."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import framing
from .messages import encode

if sys.platform == "win32":
    from . import windows

_READ_BYTES = 1 << 13  # parsed in a few milliseconds, even if the messages are tiny


def clean_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """`base` (default: this process's) without what makes another Python load the wrong files."""
    foreign = ("PYTHON", "DYLD_", "__PYVENV_LAUNCHER__")
    return {
        name: value
        for name, value in (os.environ if base is None else base).items()
        if not name.startswith(foreign) and name != "LD_LIBRARY_PATH"
    }


class ChildProcess:
    """A program with JSON lines (or plain ones) on its pipes and its stderr in a log file.

    No method blocks. Raises OSError from the constructor when the program cannot be started.
    `tied` is for the set-up's own children: they die with it and hear the signals it hears.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        tied: bool = False,
    ) -> None:
        self._tied = tied
        self.log_file = Path(log_file)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        # A session of its own: Ctrl-C in Blender's console is Blender's alone, and one signal
        # reaches the children of the child too.
        with self.log_file.open("ab") as log:
            self._log_start = log.tell()
            self._popen = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                env=clean_environment(environment),
                cwd=self.log_file.parent,
                start_new_session=sys.platform != "win32" and not tied,
                preexec_fn=_die_with_parent if sys.platform == "linux" and tied else None,
                creationflags=windows.CREATION_FLAGS if sys.platform == "win32" else 0,
            )
        assert self._popen.stdin and self._popen.stdout
        self._stdin, self._stdout = self._popen.stdin, self._popen.stdout
        set_nonblocking(self._stdin.fileno())
        set_nonblocking(self._stdout.fileno())
        self._windows_job = windows.KillOnClose(self._popen) if sys.platform == "win32" else None
        self._splitter = framing.LineSplitter()
        self._outgoing = bytearray()
        self.drained = False  # the last poll left nothing in the pipe
        self._returncode: int | None = None

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs. Negative: the signal that ended it."""
        if self._returncode is None:
            self._returncode = self._popen.poll()
            if self._returncode is not None:
                self._signal_group(kill=True)  # whatever it had started
        return self._returncode

    def send(self, message: dict[str, Any]) -> None:
        """Queues a message; as much as the pipe takes goes out now, the rest at the next poll."""
        self._outgoing += encode(message)
        self._flush()

    def close_stdin(self) -> None:
        """The child sees the end of its input, and ends."""
        self._outgoing.clear()
        with contextlib.suppress(OSError):
            self._stdin.close()

    def poll(self, budget_s: float = 0.005) -> list[dict[str, Any]]:
        """The messages that came in, reading for `budget_s` seconds at most."""
        return [framing.decode(line) for line in self.poll_lines(budget_s) if line.strip()]

    def poll_lines(self, budget_s: float = 0.005) -> list[bytes]:
        """As `poll`, for a child that speaks plain lines."""
        self._flush()
        lines: list[bytes] = []
        self.drained = False
        end = time.monotonic() + budget_s
        while True:
            data = None if self._stdout.closed else read_available(self._stdout.fileno())
            if not data:
                self.drained = True
                break
            lines += self._splitter.feed(data)
            if time.monotonic() >= end:
                break
        return lines

    def terminate(self) -> None:
        if self.returncode is None:
            self._signal_group(kill=False)

    def kill(self) -> None:
        if self.returncode is None:
            self._signal_group(kill=True)

    def close(self) -> None:
        """Kills it if it still runs and closes the pipes."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(0.01)  # subprocess itself collects later what dies more slowly
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def log_tail(self, lines: int = 8) -> str:
        """The last lines that the child wrote to its log."""
        return tail(self.log_file, lines, self._log_start)

    def _flush(self) -> None:
        while self._outgoing and not self._stdin.closed:
            try:
                written = write_available(self._stdin.fileno(), self._outgoing[:_READ_BYTES])
            except OSError:  # the child is gone; its exit is what gets reported
                self._outgoing.clear()
                return
            if not written:
                return
            del self._outgoing[:written]

    def _signal_group(self, kill: bool) -> None:
        if sys.platform == "win32":
            # Windows has no polite signal for a process without a window.
            if self._windows_job:
                self._windows_job.terminate()
            with contextlib.suppress(OSError):
                self._popen.kill()
            return
        number = signal.SIGKILL if kill else signal.SIGTERM
        if self._tied:
            self._popen.send_signal(number)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)


if sys.platform == "linux":
    _libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """Runs between fork and exec, in a process with one thread."""
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def set_nonblocking(descriptor: int) -> None:
    if sys.platform == "win32":
        windows.set_nowait(descriptor)
    else:
        os.set_blocking(descriptor, False)


def read_available(descriptor: int) -> bytes | None:
    """What lies in the pipe: None when nothing does now, b"" when the other end is closed."""
    if sys.platform == "win32":
        return windows.read_available(descriptor, _READ_BYTES)
    try:
        return os.read(descriptor, _READ_BYTES)
    except BlockingIOError:
        return None


def write_available(descriptor: int, data: bytes | bytearray) -> int:
    """How many bytes the pipe took; 0 when it is full. Raises OSError when nobody reads it."""
    if sys.platform == "win32":
        return windows.write_available(descriptor, bytes(data))
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0


def tail(file: Path, lines: int, start: int = 0) -> str:
    """The last lines of a text file, of what lies after byte `start`; "" when there is none."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(start, size - (1 << 14)))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
