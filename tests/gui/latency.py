# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long Blender leaves a user waiting, on a machine that others use too."""

import os
import time
from pathlib import Path

import bpy

_TICK_S = 0.02


class Latency:
    """The longest time between two turns of Blender's main loop, what a user feels as hanging.

    `longest_s` is without what Blender's main thread, the slowest of its drawing threads and the X
    server waited for a core: that is other programs' doing, and a main thread that is busy or
    blocked makes none of it.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._running = True
        processes = Path("/proc").glob("[0-9]*/comm")
        self._server = next(each.parent for each in processes if each.read_text() == "Xvfb\n")
        self._then, self._waits = time.perf_counter(), self._waited_s()
        bpy.app.timers.register(self._tick, persistent=True)

    def stop(self) -> None:
        self._tick()  # it is late itself, if Blender hangs now
        self._running = False

    def _tick(self) -> float | None:
        now, waits = time.perf_counter(), self._waited_s()
        grown = {thread: waits[thread] - self._waits.get(thread, waits[thread]) for thread in waits}
        gap_s = now - self._then
        main = grown.pop(f"/proc/self/task/{os.getpid()}")
        server = sum(grown.pop(thread) for thread in list(grown) if "self" not in thread)
        others_s = main + server + max(grown.values(), default=0.0)
        self.longest_s = max(self.longest_s, gap_s - others_s)
        self._then, self._waits = now, waits
        return _TICK_S if self._running else None

    def _waited_s(self) -> dict[str, float]:
        """Seconds that each thread was ready and had no core, since it began."""
        waited = {}
        for process in (Path("/proc/self"), self._server):
            for thread in (process / "task").iterdir():
                try:
                    waited[str(thread)] = 1e-9 * int((thread / "schedstat").read_text().split()[1])
                except OSError:  # it has just ended
                    continue
        return waited
