# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the set-up talks: JSON lines with Blender, sentences with a terminal."""

import sys
import time

from ..core.errors import CaptureError
from . import framing
from .messages import PROTOCOL, encode, error_event
from .process import read_available, set_nonblocking

_PROGRESS_INTERVAL_S = 0.2


class CancelledError(Exception):
    """The user wants no more of it, or is gone."""


class JsonTalk:
    """Events on stdout; a line "cancel" or the end of stdin cancels."""

    def __init__(self) -> None:
        set_nonblocking(0)
        self._splitter = framing.LineSplitter()
        self._cancelled = False
        self._beat_at = 0.0
        self._last = ("", -1.0, 0.0)  # stage, fraction, when
        self._write({"type": "ready", "protocol": PROTOCOL})

    def cancel(self, *_signal: object) -> None:
        self._cancelled = True

    def check(self) -> None:
        """To be called several times a second. Raises CancelledError."""
        now = time.monotonic()
        if now - self._beat_at >= 1.0:
            self._beat_at = now
            self._write({"type": "heartbeat"})
        data = read_available(0)
        if data == b"":
            self._cancelled = True
        for line in self._splitter.feed(data or b""):
            if line.strip() == b"cancel" or framing.decode(line)["type"] == "cancel":
                self._cancelled = True
        if self._cancelled:
            raise CancelledError

    def progress(self, stage: str, done: float = 0, total: float = 0) -> None:
        self.check()
        now, fraction = time.monotonic(), done / total if total else 0.0
        if stage == self._last[0] and now - self._last[2] < _PROGRESS_INTERVAL_S:
            return
        self._last = (stage, fraction, now)
        self._write({"type": "progress", "stage": stage, "done": done, "total": total})

    def result(self, event: dict) -> None:
        self._write(event)

    def error(self, error: CaptureError) -> None:
        self._write(error_event(error))

    def cancelled(self) -> None:
        self._write({"type": "cancelled"})

    def _write(self, event: dict) -> None:
        try:
            sys.stdout.buffer.write(encode(event))
            sys.stdout.buffer.flush()
        except OSError:  # nobody listens
            self._cancelled = True


class TextTalk:
    """Lines to read; Ctrl-C cancels."""

    def __init__(self) -> None:
        self._last = ""
        self._cancelled = False

    def cancel(self, *_signal: object) -> None:
        self._cancelled = True

    def check(self) -> None:
        if self._cancelled:
            raise CancelledError

    def progress(self, stage: str, done: float = 0, total: float = 0) -> None:
        self.check()
        tenths = int(10 * done / total) if total else 0
        text = f"{stage}: {10 * tenths} %" if tenths else stage
        if text != self._last:
            self._last = text
            print(text, flush=True)

    def result(self, event: dict) -> None:
        for finding in event.get("findings", ()):
            mark, text = "ok" if finding["ok"] else "PROBLEM", finding["text"].rstrip(".")
            print(f"{mark:8}{finding['what']}: {text}. {finding['hint']}".rstrip())
        if event.get("worker"):
            print(f"The capture worker in {event['home']} is ready.")
        for sentence in event.get("left_out", ()):
            print(sentence)

    def error(self, error: CaptureError) -> None:
        print(error, file=sys.stderr)

    def cancelled(self) -> None:
        print("Cancelled. The same command continues where it stopped.", file=sys.stderr)


Talk = JsonTalk | TextTalk
