# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user has chosen in the panels, as core understands it: which take, which frames, how."""

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np

from ..core.camera import CameraPath
from ..core.errors import CaptureError
from ..core.motion import Motion
from ..core.retarget import RetargetSettings
from ..core.settings import SolveSettings
from ..core.solve import solve
from ..core.take import TAKE_FILE, Take, load_request, load_take
from ..core.timing import TimeMap
from ..properties import CAPF_PG_scene, chosen_focal_px
from . import camera_source, compat, footage
from .apply import ApplyResult, apply_take, edited_contacts, key_of
from .bake import BakeSettings


@dataclass(frozen=True, eq=False)
class Shot:
    """A take and where its frames lie in the scene."""

    take: Take
    strip: bpy.types.Strip | None  # that shows its footage
    frames: np.ndarray  # (N,) scene frames to key, increasing
    times_s: np.ndarray  # (N,) their source times in seconds
    time_map: TimeMap


def chosen_shot(context: bpy.types.Context) -> Shot:
    """Raises CaptureError when there is no take or none of its frames is to be keyed."""
    scene = compat.sequencer_scene(context)
    settings = scene.capf
    folder = Path(bpy.path.abspath(settings.take_folder))
    take, source = _read_take(folder)
    strip = footage.strip_showing(scene, source, settings.take_strip)
    frames, times_s, time_map = key_frames(context, take, strip)
    if settings.use_key_range:
        wanted = (frames >= settings.key_start) & (frames <= settings.key_end)
        if not wanted.any():
            raise CaptureError(
                "no_frames",
                f"The take is not shown on the scene's frames {settings.key_start} to "
                f"{settings.key_end}.",
                "Choose another range of frames to key.",
            )
        frames, times_s = frames[wanted], times_s[wanted]
    step = settings.key_step
    return Shot(take, strip, frames[::step], times_s[::step], time_map)


def _read_take(folder: Path) -> tuple[Take, str]:
    """The take in `folder` and the path of its footage. Kept until its file changes."""
    file = folder / TAKE_FILE
    modified = file.stat().st_mtime_ns if file.is_file() else 0
    return _read_take_once(folder, modified)


@lru_cache(maxsize=4)
def _read_take_once(folder: Path, _modified: int) -> tuple[Take, str]:
    return load_take(folder), load_request(folder).get("request", {}).get("source", "")


def key_frames(
    context: bpy.types.Context, take: Take, strip: bpy.types.Strip | None
) -> tuple[np.ndarray, np.ndarray, TimeMap]:
    """(N,) scene frames to key, (N,) their source times in seconds, and the map between the two.

    They follow `strip` as it lies now; without one the take starts at the scene's first frame.
    """
    scene = compat.sequencer_scene(context)
    if strip is not None:
        clip = footage.read_strip(strip, scene)
        time_map, first, last = clip.time_map, clip.first_frame, clip.last_frame
    else:
        start = context.scene.frame_start
        time_map = TimeMap(start, float(take.time_s[0]), 1.0 / footage.scene_fps(scene))
        first, last = start, int(np.floor(time_map.frames(take.time_s[-1])))
    frames = np.arange(first, last + 1)
    times = time_map.times_s(frames)
    # the scene frame nearest to the first or last source frame may lie half a frame outside
    slack = 0.5 * time_map.seconds_per_frame
    inside = (times >= take.time_s[0] - slack) & (times <= take.time_s[-1] + slack)
    times = np.clip(times[inside], take.time_s[0], take.time_s[-1])
    return frames[inside], times, time_map


def apply_chosen(
    context: bpy.types.Context,
    shot: Shot,
    wanted: BakeSettings | None = None,
    keep_edited_contacts: bool | None = None,
) -> ApplyResult:
    """Applies `shot` to the chosen armature, or to a new one, which is chosen then.

    `wanted` and `keep_edited_contacts` replace what is chosen. Raises CaptureError, as `apply_take`
    does.
    """
    settings = compat.sequencer_scene(context).capf
    keep = settings.use_edited_contacts if keep_edited_contacts is None else keep_edited_contacts
    result = apply_take(
        context,
        shot.take,
        solve_settings(settings, shot.take),
        shot.frames,
        shot.times_s,
        settings.armature,
        retarget_settings=retarget_settings(settings),
        bake_settings=wanted or bake_settings(settings),
        keep_edited_contacts=keep,
        cameras=chosen_cameras(context, shot),
    )
    if settings.armature != result.armature:
        settings.armature = result.armature
    return result


def solve_settings(settings: CAPF_PG_scene, take: Take) -> SolveSettings:
    same = {field.name for field in fields(SolveSettings)} & set(settings.bl_rna.properties.keys())
    return SolveSettings(
        height_m=settings.height,
        focal_px=chosen_focal_px(settings, max(take.image_size)),
        camera_pitch=settings.pitch if settings.use_tilt else None,
        camera_roll=settings.roll if settings.use_tilt else None,
        **{name: getattr(settings, name) for name in same},
    )


def chosen_cameras(context: bpy.types.Context, shot: Shot) -> CameraPath | None:
    """The known camera that took the footage, None where there is none.

    Raises CaptureError, as `camera_source` does.
    """
    settings, take = compat.sequencer_scene(context).capf, shot.take
    if settings.camera_source == "SCENE":
        return camera_source.scene_path(context, take.time_s, shot.time_map, take.image_size)
    if settings.camera_source == "CLIP":
        clip = settings.clip or context.scene.active_clip
        return camera_source.clip_path(clip, take.image_size)
    return None


def chosen_motion(context: bpy.types.Context, shot: Shot, grounded: bool = True) -> Motion:
    """`shot` solved without an armature, with the contacts as they were edited on the chosen one;
    or not `grounded`, as the camera saw it. Raises CaptureError, as `solve` does."""
    settings, take = compat.sequencer_scene(context).capf, shot.take
    wanted, cameras = solve_settings(settings, take), chosen_cameras(context, shot)
    if not grounded:
        return solve(take, replace(wanted, contact_mode="NEVER"), cameras=cameras)
    edited = settings.use_edited_contacts and settings.armature is not None
    contacts = edited_contacts(settings.armature, key_of(take)) if edited else None
    return solve(take, wanted, contacts=contacts, cameras=cameras)


def retarget_settings(settings: CAPF_PG_scene) -> RetargetSettings:
    """Raises CaptureError `no_parts`."""
    if not settings.parts:
        raise CaptureError(
            "no_parts", "No part of the body is chosen to be keyed.", "Choose at least one."
        )
    return RetargetSettings(
        root=settings.root_mode,
        parts=frozenset(settings.parts),
        limbs=settings.limbs,
        scale=settings.scale_mode,
        place=settings.place,
    )


def bake_settings(settings: CAPF_PG_scene) -> BakeSettings:
    return BakeSettings(
        destination=settings.destination,
        reduced=settings.use_reduction,
        tolerance_m=settings.key_tolerance,
        blend_frames=settings.blend_frames,
        key_switches=settings.key_switches,
    )
