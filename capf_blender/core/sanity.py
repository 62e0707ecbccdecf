# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether field of view, height, tilt and body look right after a solve, and what to change."""

from dataclasses import fields, replace

import numpy as np

from .camera import CameraPath, Intrinsics, inverse, locate_root, project, transformed
from .errors import CaptureError
from .gravity import up_direction
from .motion import Motion
from .rotations import angle_between
from .settings import PRESETS, SolveSettings
from .skeleton import JOINT, JOINT_PARENTS
from .solve import solve
from .take import Take
from .world import flat_soles, foot_heights, height_on_floor, pitch_and_roll

MOST_FRAMES = 60
LEAST_FRAMES = 10  # fewer tell nothing
FOCAL_STEPS = (0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0)  # of the focal length that was used
# Pixels left with the best of those, as a share. Of clips filmed with phones and with cameras of
# known focal length 0.94 to 1 where it was about right, 0.45 to 0.64 where it was half of that.
BETTER = 0.87
LEAST_OFF = 0.004  # pixels that are left, in the person's size in the picture: less is no matter
LOWEST_CAMERA_M, HIGHEST_CAMERA_M = -0.4, 6.0  # over the floor
OFF_FLOOR_M = 0.12  # feet from the floor of a camera whose place is known
MOST_LEAN = np.radians(12.0)  # of the person in a world of given tilt
SIDES = 1.3  # of one arm or leg to the other; of those clips 0.92 to 1.12
LEG_SHARE = (0.40, 0.58)  # of the height; of those clips 0.47 to 0.49
LIMBS = {"arm": ("elbow", "wrist"), "leg": ("knee", "ankle")}
LEAST_CONFIDENCE = 0.05


def advise(
    take: Take,
    settings: SolveSettings,
    motion: Motion,
    cameras: CameraPath | None = None,
) -> tuple[str, ...]:
    """A sentence for each thing that looks wrong in `motion`, the solve of `take`, and what to
    change; looks at up to `MOST_FRAMES` frames as the camera saw them. Nothing is no promise: not
    all that is wrong can be seen.
    """
    some = _some_frames(take)
    if len(some.time_s) < LEAST_FRAMES:
        return ()
    plain = replace(
        PRESETS["RAW"],
        height_m=settings.height_m,
        focal_px=settings.focal_px,
        camera_pitch=settings.camera_pitch,
        camera_roll=settings.camera_roll,
    )
    try:
        raw = solve(some, plain, cameras)
    except CaptureError:
        return ()  # the solve of all frames said what there is to say
    if raw.present.sum() < LEAST_FRAMES:
        return ()
    known = cameras is not None
    found = [
        _field_of_view(some, raw, known),
        _floor(raw, settings, cameras) if known else _camera_height(motion),
        None if known else _tilt(raw, settings),
        _sides(some),
        _legs(motion),
    ]
    return tuple(sentence for sentence in found if sentence is not None)


def _some_frames(take: Take) -> Take:
    """Up to `MOST_FRAMES` frames, evenly over those with the person."""
    present = np.flatnonzero(take.present)
    chosen = present[
        np.unique(np.linspace(0, len(present) - 1, min(MOST_FRAMES, len(present))).astype(int))
    ]
    frames = len(take.time_s)
    arrays = {
        field.name: getattr(take, field.name)[chosen]
        for field in fields(take)
        if np.shape(getattr(take, field.name))[:1] == (frames,)
        and field.name not in ("keypoint_names", "joint_names", "joint_parents", "people_ids")
    }
    return replace(take, people_ids=take.people_ids[:0], **{
        **arrays, "people_bbox": np.empty((0, len(chosen), 4)),
    })  # fmt: skip


def _field_of_view(take: Take, raw: Motion, known_camera: bool) -> str | None:
    """The focal length at which the lifted body, as it is, fits its joints in the image best."""
    seen = transformed(raw.joints, inverse(raw.world_from_camera))
    body = seen - seen[:, :1]
    weights = np.maximum(np.nan_to_num(take.joints_confidence), LEAST_CONFIDENCE)
    weights = np.where(np.isfinite(take.joints_2d).all(axis=-1), weights, 0.0)
    left = []
    for step in FOCAL_STEPS:
        camera = replace(raw.camera, focal_px=step * raw.camera.focal_px)
        root = locate_root(body, take.joints_2d, weights, camera)
        off = np.linalg.norm(project(body + root[:, None], camera) - take.joints_2d, axis=-1)
        usable = np.isfinite(off)
        left.append(np.sum((weights * off)[usable]) / max(np.sum(weights[usable]), 1e-9))
    best = int(np.argmin(left))
    used = left[FOCAL_STEPS.index(1.0)]
    size = np.nanmedian(np.linalg.norm(np.ptp(take.joints_2d, axis=1), axis=-1))
    if used < LEAST_OFF * size or left[best] > BETTER * used:
        return None
    better = replace(raw.camera, focal_px=FOCAL_STEPS[best] * raw.camera.focal_px)
    what = "check the camera's focal length" if known_camera else "set Known Field of View to it"
    return (
        f"The person fits a field of view of about {_degrees(better):.0f}° better than the "
        f"{_degrees(raw.camera):.0f}° that were used: {what}."
    )


