# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches of a data set; errors stay one sentence where a process of the loader raises them."""

from collections.abc import Iterator
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, Subset

from capf_blender.core.errors import CaptureError


def batches(data: Dataset[dict[str, Any]], workers: int, **options: Any) -> Iterator[Any]:
    """What torch's DataLoader with these options yields. Raises the CaptureError of `data`, by the
    code `bad_data` when it comes from one of the loader's processes.

    Data that have a method `collate` make whole batches of their own: their `__getitems__` gives
    what `collate` takes.
    """
    source = data.dataset if isinstance(data, Subset) else data
    loader = DataLoader(
        data,
        num_workers=workers,
        # a forked process inherits the locks of threads that it has not: OpenMP's, OpenCV's
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_one_thread,
        collate_fn=getattr(source, "collate", None),
        generator=torch.Generator(),  # else each loader draws from the network's random numbers
        **options,
    )
    try:
        yield from loader
    except RuntimeError as error:  # torch cannot build a CaptureError anew, only tell its traceback
        _, found, sentence = str(error).strip().splitlines()[-1].partition("CaptureError: ")
        if not found:
            raise
        raise CaptureError("bad_data", sentence) from error


def _one_thread(_worker: int) -> None:
    cv2.setNumThreads(1)  # there are as many workers as wanted threads
