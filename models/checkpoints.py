# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published weights on their way to the worker's models folder: the registry, and the download.

The registry itself, `CHECKPOINTS`, lies where Blender can read it too; `checkpoint_import` turns
a published file into the safetensors that the models load.
"""

import contextlib
import errno
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from capf_blender.core.errors import CaptureError
from capf_blender.core.model_cards import CHECKPOINTS, Checkpoint

from .checkpoint_import import import_checkpoint

Progress = Callable[[str, int, int], None]
"""(stage, bytes done, bytes in all), several times a second; it may raise to cancel."""

_BLOCK = 1 << 18
_TIMEOUT_S = 30.0
_ATTEMPTS = 3  # in a row that bring nothing
_PAUSE_S = 1.0


def published_checkpoint(name: str) -> Checkpoint:
    """The registry's entry. Raises CaptureError `unknown_checkpoint`."""
    if name not in CHECKPOINTS:
        raise CaptureError(
            "unknown_checkpoint",
            f"There is no checkpoint {name!r}.",
            f"Choose one of: {', '.join(CHECKPOINTS)}.",
        )
    return CHECKPOINTS[name]


def fetch(name: str, models_folder: Path, progress: Progress) -> Path:
    """Downloads a checkpoint and converts it; returns the safetensors file, at once when it is
    there already.

    Raises CaptureError: `unknown_checkpoint`, `not_downloadable`, those of `download` and of
    `import_checkpoint`.
    """
    checkpoint = published_checkpoint(name)
    target = Path(models_folder) / checkpoint.file
    if target.is_file():
        return target
    if not checkpoint.source:
        raise CaptureError(
            "not_downloadable",
            f"{checkpoint.published} may only be fetched by yourself from {checkpoint.publisher}.",
            "Then choose it with Import Checkpoint (python3 run.py import FILE).",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    file = target.with_name(checkpoint.published)
    stage = f"Downloading {checkpoint.label}"
    progress(stage, 0, 0)
    download(
        checkpoint.source, file, checkpoint.sha256, lambda done, all_: progress(stage, done, all_)
    )
    progress("Checking Weights", 0, 0)
    import_checkpoint(file, models_folder)
    file.unlink()
    return target


def download(address: str, target: Path, sha256: str, progress: Callable[[int, int], None]) -> None:
    """Downloads `address` to `target`, going on where an earlier attempt stopped; the content's
    sha256 must begin with the given one.

    Raises CaptureError: `offline` (what came so far is kept), `not_found`, `checksum_mismatch`,
    `disk_full`.
    """
    part = target.with_name(target.name + ".part")
    fruitless = 0
    while True:
        before = _size(part)
        try:
            _transfer(address, part, progress)
            break
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise CaptureError(
                    "not_found",
                    f"{address} is not to be had (HTTP status {error.code}).",
                    "Fetch the file yourself and use Import Checkpoint.",
                ) from error
            reason: Exception = error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise CaptureError(
                    "disk_full",
                    f"The disk that holds {target.parent} is full.",
                    "Free some space and start again: the download continues where it stopped.",
                ) from error
            reason = error
        fruitless = fruitless + 1 if _size(part) <= before else 0
        if fruitless == _ATTEMPTS:
            raise _broken_off(address, reason, _size(part)) from reason
        time.sleep(_PAUSE_S)
    if not _sha256(part).startswith(sha256):
        part.unlink()
        raise CaptureError(
            "checksum_mismatch",
            f"{target.name} is not the published file: its checksum differs.",
            "Download it again; if that does not help, something changes your downloads.",
        )
    part.replace(target)


def _broken_off(address: str, reason: Exception, done: int) -> CaptureError:
    host = urlsplit(address).hostname
    cause = getattr(reason, "reason", reason)  # what urllib wraps
    cause = getattr(cause, "strerror", None) or cause
    if done:
        sentence = f"The download from {host} broke off ({cause})."
        return CaptureError("offline", sentence, "Start it again: it continues where it stopped.")
    return CaptureError(
        "offline",
        f"{host} cannot be reached ({cause}).",
        "Check the network and start again, or fetch the file yourself and use Import Checkpoint.",
    )


def _transfer(address: str, part: Path, progress: Callable[[int, int], None]) -> None:
    """Appends to `part` what it lacks. Raises OSError and HTTPException when that fails."""
    done = _size(part)
    request = urllib.request.Request(address, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers.get("Content-Range") == f"bytes */{done}":
            return  # all is there
        part.unlink()
        raise ConnectionError("the server has another file now") from error
    with contextlib.closing(response):
        length = int(response.headers.get("Content-Length") or 0)
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT and (
            response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        )
        done = done if resumed else 0
        total = done + length
        with part.open("ab" if resumed else "wb") as file:
            while block := response.read(_BLOCK):
                file.write(block)
                done += len(block)
                progress(done, total)
    if length and done != total:
        raise ConnectionError(f"{done} of {total} bytes came")


def _size(file: Path) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