def _degrees(camera: Intrinsics) -> float:
    """The angle that the longer side of the picture covers."""
    return float(
        np.degrees(2 * np.arctan(0.5 * max(camera.width, camera.height) / camera.focal_px))
    )


def _camera_height(motion: Motion) -> str | None:
    """Of a camera whose place was found from the person."""
    height = float(motion.world_from_camera.reshape(-1, 4, 4)[0, 2, 3])
    if LOWEST_CAMERA_M <= height <= HIGHEST_CAMERA_M:
        return None
    where = f"{abs(height):.1f} m {'above' if height > 0 else 'below'} the floor"
    return (
        f"The camera comes out {where}: if it was not there, check Field of View and Height, or "
        "give its pitch and roll as Known Tilt."
    )


def _floor(raw: Motion, settings: SolveSettings, cameras: CameraPath | None) -> str | None:
    """Whether a person of that height stands on the floor of a camera of known place."""
    if cameras is None or not (cameras.level and cameras.metric) or settings.height_m is None:
        return None
    soles = flat_soles(raw.rest)
    low = float(np.percentile(foot_heights(raw.joints[raw.present], soles), 5.0))
    if abs(low - settings.floor_m) < OFF_FLOOR_M:
        return None
    eye = np.broadcast_to(raw.world_from_camera, (len(raw.time_s), 4, 4))[:, :3, 3]
    where = f"{abs(low):.2f} m {'above' if low > settings.floor_m else 'below'} the scene's floor"
    try:
        height_m = height_on_floor(raw.joints, soles, eye, settings.height_m)
    except CaptureError:
        return f"The feet come out {where}: check where the camera is."
    return (
        f"The feet come out {where}: a Height of {height_m:.2f} m would stand on it, or the camera "
        "is not where the footage was filmed."
    )


def _tilt(raw: Motion, settings: SolveSettings) -> str | None:
    """Whether the person stands upright in a world of given tilt."""
    if settings.camera_pitch is None and settings.camera_roll is None:
        return None
    seen = transformed(raw.joints, inverse(raw.world_from_camera))[raw.present]
    upright = up_direction(seen, raw.time_s[raw.present])
    given = raw.world_from_camera[2, :3]
    lean = float(angle_between(upright, given))
    if lean < MOST_LEAN:
        return None
    pitch, roll = np.degrees(pitch_and_roll(upright))
    return (
        f"The person leans by {np.degrees(lean):.0f}° with the Known Tilt: a pitch of "
        f"{round(pitch)}° and a roll of {round(roll)}° would stand upright, or turn it off."
    )


def _sides(take: Take) -> str | None:
    """Whether the arms or the legs are of very different length."""
    bones = take.joints - take.joints[:, np.maximum(JOINT_PARENTS, 0)]
    lengths = np.nanmedian(np.linalg.norm(bones, axis=-1), axis=0)
    for limb, names in LIMBS.items():
        left, right = (sum(lengths[JOINT[p + name]] for name in names) for p in ("l_", "r_"))
        ratio = max(left, right) / max(min(left, right), 1e-6)
        if ratio > SIDES:
            short, other = ("left", "right") if left < right else ("right", "left")
            return (
                f"The {short} {limb} comes out {100 * (1 - 1 / ratio):.0f} % shorter than the "
                f"{other} one: it is hardly seen, so film it from where it is not hidden, or put "
                "frames right with Correct Joint."
            )
    return None


def _legs(motion: Motion) -> str | None:
    """Whether the legs are of a length that people's are."""
    legs = sum(motion.bone_lengths[JOINT[name]] for name in ("l_knee", "l_ankle"))
    share = float(legs / motion.rest.joints[JOINT["head_top"], 2])
    if LEG_SHARE[0] <= share <= LEG_SHARE[1]:
        return None
    return (
        f"The legs come out as {100 * share:.0f} % of the height, about 48 % are usual: use "
        "footage in which the whole person is seen, some of it standing, or another model."
    )
