# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user has chosen in the panels, as core understands it: which take, which frames, how."""

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np

from ..core.camera import CameraPath
from ..core.chunks import load_person
from ..core.errors import CaptureError
from ..core.motion import Motion
from ..core.retarget import RetargetSettings
from ..core.sanity import advise
from ..core.settings import SolveSettings
from ..core.shared_world import height_on_floor, world_of
from ..core.solve import solve
from ..core.take import TAKE_FILE, Take, load_request
from ..core.timing import TimeMap
from ..properties import CAPF_PG_scene, chosen_focal_px
from . import camera_source, compat, correction_layer, footage, people
from .apply import ApplyResult, apply_take, edited_contacts, key_of, solved
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
    take, source = _read_take(folder, people.chosen_person(settings))
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


def _read_take(folder: Path, person: int | None) -> tuple[Take, str]:
    """The take in `folder`, of that person, and the path of its footage. Kept until its file
    changes."""
    file = folder / TAKE_FILE
    modified = file.stat().st_mtime_ns if file.is_file() else 0
    return _read_take_once(folder, person, modified)


@lru_cache(maxsize=8)
def _read_take_once(folder: Path, person: int | None, _modified: int) -> tuple[Take, str]:
    take = load_person(folder, person)
    return take, load_request(folder).get("request", {}).get("source", "")


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
    how, cameras = how_to_solve(context, shot)
    result = apply_take(
        context,
        shot.take,
        how,
        shot.frames,
        shot.times_s,
        settings.armature,
        retarget_settings=retarget_settings(settings),
        bake_settings=wanted or bake_settings(settings),
        keep_edited_contacts=keep,
        cameras=cameras,
        corrections=correction_layer.read(settings, key_of(shot.take)),
    )
    if settings.armature != result.armature:
        settings.armature = result.armature
    advice = advise(shot.take, how, result.motion, cameras)
    settings.advice = "\n".join((*advice, *result.notes))
    people.applied(settings, shot.take.person, result.armature, how.height_m)
    return result


def how_to_solve(context: bpy.types.Context, shot: Shot) -> tuple[SolveSettings, CameraPath | None]:
    """What is chosen for `shot`, in the world of the person of its take who was applied first.

    Raises CaptureError, as `camera_source` and `solve` do.
    """
    settings, take = compat.sequencer_scene(context).capf, shot.take
    wanted, cameras = solve_settings(settings, take), chosen_cameras(context, shot)
    first = people.world_person(settings, take.person)
    if first is None:
        return wanted, cameras
    first_take, _ = _read_take(Path(bpy.path.abspath(settings.take_folder)), first)
    height_m = people.height_of(settings, first) or wanted.height_m
    shared = _world_of(first_take, replace(wanted, height_m=height_m), cameras)
    if people.height_of(settings, take.person):
        return wanted, shared
    found_m = _height_on_floor(take, wanted, shared)
    return replace(wanted, height_m=found_m or wanted.height_m), shared


@lru_cache(maxsize=2)
def _world_of(take: Take, settings: SolveSettings, cameras: CameraPath | None) -> CameraPath:
    return world_of(solve(take, settings, cameras))


@lru_cache(maxsize=8)
def _height_on_floor(take: Take, settings: SolveSettings, cameras: CameraPath) -> float | None:
    return height_on_floor(take, settings, cameras)


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
    wanted, cameras = how_to_solve(context, shot)
    if not grounded:
        return solve(take, replace(wanted, contact_mode="NEVER"), cameras=cameras)
    edited = settings.use_edited_contacts and settings.armature is not None
    contacts = edited_contacts(settings.armature, key_of(take)) if edited else None
    corrections = correction_layer.read(settings, key_of(take))
    return solved(take, wanted, cameras, contacts, corrections)


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
