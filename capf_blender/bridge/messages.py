# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over the pipe between Blender and the worker: one JSON object a line.

To the worker: `hello`, `capture`, `download` (weights, by name), `import` (a file of weights),
`cancel`, `shutdown`. From it: `ready`, `heartbeat`, `progress`, `log`, `partial`, and exactly one
of `result`, `error`, `cancelled` for each capture, download and import.
Arrays never travel here; they lie as .npz files in the job folder.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ..core.errors import CaptureError
from ..core.model_cards import DEFAULT_MODEL

PROTOCOL = 1
TERMINAL = ("result", "error", "cancelled")


@dataclass(frozen=True)
class CaptureRequest:
    """Everything that matters to a capture's result, and where it goes."""

    source: str  # absolute path of a video, a still image or a folder of images
    job_folder: str  # absolute path; the take is left here
    images: tuple[str, ...] = ()  # file names in the folder `source`, in order; () = all, sorted
    image_fps: float = 24.0  # frames a second of a folder of images
    start_s: float = 0.0  # first frame at or after this time, seconds since the video's first frame
    end_s: float | None = None  # frames before this time only; None = to the end
    person: int | None = None  # id of the wanted person; None = the largest, longest seen
    model: str = DEFAULT_MODEL
    lifter: str | None = None  # absolute path of weights for its lifter; None = those it comes with
    device: str = "auto"  # auto, cpu, cuda, mps
    focal_px: float | None = None  # focal length in pixels of the upright frame, when known

    def __post_init__(self) -> None:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise CaptureError(
                "empty_range",
                f"The range from {self.start_s:g} s to {self.end_s:g} s holds no frame.",
                "Choose an end after the start.",
            )
        if self.focal_px is not None and self.focal_px <= 0:
            raise CaptureError(
                "bad_focal", f"A focal length of {self.focal_px:g} pixels is impossible.",
                "Give a positive one, or none.",
            )  # fmt: skip
        object.__setattr__(self, "images", tuple(self.images))

    def at(self, job_folder: str) -> "CaptureRequest":
        """The same request with another job folder."""
        return dataclasses.replace(self, job_folder=job_folder)

    def fingerprint(self, **facts: Any) -> str:
        """Hash of what the raw frames depend on: the request without `person`, `device`, `lifter`
        and the job folder, plus `facts` (file size, hashes of all weights, ...). Equal fingerprints
        may share frames."""
        raw = dataclasses.asdict(self) | facts
        for name in ("person", "device", "lifter", "job_folder"):
            del raw[name]
        return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def request_from_dict(values: dict[str, Any]) -> CaptureRequest:
    """The request in a `capture` message. Raises CaptureError `bad_request`, naming the field."""
    known = {field.name for field in dataclasses.fields(CaptureRequest)}
    if unknown := set(values) - known:
        raise CaptureError("bad_request", f"Unknown request field {sorted(unknown)[0]!r}.")
    try:
        return CaptureRequest(**values)
    except TypeError as error:
        raise CaptureError("bad_request", f"The request does not fit: {error}.") from error


def error_event(error: CaptureError) -> dict[str, Any]:
    return {"type": "error", "code": error.code, "message": error.message, "hint": error.hint}


def protocol_mismatch(own: Any, other: Any) -> CaptureError:
    return CaptureError(
        "protocol_mismatch",
        f"Blender and the worker speak different protocols ({own} and {other}).",
        "Restart Blender, and run Set Up again if that does not help.",
    )


def encode(message: dict[str, Any]) -> bytes:
    """One line of JSON, newline included; ASCII, so that file names that are no UTF-8 survive."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
