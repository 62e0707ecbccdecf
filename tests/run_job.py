# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pumps a job as Blender's timer does, and watches that no pump holds Blender up."""

import time
from collections.abc import Callable

from capf_blender.bridge.job import Job

LONGEST_PUMP_S = 0.02


def finish(job: Job, timeout_s: float = 60.0, until: Callable[[], bool] | None = None) -> Job:
    """Pumps until the job is finished or `until()` holds; fails when that takes too long.

    The median pump must stay below 20 ms: a single one may be late where processors are shared.
    """
    pumps: list[float] = []
    end = time.monotonic() + timeout_s
    try:
        while not (job.finished or (until and until())):
            assert time.monotonic() < end, f"{job.state} after {timeout_s} s: {job.log_tail()}"
            started = time.monotonic()
            job.pump()
            pumps.append(time.monotonic() - started)
            time.sleep(0.01)
    except BaseException:
        job.close()
        raise
    assert not pumps or sorted(pumps)[len(pumps) // 2] < LONGEST_PUMP_S
    return job
