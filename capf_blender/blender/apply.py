# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a take to an animated armature."""

import zlib
from dataclasses import dataclass
from functools import lru_cache

import bpy
import numpy as np

from ..core.camera import CameraPath
from ..core.contacts import FEET, Contact
from ..core.corrections import Correction, seen_as_corrected
from ..core.errors import CaptureError
from ..core.motion import Motion, sample
from ..core.retarget import RetargetSettings, retarget
from ..core.rig import Rig, RigMap, RigPose
from ..core.settings import SolveSettings
from ..core.solve import solve
from ..core.take import Take
from ..core.timing import TimeMap
from . import armature as armatures
from . import bake_record, channels, confidence_keys, contact_keys, role_map, targets
from . import mannequin as mannequins
from .bake import Bake, BakeSettings, bake
from .rigs import read_rig

PLANTED_SHARE = 0.25  # of the tolerance, for a foot that stands: there the eye sees it
LEG_ROLES = ("thigh", "shin", "foot", "toe")
BODY_ROLES = ("root", "hips")


@dataclass(frozen=True, eq=False)
class ApplyResult:
    armature: bpy.types.Object
    mannequin: bpy.types.Object | None  # of our armatures, unless the user has deleted it
    action: bpy.types.Action
    motion: Motion  # as solved, at the take's own times
    rig_map: RigMap
    frames: int  # scene frames that got keys
    keys: int
    notes: tuple[str, ...]  # sentences of what is worth a look
    kept: str  # the action that was left alone because the user has edited it by hand; ""


def apply_take(
    context: bpy.types.Context,
    take: Take,
    settings: SolveSettings,
    scene_frames: np.ndarray,
    times_s: np.ndarray,
    armature: bpy.types.Object | None = None,
    *,
    retarget_settings: RetargetSettings | None = None,
    bake_settings: BakeSettings | None = None,
    keep_edited_contacts: bool = True,
    cameras: CameraPath | None = None,
    corrections: tuple[Correction, ...] = (),
) -> ApplyResult:
    """Solves `take` and keys it on `armature`, of whatever humanoid rig; None makes a new one.

    `scene_frames` (N,) are keyed with the motion at `times_s` (N,), seconds of source time; both
    increase. Frames without the person get no keys. An armature of ours is fitted to the body that
    was solved; one that was deleted, and is in no scene any more, is replaced. Contacts that the
    user has edited on this armature are kept if wanted. Raises CaptureError `no_pose`, `no_frames`,
    `bad_setting`, those of `targets.check`, of `role_map.found` and of `bake`; nothing is changed
    then.
    """
    if armature is not None and not armature.users_scene:
        armature = None  # deleted in the 3D View: what refers to it keeps it in the file
    context.view_layer.update()  # what was linked or excluded just now counts
    if armature is not None:
        targets.check(context, armature)
    take_key = key_of(take)
    contacts = edited_contacts(armature, take_key) if keep_edited_contacts else None
    motion = solved(take, settings, cameras, contacts, corrections)
    moments = sample(motion, times_s)
    present = moments.present
    if not present.any():
        raise CaptureError(
            "no_frames",
            "The person is not known in any of the frames to be keyed.",
            "Choose a frame range in which the person is seen.",
        )
    target, mannequin = _fitted(context, armature, motion)
    rig = read_rig(target)
    rig_map = role_map.found(target, rig)
    moments_s, joints = moments.time_s[present], moments.joints[present]
    pose = retarget(joints, moments_s, rig, rig_map, retarget_settings, motion.contacts)
    frames = np.asarray(scene_frames, float)
    bake_settings = bake_settings or BakeSettings()
    time_map = _time_map(frames, times_s)
    what = Bake(
        take=take_key,
        time_map=time_map,
        channels=_channels(target, rig, pose, frames[present], time_map, motion, bake_settings),
        switches=pose.switches,
        contacts=contact_keys.contact_keys(motion.contacts, frames[present], time_map),
        contacts_edited=contacts is not None,
        confidence=confidence_keys.confidence_keys(
            seen_as_corrected(take, corrections), frames[present], time_map
        ),
    )
    baked = bake(target, what, bake_settings)
    return ApplyResult(
        armature=target,
        mannequin=mannequin,
        action=baked.action,
        motion=motion,
        rig_map=rig_map,
        frames=int(present.sum()),
        keys=baked.keys,
        notes=pose.notes,
        kept=baked.kept,
    )


@lru_cache(maxsize=1)
def solved(
    take: Take,
    settings: SolveSettings,
    cameras: CameraPath | None,
    contacts: tuple[Contact, ...] | None,
    corrections: tuple[Correction, ...] = (),
) -> Motion:
    """Kept for settings of the rig and the keys, which change nothing here."""
    return solve(take, settings, cameras, contacts, corrections)


def key_of(take: Take) -> str:
    """The same for the same take wherever it lies."""
    return f"{zlib.crc32(take.joints.tobytes()):08x}-{len(take.time_s)}"


def edited_contacts(armature: bpy.types.Object | None, take: str) -> tuple[Contact, ...] | None:
    """The contacts of an earlier bake of `take` that the user has changed since; None without."""
    found = bake_record.find(armature, take, whole=False) if armature is not None else None
    if armature is None or found is None or not contact_keys.edited(armature, *found):
        return None
    return contact_keys.read(armature, *found)


def _fitted(
    context: bpy.types.Context, armature: bpy.types.Object | None, motion: Motion
) -> tuple[bpy.types.Object, bpy.types.Object | None]:
    """The armature to key and its mannequin; a new pair when there is none yet."""
    rest = motion.rest
    if armature is None:
        target = armatures.create(context, rest, "CAPF Person")
        mannequin = mannequins.create(context, target, rest)
    else:
        target, mannequin = armature, mannequins.find(armature)
        if armatures.is_ours(target) and not armatures.fits(target, rest):
            armatures.fit(context, target, rest)
            if mannequin is not None:
                mannequins.fit(mannequin, rest)
    context.view_layer.update()  # object.pose is None until then, and slots cannot be assigned
    return target, mannequin


def _channels(
    target: bpy.types.Object,
    rig: Rig,
    pose: RigPose,
    frames: np.ndarray,
    time_map: TimeMap,
    motion: Motion,
    settings: BakeSettings,
) -> channels.Channels:
    values = channels.bone_values(target, pose)
    if not settings.reduced:
        return channels.straight(values, frames)
    standing = contact_keys.on_frames(motion.contacts, frames, time_map)  # (N, 2)
    edges = np.zeros((len(values), len(frames)), bool)
    allowed_m = np.full(edges.shape, settings.tolerance_m)
    for row, one in enumerate(values):
        role, _, side = pose.roles.get(one.bone, "").partition(".")
        feet = [side.lower()] if role in LEG_ROLES else FEET if role in BODY_ROLES else ()
        for foot in feet:
            stands = standing[:, FEET.index(foot)]
            starts = stands & ~np.roll(stands, 1)
            ends = stands & ~np.roll(stands, -1)
            edges[row] |= starts | ends
            if role in LEG_ROLES:
                allowed_m[row, stands] = PLANTED_SHARE * settings.tolerance_m
    return channels.reduced(values, frames, rig, allowed_m, edges)


def _time_map(frames: np.ndarray, times_s: np.ndarray) -> TimeMap:
    """The straight line through most of the frames: the outermost may be a little off."""
    middle = len(frames) // 2
    step = np.median(np.diff(times_s) / np.diff(frames)) if len(frames) > 1 else 1.0 / 24.0
    return TimeMap(float(frames[middle]), float(times_s[middle]), float(step))
