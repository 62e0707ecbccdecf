# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be chosen after a capture."""

from dataclasses import dataclass

from .errors import CaptureError


@dataclass(frozen=True)
class SolveSettings:
    """What can be chosen after a capture. Cut-offs in Hz: lower is smoother."""

    height_m: float | None = 1.75  # of the person; None keeps the size that the model guessed
    focal_px: float | None = None  # of the upright frame; None takes the take's, else a default
    body_hz: float = 6.0
    extremities_hz: float = 9.0  # wrists, ankles and what lies beyond
    head_hz: float = 4.0
    depth_hz: float = 2.0  # of the root, along the camera's axis
    image_pull: float = 1.0  # how far joints move to where they are seen: 0 to 1, by confidence
    longest_gap_s: float = 0.5  # gaps up to this are filled, longer ones stay unknown

    def __post_init__(self) -> None:
        for name in ("height_m", "focal_px", "body_hz", "extremities_hz", "head_hz", "depth_hz"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise CaptureError(
                    "bad_setting",
                    f"{name} is {value}, which is impossible.",
                    "Give a positive one.",
                )
        if not 0.0 <= self.image_pull <= 1.0:
            raise CaptureError(
                "bad_setting", f"image_pull is {self.image_pull}.", "Give a number from 0 to 1."
            )
