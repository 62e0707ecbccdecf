# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far each part of a rig's body has to turn since its rest to follow moving joints.

With the same anatomical frame taken from the moving joints (F) and from the rig's rest joints (A),
a bone turns by F A^T: exact for any rest direction and roll. Limbs follow their joints so. A trunk,
head or foot does not: joints lie elsewhere in the rig's body than in the person's, and its own
curves and soles shall survive. Those turn by F N^T, where N stands upright. A rig that was built
from the person's own joints follows them everywhere.
"""

from dataclasses import dataclass

import numpy as np

from .anatomy import NECK_SHARE, SEGMENT, anatomical_frames
from .rest_joints import RestBody
from .rig import RigMap
from .rotations import about, angle_between, fraction, frame_yx, shortest_arc, twist_angle, unit
from .skeleton import JOINT

CLAVICLE_GAIN = 0.5  # detected shoulders move more than a clavicle may
CLAVICLE_LIMIT = np.radians(15.0)
TWIST_SHARE = 0.5  # of the hand's turn about the forearm, at the middle of the twist bones
LEANING_NECK = np.radians(45.0)  # a neck bone that leans more at rest is no neck's line
LIMB_PARTS = {"arm": ("clavicle", "upper_arm", "forearm", "hand", "forearm_twist"),
              "leg": ("thigh", "shin", "foot", "toe")}  # fmt: skip
PART_OF_ROLE: dict[str, str] = {
    "hips": "hips", "spine": "spine", "neck": "head", "head": "head",
    **{
        role + side: limb + side
        for side in (".L", ".R")
        for limb, roles in LIMB_PARTS.items()
        for role in roles
    },
}  # fmt: skip
PARTS: frozenset[str] = frozenset(PART_OF_ROLE.values())


@dataclass(frozen=True, eq=False)
class BodyTurns:
    """Turns since rest of bones by name, armature axes."""

    turns: dict[str, np.ndarray]  # (F, 3, 3)
    roles: dict[str, str]
    hips: np.ndarray  # (F, 3, 3) of the whole body
    chest: np.ndarray  # (F, 3, 3) of what carries arms and head
    frames: np.ndarray  # (F, S, 3, 3) anatomical, of the joints
    rest_frames: np.ndarray  # (S, 3, 3) of the rest


def body_turns(
    joints: np.ndarray, time_s: np.ndarray, body: RestBody, rig_map: RigMap, own: bool
) -> BodyTurns:
    """Turns of all bones of `rig_map` for `joints` (F, J, 3), armature space, all known.

    `own`: the rig was built from the person's own joints.
    """
    frames = anatomical_frames(joints, time_s)
    # the lean of a rig's own spine is none of the body's, so it is none of straight limbs either
    rest = anatomical_frames(body.joints[None], np.zeros(1), None if own else body.axes)[0]

    def since_rest(segment: str) -> np.ndarray:
        index = SEGMENT[segment]
        return frames[:, index] @ rest[index].T

    def since_neutral(segment: str) -> np.ndarray:
        return since_rest(segment) if own else frames[:, SEGMENT[segment]] @ body.axes.T

    found: dict[str, list[np.ndarray]] = {"hips": [since_neutral("hips")]}
    chest = since_neutral("chest")
    found["spine"] = [
        _trunk(frames, *share) @ (_trunk(rest, *share) if own else body.axes).T
        for share in body.spine_shares
    ]
    found["neck"] = _neck(frames, rest, body, len(rig_map.bones("neck")), own)
    found["head"] = [since_neutral("head")]
    for side in (".L", ".R"):
        for role in ("upper_arm", "forearm", "hand", "thigh", "shin"):
            found[role + side] = [since_rest(role + side)]
        found["clavicle" + side] = [
            since_rest("clavicle" + side) if own else _clavicle(joints, frames, chest, side)
        ]
        foot = since_rest("foot" + side) if own else _sole(joints, frames, body, side)
        found["foot" + side] = [foot]
        found["toe" + side] = [foot] * len(rig_map.bones("toe" + side))
        found["forearm_twist" + side] = _twists(
            found["forearm" + side][0], found["hand" + side][0],
            rest[SEGMENT["forearm" + side]][:, 1], len(rig_map.bones("forearm_twist" + side)),
        )  # fmt: skip
        if not rig_map.bone("hand" + side):
            found["forearm_twist" + side] = []
    turns: dict[str, np.ndarray] = {}
    roles: dict[str, str] = {}
    for role, values in found.items():
        for bone, turn in zip(rig_map.bones(role), values, strict=False):
            turns[bone], roles[bone] = turn, role
    return BodyTurns(turns, roles, found["hips"][0], chest, frames, rest)


def _trunk(frames: np.ndarray, middle: float, end: float) -> np.ndarray:
    """(..., 3, 3) the spine's frame at a share of the way from pelvis to neck.

    The joints know two straight halves, so bones whose middle lies in a quarter at either end go
    with that half and those between them turn gradually; the turn about the spine grows evenly.
    """
    low, high = frames[..., SEGMENT["spine"], :, 1], frames[..., SEGMENT["chest"], :, 1]
    swing = fraction(shortest_arc(low, high), float(np.clip(2 * middle - 0.5, 0.0, 1.0)))
    hips, chest = frames[..., SEGMENT["hips"], :, 0], frames[..., SEGMENT["chest"], :, 0]
    return frame_yx((swing @ low[..., None])[..., 0], (1 - end) * hips + end * chest)


def _neck(
    frames: np.ndarray, rest: np.ndarray, body: RestBody, count: int, own: bool
) -> list[np.ndarray]:
    """Turns of the neck's bones: as the line of the whole neck, with a growing part of the head's
    turn about it."""
    upright = body.axes[:, 1]
    line = unit(body.joints[JOINT["neck"]] - body.joints[JOINT["thorax"]])
    if not own and angle_between(line, upright) > LEANING_NECK:
        line = upright
    turns = []
    for number in range(count):
        share = NECK_SHARE * (2 * number + 1) / count

        def across(frames: np.ndarray, share: float = share) -> np.ndarray:
            chest, head = frames[..., SEGMENT["chest"], :, 0], frames[..., SEGMENT["head"], :, 0]
            return (1 - share) * chest + share * head

        still = frame_yx(line, across(rest) if own else body.axes[:, 0])
        turns.append(frame_yx(frames[:, SEGMENT["neck"], :, 1], across(frames)) @ still.T)
    return turns


def _clavicle(joints: np.ndarray, frames: np.ndarray, chest: np.ndarray, side: str) -> np.ndarray:
    """(F, 3, 3) a part of the shoulder's swing from where it is as a rule, seen from the chest."""
    axes = frames[:, SEGMENT["chest"]]
    p = "l_" if side == ".L" else "r_"
    mirror = np.array([-1.0, 1.0, 1.0])

    def seen(p: str) -> np.ndarray:
        line = unit(joints[:, JOINT[p + "shoulder"]] - joints[:, JOINT["thorax"]])
        return np.einsum("fji,fj->fi", axes, line) * (1.0 if p == "l_" else mirror)

    neutral = unit(np.median(np.concatenate([seen("l_"), seen("r_")]), axis=0))
    now = seen(p)
    if p == "r_":
        neutral, now = neutral * mirror, now * mirror
    angle = np.maximum(angle_between(neutral, now), 1e-9)
    swing = fraction(shortest_arc(neutral, now), np.minimum(CLAVICLE_GAIN, CLAVICLE_LIMIT / angle))
    return axes @ swing @ np.swapaxes(axes, -1, -2) @ chest


def _sole(joints: np.ndarray, frames: np.ndarray, body: RestBody, side: str) -> np.ndarray:
    """(F, 3, 3) turn of a foot whose sole lies flat at rest, whatever its ankle's height."""
    p = "l_" if side == ".L" else "r_"
    sole = joints[:, JOINT[p + "toe"]] - joints[:, JOINT[p + "heel"]]
    seen = frame_yx(sole, frames[:, SEGMENT["foot" + side], :, 0])
    up = body.axes[:, 1]
    level = body.joints[JOINT[p + "toe"]] - body.joints[JOINT[p + "ankle"]]
    level = level - (level @ up) * up
    return seen @ frame_yx(level, np.cross(up, level)).T


def _twists(
    forearm: np.ndarray, hand: np.ndarray, axis: np.ndarray, count: int
) -> list[np.ndarray]:
    """Turns of the forearm's twist bones: its own, and a share of the hand's turn about it."""
    if not count:
        return []
    angle = np.unwrap(twist_angle(np.swapaxes(forearm, -1, -2) @ hand, axis))
    shares = TWIST_SHARE * (2 * np.arange(count) + 1) / count
    return [forearm @ about(axis, share * angle) for share in shares]
