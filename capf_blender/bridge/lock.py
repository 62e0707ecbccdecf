# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process at a time in a folder. The lock goes with its process, so none is ever stale."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import CaptureError

_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_LOCKED_BYTE = 1 << 20  # far behind the text: Windows forbids reading a locked byte


@contextlib.contextmanager
def folder_lock(folder: Path, what: str) -> Iterator[None]:
    """Holds the lock of `folder`, whose use is called `what` ("capture", ...).

    Raises CaptureError `busy` when another process has it, OSError when no file can be made there.
    """
    path = Path(folder) / ".lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in _BUSY:
                pid = os.read(descriptor, 32).decode(errors="replace").strip()
                raise CaptureError(
                    "busy",
                    f"Another {what} (process {pid or 'unknown'}) is using {folder}.",
                    "Wait until it ends, or choose another folder.",
                ) from error
            # a network disk without locks: better unlocked than unusable
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
