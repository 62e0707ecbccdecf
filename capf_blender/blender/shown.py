# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chosen armature shows: the take and the motion behind its keys, and where its frames
lie. Found again from the settings after a file was loaded or a step undone."""

from dataclasses import dataclass
from functools import cached_property

import bpy
import numpy as np

from ..core.corrections import Correction, frame_at, seen_as_corrected
from ..core.doubts import Doubt, find_doubts, seen_joints, summary
from ..core.errors import CaptureError
from ..core.motion import Motion
from ..core.take import Take
from ..core.timing import TimeMap
from . import bake_record, choices, compat, correction_layer
from .apply import key_of


@dataclass(frozen=True, eq=False)
class Shown:
    """`take` is as the detector and the user's corrections have it."""

    key: str  # of the take as it was captured
    take: Take
    motion: Motion  # at the take's own times
    time_map: TimeMap
    first_frame: int  # keyed scene frames
    last_frame: int

    @cached_property
    def pixels(self) -> np.ndarray:
        """(F, J, 2) of the footage at which the solved joints are."""
        return seen_joints(self.motion)

    def index_at(self, frame: float) -> int | None:
        """The take's frame that scene `frame` shows; None where there is none."""
        return frame_at(self.take.time_s, float(self.time_map.times_s(np.array(frame))))

    def scene_frame(self, index: int) -> int:
        """The first scene frame that shows the take's frame `index`."""
        return round(float(self.time_map.frames(self.take.time_s[index])))

    def doubts(self, threshold: float) -> list[tuple[int, int, Doubt]]:
        """First and last scene frame of each doubt within the keyed frames, in order."""
        found = []
        for doubt in find_doubts(self.take, self.motion, threshold):
            first, last = self.scene_frame(doubt.first), self.scene_frame(doubt.last)
            first, last = max(first, self.first_frame), min(last, self.last_frame)
            if first <= last:
                found.append((first, last, doubt))
        return found

    def summary(self, threshold: float) -> tuple[str, ...]:
        """The panel's lines about the keyed frames."""
        ends = (self.index_at(self.first_frame), self.index_at(self.last_frame))
        first = ends[0] if ends[0] is not None else 0
        last = ends[1] if ends[1] is not None else len(self.take.time_s) - 1
        return summary(self.take, np.arange(first, last + 1), threshold)


_kept: dict[tuple[str, ...], Shown] = {}
_KEEP = 4


def is_baked(settings: bpy.types.PropertyGroup) -> bool:
    """Whether the chosen armature has keys of ours."""
    return settings.armature is not None and bake_record.in_use(settings.armature) is not None


def frame_of(settings: bpy.types.PropertyGroup, correction: bpy.types.PropertyGroup) -> int | None:
    """The scene frame of one of the scene's corrections; None when it is of another take than the
    one that the armature shows."""
    found = bake_record.in_use(settings.armature) if settings.armature is not None else None
    if found is None or found[1].take != correction.take:
        return None
    return round(float(found[1].time_map.frames(np.array(correction.time_s))))


def of(context: bpy.types.Context) -> Shown:
    """Raises CaptureError `not_baked`, `other_take`, and those of `choices.chosen_motion`."""
    settings = compat.sequencer_scene(context).capf
    ob = settings.armature
    found = bake_record.in_use(ob) if ob is not None else None
    if ob is None or found is None:
        raise CaptureError(
            "not_baked", "No take is keyed on the chosen armature.",
            "Press Apply to Armature first, or choose another armature.",
        )  # fmt: skip
    action, record = found
    key = (ob.name, record.take, record.keys, settings.take_folder, action.name)
    if key not in _kept:
        while len(_kept) >= _KEEP:
            del _kept[next(iter(_kept))]
        _kept[key] = _solve(context, ob, action, record)
    return _kept[key]


def _solve(
    context: bpy.types.Context,
    ob: bpy.types.Object,
    action: bpy.types.Action,
    record: bake_record.BakeRecord,
) -> Shown:
    settings = compat.sequencer_scene(context).capf
    shot = choices.chosen_shot(context)
    if key_of(shot.take) != record.take:
        raise CaptureError(
            "other_take", f"{ob.name} shows another take than the chosen one.",
            "Choose its take, or press Apply to Armature.",
        )  # fmt: skip
    corrections: tuple[Correction, ...] = correction_layer.read(settings, record.take)
    first, last = action.curve_frame_range
    return Shown(
        key=record.take,
        take=seen_as_corrected(shot.take, corrections),
        motion=choices.chosen_motion(context, shot),
        time_map=record.time_map,
        first_frame=int(np.ceil(first)),
        last_frame=int(np.floor(last)),
    )
