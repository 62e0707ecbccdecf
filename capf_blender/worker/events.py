# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's one way of speaking: lines on what used to be its stdout."""

import os
import queue
import sys
import threading
import time
from typing import Any

from ..bridge.messages import TERMINAL, encode

_WAITING = 200  # events in the queue from which on mere news are dropped


class CancelledError(Exception):
    """The user wants no more of it; what is done so far is kept."""


class EventStream:
    """Sends events from a thread, so a busy Blender, which reads nothing, never stops the work."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="events", daemon=True).start()

    def emit(self, event: dict[str, Any]) -> None:
        news = event["type"] not in (*TERMINAL, "ready")
        if not (news and self._queue.qsize() > _WAITING):
            self._queue.put(encode(event))

    def start_heartbeat(self) -> None:
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def drain(self, seconds: float = 5.0) -> None:
        """Waits until everything has been read, not for ever."""
        end = time.monotonic() + seconds
        while not self._queue.empty() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.02)  # the last line has left the queue, and now the pipe's near end

    def _beat(self) -> None:
        while True:
            self.emit({"type": "heartbeat"})
            time.sleep(1.0)

    def _write(self) -> None:
        while True:
            line = self._queue.get()
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:  # nobody listens any more
                os._exit(1)


def take_over_stdout() -> int:
    """A descriptor for events; stdout itself leads to stderr from now on, for C libraries too."""
    sys.stdout.flush()
    events = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return events
