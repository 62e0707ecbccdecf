# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says: log.csv, TensorBoard where that is installed, a line on the terminal."""

import csv
import sys
import time
from pathlib import Path

from .state import Position

LOG_FILE = "log.csv"
_IN_SENTENCE = {
    "epoch", "lr", "train_mm", "validation_mm", "validation_p_mm", "best_mm", "seconds",
}  # fmt: skip


class Journal:
    """One line an epoch in files, progress on a terminal; silent unless `leads`."""

    def __init__(self, out: Path, leads: bool) -> None:
        self._out, self._leads = out, leads
        self._board = _tensor_board(out) if leads else None
        self._shown = 0.0

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._board is not None:
            self._board.close()

    def show(self, position: Position, steps: int, loss_mm: float) -> None:
        """Progress within an epoch, a few times a second."""
        if self._leads and sys.stderr.isatty() and time.monotonic() - self._shown > 0.2:
            self._shown = time.monotonic()
            text = f"\r\033[Kepoch {position.epoch}, {position.step}/{steps}, {loss_mm:.1f} mm"
            print(text, end="", file=sys.stderr, flush=True)

    def write(self, history: list[dict[str, float]]) -> None:
        """All epochs so far; the file is written anew, so that a run that goes on from an older
        state leaves no lines of what it has forgotten."""
        if not self._leads:
            return
        last = history[-1]
        part = self._out / f"{LOG_FILE}.part"
        with part.open("w", newline="", encoding="utf-8") as file:
            lines = csv.DictWriter(file, list(last))
            lines.writeheader()
            lines.writerows(history)
        part.replace(self._out / LOG_FILE)
        if self._board is not None:
            for name in set(last) - {"epoch"}:
                self._board.add_scalar(name, last[name], int(last["epoch"]))
        start = "\r\033[K" if sys.stderr.isatty() else ""
        others = "".join(f", {name} {last[name]:.1f}" for name in last if name not in _IN_SENTENCE)
        print(
            f"{start}epoch {last['epoch']}: {last['train_mm']:.1f} mm, validation "
            f"{last['validation_mm']:.1f} mm ({last['validation_p_mm']:.1f} mm aligned), "
            f"best {last['best_mm']:.1f} mm{others}, {last['seconds']:.0f} s",
            file=sys.stderr, flush=True,
        )  # fmt: skip


def _tensor_board(out: Path):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(out)
