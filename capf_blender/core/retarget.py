# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From solved joints to the channels of a rig's bones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .anatomy import SEGMENT
from .body_turns import PART_OF_ROLE, PARTS, BodyTurns, body_turns
from .contacts import Contact
from .errors import CaptureError
from .foot_placement import plant
from .forward_kinematics import Posing
from .ik_controls import place_controls
from .placement import Place, Placement, RootMode, ScaleMode, place
from .rest_joints import RestBody, rest_body
from .rig import BoneChannels, Rig, RigMap, RigPose
from .rotations import about, continuous, dot, quaternion_from_matrix, twist_angle
from .skeleton import JOINT

FASTEST_DEG_S = 1500.0  # no body part turns faster
EDGE_S = 0.2  # of a capture's start and end, the least certain: not told there
SHOWN = 3  # bones that a note names


@dataclass(frozen=True)
class RetargetSettings:
    root: RootMode = "HIPS"
    """ "ROOT_BONE": the way over the ground and the heading on the root bone, the rest on the hips;
    "IN_PLACE": no way over the ground"""
    parts: frozenset[str] = field(default=PARTS)  # of the body that get keys
    limbs: Literal["FK", "IK"] = "FK"  # which controls, where the rig has both
    scale: ScaleMode = "LEGS"  # the motion with the rig's legs, or "NONE"
    place: Place = "WORLD"
    """where the motion itself is; "OBJECT": from where the rig stands, facing as it does"""

    def __post_init__(self) -> None:
        if unknown := set(self.parts) - PARTS:
            raise CaptureError(
                "bad_setting", f"There is no part of the body called {min(unknown)}.",
                f"Choose among {', '.join(sorted(PARTS))}.",
            )  # fmt: skip


def retarget(
    joints: np.ndarray,
    time_s: np.ndarray,
    rig: Rig,
    rig_map: RigMap,
    settings: RetargetSettings | None = None,
    contacts: Sequence[Contact] = (),
) -> RigPose:
    """The pose in which the bones of `rig` follow `joints` (F, J, 3), metres in world axes.

    `time_s` (F,) seconds and `contacts` share their clock. Frames with unknown joints are NaN. On
    a rig of other proportions planted feet keep their ways on the ground. Raises CaptureError
    `no_roles` when no bone plays a part that is wanted, and `no_frames` without known joints.
    """
    settings = settings or RetargetSettings()
    known = np.asarray(np.isfinite(joints).all(axis=(1, 2)))
    if not known.any():
        raise CaptureError(
            "no_frames", "The person is not known in any of the frames to be keyed.",
            "Choose a frame range in which the person is seen.",
        )  # fmt: skip
    body = rest_body(rig, rig_map)
    placed = place(joints[known], rig, body, settings.root, settings.scale, settings.place)
    turned = body_turns(placed.joints, time_s[known], body, rig_map, placed.own)
    posing, keyed = _posed(rig, rig_map, body, placed, turned, settings)
    if not keyed:
        raise CaptureError(
            "no_roles", "The armature has no bones for the chosen parts of the body.",
            "Choose other parts, or assign the armature's bones.",
        )  # fmt: skip
    parts = settings.parts
    if "hips" in parts and contacts and not placed.own:
        legs = [c for c in contacts if ("leg.L" if c.foot == "l" else "leg.R") in parts]
        mover = _mover(posing, rig_map)
        if legs and mover is not None:
            plant(posing, rig_map, body, turned, placed, time_s[known], legs, mover)
    switches = dict(rig_map.switches)
    _switch_limbs(posing, rig_map, turned, settings, keyed, switches)
    return _channels(posing, keyed, switches, known, time_s)


def _posed(
    rig: Rig,
    rig_map: RigMap,
    body: RestBody,
    placed: Placement,
    turned: BodyTurns,
    settings: RetargetSettings,
) -> tuple[Posing, dict[str, str]]:
    """The rig with all wanted bones turned and the body in its place; roles of those bones."""
    posing = Posing(rig)
    keyed: dict[str, str] = {}
    bases = _bases(turned, settings.parts)
    root = _root(posing, rig_map) if settings.root == "ROOT_BONE" else None
    if root is not None and "hips" in settings.parts:
        _turn_root(posing, root, turned, placed)
        keyed[rig.names[root]] = "root"
    depth = {name: len(posing.ancestors(rig.index(name))) for name in turned.turns}
    for name in sorted(depth, key=depth.__getitem__):
        part = PART_OF_ROLE[turned.roles[name]]
        if part in settings.parts:
            posing.set_turn(rig.index(name), bases[part] @ turned.turns[name])
            keyed[name] = turned.roles[name]
    if "hips" in settings.parts and (mover := _mover(posing, rig_map)) is not None:
        if root is not None:
            _move_root(posing, root, body, placed)
        posing.move(mover, placed.joints[:, JOINT["pelvis"]] - _pelvis(posing, rig_map, body))
        keyed.setdefault(rig.names[mover], "hips")
    return posing, keyed


def _bases(turned: BodyTurns, parts: frozenset[str]) -> dict[str, np.ndarray]:
    """(F, 3, 3) by part: what to put before its turns where what carries it is not posed and so
    stays as it is."""
    stays = np.eye(3) if "hips" in parts else np.swapaxes(turned.hips, -1, -2)
    above = stays
    if "spine" not in parts:
        hips = turned.hips if "hips" in parts else np.eye(3)
        above = hips @ np.swapaxes(turned.chest, -1, -2)
    return {part: above if part.startswith(("arm", "head")) else stays for part in PARTS}


