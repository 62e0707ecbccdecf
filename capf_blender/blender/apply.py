# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a take to an animated armature."""

from dataclasses import dataclass

import bpy
import numpy as np

from ..core.armature import BONE_NAMES
from ..core.errors import CaptureError
from ..core.motion import Motion, sample
from ..core.retarget import retarget
from ..core.settings import SolveSettings
from ..core.solve import solve
from ..core.take import Take
from . import armature as armatures
from . import mannequin as mannequins
from .actions import write_pose_action


@dataclass(frozen=True, eq=False)
class ApplyResult:
    armature: bpy.types.Object
    mannequin: bpy.types.Object | None  # None when the user has deleted it
    action: bpy.types.Action
    motion: Motion  # as solved, at the take's own times
    frames: int  # scene frames that got keys
    keys: int
    reprojection_px: float  # mean over those frames


def apply_take(
    context: bpy.types.Context,
    take: Take,
    settings: SolveSettings,
    scene_frames: np.ndarray,
    times_s: np.ndarray,
    armature: bpy.types.Object | None = None,
) -> ApplyResult:
    """Solves `take` and keys it on an armature: `armature` if it is one of ours, else a new one.

    `scene_frames` (N,) are keyed with the motion at `times_s` (N,), seconds of source time; both
    increase. Frames without the person get no keys. An armature of ours is fitted to the body that
    was solved; one that was deleted, and is in no scene any more, is replaced. Raises CaptureError
    `no_pose`, `no_frames`, `foreign_armature`, `linked_armature` or `hidden_armature`; nothing is
    changed then.
    """
    if armature is not None and not armature.users_scene:
        armature = None  # deleted in the 3D View: what refers to it keeps it in the file
    if armature is not None and not armatures.is_ours(armature):
        raise CaptureError(
            "foreign_armature",
            f"{armature.name} is not an armature that this add-on made, or has other bones now.",
            "Clear the armature field to get a new one.",
        )
    if armature is not None and armature.library is not None:
        raise armatures.linked(armature)
    context.view_layer.update()  # what was linked or excluded just now counts
    if armature is not None and armature.name not in context.view_layer.objects:
        raise CaptureError(
            "hidden_armature",
            f"{armature.name} is in another scene, or in a collection that is excluded here.",
            "Show that collection, or clear the armature field to get a new armature.",
        )
    motion = solve(take, settings)
    moments = sample(motion, times_s)
    if not moments.present.any():
        raise CaptureError(
            "no_frames",
            "The person is not known in any of the frames to be keyed.",
            "Choose a frame range in which the person is seen.",
        )
    rest = motion.rest
    if armature is None:
        target = armatures.create(context, rest, "CAPF Person")
        mannequin = mannequins.create(context, target, rest)
    else:
        target = armature
        mannequin = mannequins.find(target)
        if not armatures.fits(target, rest):
            armatures.fit(context, target, rest)
            if mannequin is not None:
                mannequins.fit(mannequin, rest)
    context.view_layer.update()  # object.pose is None until then, and slots cannot be assigned

    present = moments.present
    pose = retarget(moments.joints[present], moments.time_s[present], armatures.rest_of(target))
    action, keys = write_pose_action(
        target,
        f"{target.name} Capture",
        np.asarray(scene_frames)[present],
        BONE_NAMES,
        pose.rotations,
        pose.hips_location,
    )
    return ApplyResult(
        armature=target,
        mannequin=mannequin,
        action=action,
        motion=motion,
        frames=int(present.sum()),
        keys=keys,
        reprojection_px=float(np.nanmean(moments.reprojection_px[present])),
    )
