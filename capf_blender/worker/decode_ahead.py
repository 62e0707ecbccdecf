# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoding in a thread while the networks work on the frames before."""

import contextlib
import queue
import threading
from collections.abc import Iterator

from .video import Frame


class DecodeAhead:
    """Iterates over `frames`, at most `depth` of them decoded ahead. Errors come out here."""

    def __init__(self, frames: Iterator[Frame], depth: int) -> None:
        self._frames = frames
        self._queue: queue.Queue[Frame | BaseException | None] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._decode, name="decoder", daemon=True)
        self._thread.start()

    def _decode(self) -> None:
        last: BaseException | None = None
        try:
            for frame in self._frames:
                self._put(frame)
                if self._stopped.is_set():
                    return
        except BaseException as error:
            last = error
        self._put(last)

    def _put(self, item: Frame | BaseException | None) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=0.1)
                return

    def take(self, count: int) -> list[Frame]:
        """The next `count` frames; fewer at the end of the footage."""
        taken: list[Frame] = []
        while len(taken) < count:
            item = self._queue.get()
            if item is None or isinstance(item, BaseException):
                self._put(item)  # it also ends the next call
                if item is not None and not taken:
                    raise item
                break
            taken.append(item)
        return taken

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
