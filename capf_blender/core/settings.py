# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be chosen after a capture, and the presets of it."""

from dataclasses import dataclass

from .errors import CaptureError

_POSITIVE = ("height_m", "focal_px")
_NOT_NEGATIVE = (
    "body_hz", "extremities_hz", "head_hz", "depth_hz", "dead_zone_m", "outlier_sigmas",
    "longest_gap_s",
)  # fmt: skip


@dataclass(frozen=True)
class SolveSettings:
    """What can be chosen after a capture. Seconds, metres and Hz: a lower cut-off is smoother, and
    0 turns a step off."""

    height_m: float | None = 1.75  # of the person; None keeps the size that the model guessed
    focal_px: float | None = None  # of the upright frame; None takes the take's, else a default
    repair_sides: bool = True  # exchange left and right where the detector confused them
    outlier_sigmas: float = 3.0  # robust standard deviations from the frames around
    longest_gap_s: float = 0.5  # gaps up to this are filled, longer ones stay unknown
    image_pull: float = 1.0  # how far joints move to where they are seen: 0 to 1, by confidence
    body_hz: float = 6.0
    extremities_hz: float = 9.0  # wrists, ankles and what lies beyond
    head_hz: float = 4.0
    depth_hz: float = 2.0  # along the camera's axis, where networks guess: always for the root,
    dead_zone_m: float = 0.015  # and for bones whose faster changes are smaller than this
    natural_hinges: bool = True  # knees and elbows do not bend the wrong way
    # Where nothing is known of the camera's place; radians, None: found from how the person stands
    camera_pitch: float | None = None  # how far it looks down
    camera_roll: float | None = None  # how far it is turned clockwise, seen from behind
    yaw: float = 0.0  # turns the world about z; without, the person first faces -Y
    floor_m: float = 0.0  # raises the person over the floor that was found
    contact_mode: str = "AUTO"  # a key of `CONTACT_MODES`

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise _impossible(name, value, "a positive one")
        for name in _NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise _impossible(name, getattr(self, name), "one that is not negative")
        if not 0 <= self.image_pull <= 1:
            raise _impossible("image_pull", self.image_pull, "one from 0 to 1")
        if self.contact_mode not in CONTACT_MODES:
            raise CaptureError(
                "bad_setting",
                f"{self.contact_mode} is no way of finding contacts.",
                f"Choose one of {', '.join(CONTACT_MODES)}.",
            )


CONTACT_MODES: dict[str, tuple[str, str]] = {
    "AUTO": ("Auto", "Feet are planted while they are seen to stand: near the floor and still"),
    "ALWAYS": ("Always", "Feet near the floor are planted all the time, but for clear steps"),
    "NEVER": ("Never", "Feet move as they were captured, nothing is planted"),
    "GROUNDING": (
        "Grounding",
        "The body's lowest point is put on the floor in each frame; nothing is planted, and jumps"
        " stay on the floor",
    ),
}
"""Label and one line of description of each way of finding when feet stand."""


def _impossible(name: str, value: float, wanted: str) -> CaptureError:
    return CaptureError(
        "bad_setting", f"{name} is {value}, which is impossible.", f"Give {wanted}."
    )


PRESETS: dict[str, SolveSettings] = {
    "RAW": SolveSettings(
        repair_sides=False, outlier_sigmas=0.0, longest_gap_s=0.0, image_pull=0.0, body_hz=0.0,
        extremities_hz=0.0, head_hz=0.0, depth_hz=0.0, dead_zone_m=0.0, natural_hinges=False,
        contact_mode="NEVER",
    ),
    "LIGHT": SolveSettings(
        body_hz=9.0, extremities_hz=12.0, head_hz=7.0, depth_hz=4.0, dead_zone_m=0.007
    ),
    "DEFAULT": SolveSettings(),
    "SMOOTH": SolveSettings(
        body_hz=3.5, extremities_hz=5.0, head_hz=2.5, depth_hz=1.2, dead_zone_m=0.03
    ),
}  # fmt: skip
"""Height and focal length belong to the footage: `replace(PRESETS[name], height_m=...)`."""

PRESET_TEXTS: dict[str, tuple[str, str]] = {
    "RAW": ("Raw", "As captured: only size, place and level are found, nothing is cleaned"),
    "LIGHT": ("Light", "Repaired, with little smoothing: fast and precise motion, good footage"),
    "DEFAULT": ("Default", "Repaired and smoothed so that fast strikes keep their reach"),
    "SMOOTH": ("Smooth", "Much smoothing: calm motion, or footage that shakes the result"),
}
"""Label and one line of description of each preset."""
