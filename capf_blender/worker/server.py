# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker behind Blender: messages in on stdin, events out on stdout, log on stderr."""

import ctypes
import logging
import os
import platform
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from ..bridge import framing
from ..bridge.environment import addon_version
from ..bridge.messages import PROTOCOL, error_event, protocol_mismatch, request_from_dict
from ..core.errors import CaptureError
from .events import CancelledError, EventStream, take_over_stdout

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1


def serve(models_folder: Path) -> int:
    """Answers one message after the other until `shutdown` or the end of stdin; the exit code."""
    die_with_parent()
    events = EventStream(take_over_stdout())
    events.start_heartbeat()
    commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    cancelled = threading.Event()
    reader = threading.Thread(target=_read, args=(commands, cancelled), daemon=True)
    reader.start()
    while (message := commands.get())["type"] != "shutdown":
        try:
            if message["type"] == "hello":
                events.emit(_ready(message, models_folder))
            elif message["type"] == "capture":
                events.emit(_capture(message, models_folder, events, cancelled))
            elif message["type"] in ("download", "import"):
                events.emit(_get_weights(message, models_folder, events, cancelled))
            else:
                raise CaptureError("bad_request", f"Unknown message {str(message)[:80]}.")
        except CaptureError as error:
            logger.info("%s: %s", error.code, error)
            events.emit(error_event(error))
        except Exception:
            logger.exception("unexpected")
            events.emit(error_event(internal_error()))
    events.drain()
    return 0


def die_with_parent() -> None:
    """Linux kills this process when its parent dies; elsewhere the end of stdin has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def internal_error() -> CaptureError:
    """The sentence for the exception being handled."""
    error = sys.exc_info()[1]
    return CaptureError(
        "internal",
        f"The worker met an error that nobody foresaw ({type(error).__name__}: {error}).",
        "Please report it; the details are in the log.",
    )


def _read(commands: "queue.SimpleQueue[dict[str, Any]]", cancelled: threading.Event) -> None:
    """Reads the raw descriptor: a buffered stdin would hold its lock when the process ends."""
    splitter = framing.LineSplitter()
    while data := os.read(0, 1 << 16):
        for line in splitter.feed(data):
            message = framing.decode(line)
            if message["type"] == "cancel":
                cancelled.set()
            else:
                if message["type"] in ("capture", "download", "import"):
                    cancelled.clear()
                commands.put(message)
    # Blender is gone. What is on disk is whole, and the rest is not worth waiting for.
    os._exit(0)


def _ready(hello: dict[str, Any], models_folder: Path) -> dict[str, Any]:
    """The answer to a greeting. Raises CaptureError `protocol_mismatch` or `worker_incomplete`."""
    if hello.get("protocol") != PROTOCOL:
        raise protocol_mismatch(hello.get("protocol"), PROTOCOL)
    try:
        import torch

        from models import registry

        from . import device, pipeline  # noqa: F401 - all the worker needs can be imported
    except ImportError as error:
        logger.exception("incomplete")
        raise CaptureError(
            "worker_incomplete",
            f"The capture worker lacks a part ({error}).",
            "Run Set Up in the add-on's preferences again.",
        ) from error
    return {
        "type": "ready",
        "protocol": PROTOCOL,
        "version": addon_version(),
        "pid": os.getpid(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": str(device.choose_device("auto")),
        "devices": device.list_devices(),
        "models": registry.available(models_folder),
    }


def _capture(
    message: dict[str, Any], models_folder: Path, events: EventStream, cancelled: threading.Event
) -> dict[str, Any]:
    from . import pipeline

    request = request_from_dict(message.get("request", {}))
    try:
        return pipeline.capture(request, models_folder, events.emit, cancelled.is_set)
    except CancelledError:
        return {"type": "cancelled"}


def _get_weights(
    message: dict[str, Any], models_folder: Path, events: EventStream, cancelled: threading.Event
) -> dict[str, Any]:
    """Answers `download` (`name` of a checkpoint) and `import` (`file`); the result names the
    `checkpoint` and its `label`."""
    from . import checkpoint_files

    try:
        if message["type"] == "download":
            checkpoint = checkpoint_files.download(
                str(message.get("name")), models_folder, events.emit, cancelled.is_set
            )
        else:
            checkpoint = checkpoint_files.import_file(
                Path(str(message.get("file"))), models_folder, events.emit
            )
    except CancelledError:
        return {"type": "cancelled"}
    return {"type": "result", "checkpoint": checkpoint.name, "label": checkpoint.label}