def _mover(posing: Posing, rig_map: RigMap) -> int | None:
    """The bone whose location moves the body: the hips, or what carries them when they cannot."""
    name = rig_map.bone("hips")
    if not name:
        return None
    bone = posing.rig.index(name)
    free = (b for b in (bone, *posing.ancestors(bone)) if not posing.rig.connected[b])
    return next(free, None)


def _root(posing: Posing, rig_map: RigMap) -> int | None:
    """The root bone, if it carries the hips."""
    root, hips = rig_map.bone("root"), rig_map.bone("hips")
    if not root or not hips or root == hips:
        return None
    bone = posing.rig.index(root)
    return bone if bone in posing.ancestors(posing.rig.index(hips)) else None


def _turn_root(posing: Posing, root: int, turned: BodyTurns, placed: Placement) -> None:
    posing.set_turn(root, about(placed.up, np.unwrap(twist_angle(turned.hips, placed.up))))


def _move_root(posing: Posing, root: int, body: RestBody, placed: Placement) -> None:
    """Puts the point of the floor that lies below the hips at rest below them."""
    pelvis, up = body.joints[JOINT["pelvis"]], body.axes[:, 1]
    below = pelvis - (pelvis @ up - body.floor) * up
    ground = placed.world[:, JOINT["pelvis"]].copy()
    ground[:, 2] = placed.floor
    posing.move(root, placed.to_armature(ground) - posing.place(root, below))


def _pelvis(posing: Posing, rig_map: RigMap, body: RestBody) -> np.ndarray:
    """(F, 3) the middle between the hip joints in the pose, armature space."""
    thighs = [rig_map.bone("thigh" + side) for side in (".L", ".R")]
    if all(thighs):
        left, right = (posing.head(posing.rig.index(name)) for name in thighs)
        return 0.5 * (left + right)
    return posing.place(posing.rig.index(rig_map.bone("hips")), body.joints[JOINT["pelvis"]])


def _switch_limbs(
    posing: Posing,
    rig_map: RigMap,
    turned: BodyTurns,
    settings: RetargetSettings,
    keyed: dict[str, str],
    switches: dict[tuple[str, str], float],
) -> None:
    """Chooses FK or IK on limbs that have both; with IK the controls are keyed instead."""
    for limb, controls in rig_map.limbs.items():
        if limb not in settings.parts:
            continue
        kind, side = limb.split(".")
        first, end = ("upper_arm", "hand") if kind == "arm" else ("thigh", "foot")
        hinge = turned.rest_frames[SEGMENT[f"{first}.{side}"]][:, 0]
        placed = settings.limbs == "IK" and place_controls(posing, rig_map, limb, controls, hinge)
        if placed:
            gone = {role for role in keyed.values() if PART_OF_ROLE.get(role) == limb}
            gone -= {f"clavicle.{side}", f"forearm_twist.{side}"}
            for name in [name for name, role in keyed.items() if role in gone]:
                del keyed[name]
            keyed.update(dict.fromkeys(placed, f"{end}.{side}"))
            if controls.pole_switch[0] and controls.pole in placed:
                switches[controls.pole_switch] = controls.pole_on
        if controls.switch[0]:
            switches[controls.switch] = controls.ik_value if placed else controls.fk_value


def _channels(
    posing: Posing,
    keyed: dict[str, str],
    switches: dict[tuple[str, str], float],
    known: np.ndarray,
    time_s: np.ndarray,
) -> RigPose:
    names = [name for name in keyed if posing.rotation(posing.rig.index(name)) is not None]
    count = int(known.sum())
    local = [posing.rotation(posing.rig.index(name)) for name in names]
    matrices = np.stack([np.broadcast_to(m, (count, 3, 3)) for m in local if m is not None], axis=1)
    quaternions = continuous(quaternion_from_matrix(matrices))
    rotations = dict(zip(names, np.swapaxes(quaternions, 0, 1), strict=True))
    channels: dict[str, BoneChannels] = {}
    for name in keyed:
        location = posing.location(posing.rig.index(name))
        channels[name] = BoneChannels(
            _spread(rotations.get(name), known),
            _spread(None if location is None else np.broadcast_to(location, (count, 3)), known),
        )
    notes = _fast(names, quaternions, time_s[known])
    return RigPose(channels, switches, dict(keyed), notes)


def _spread(values: np.ndarray | None, known: np.ndarray) -> np.ndarray | None:
    """`values` of the known frames among NaN for the others."""
    if values is None:
        return None
    spread = np.full((len(known), values.shape[1]), np.nan)
    spread[known] = values
    return spread


def _fast(names: Sequence[str], quaternions: np.ndarray, time_s: np.ndarray) -> tuple[str, ...]:
    """A sentence when bones turn faster than a body can."""
    if len(time_s) < 2:
        return ()
    inner = (time_s[:-1] >= time_s[0] + EDGE_S) & (time_s[1:] <= time_s[-1] - EDGE_S)
    cosine = np.clip(np.abs(dot(quaternions[1:], quaternions[:-1])), 0.0, 1.0)
    speed = np.degrees(2 * np.arccos(cosine)) / np.diff(time_s)[:, None]
    frames, bones = np.nonzero((speed > FASTEST_DEG_S) & inner[:, None])
    if not len(frames):
        return ()
    fast = [names[bone] for bone in sorted(set(bones.tolist()))]
    more = f" and {len(fast) - SHOWN} more" if len(fast) > SHOWN else ""
    return (
        f"Faster than {FASTEST_DEG_S:.0f} degrees a second, first at {time_s[frames[0]]:.2f} s of "
        f"the footage: {', '.join(fast[:SHOWN])}{more}.",
    )
