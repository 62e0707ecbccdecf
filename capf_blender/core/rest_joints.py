# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton's joints in the rest pose of any rig, from the bones that play the body's parts."""

from dataclasses import dataclass

import numpy as np

from .armature import rest_pose
from .rest_hands import knuckles
from .rig import Rig, RigMap
from .rotations import angle_between, dot, unit
from .skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS, mirror_name

SIDES = ((".L", "l_"), (".R", "r_"))
# A standing body's lengths as shares of its height (Drillis and Contini, 1966): what joints are
# guessed from that no bone tells.
_SHARES = {
    "l_hip": 0.055, "l_knee": 0.245, "l_ankle": 0.246, "spine": 0.144, "thorax": 0.144,
    "neck": 0.06, "head_top": 0.10, "l_shoulder": 0.10, "l_elbow": 0.16, "l_wrist": 0.146,
    "l_heel": 0.05, "l_toe": 0.11, "l_index": 0.055, "l_pinky": 0.05, "nose": 0.075, "l_ear": 0.06,
}  # fmt: skip
_STANDARD = rest_pose(
    np.array([_SHARES.get(n, _SHARES.get(mirror_name(n), 0.0)) for n in JOINT_NAMES]), 0.152
).joints @ np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # left, up, forward

SNAP = np.radians(15.0)  # a body that stands this near to the armature's axes stands along them
FLOOR_BELOW = 0.03  # of a leg: soles may be this far below the armature's origin
FLOOR_ABOVE = 0.15  # or that far above it, and still the origin is taken to lie on the floor


@dataclass(frozen=True, eq=False)
class RestBody:
    """A rig's body at rest, armature space."""

    joints: np.ndarray  # (J, 3)
    axes: np.ndarray  # (3, 3) columns: its left, up and forward
    measured: frozenset[str]  # joints that bones tell; the others are guessed from them
    floor: float  # of the soles, along `axes[:, 1]`
    spine_shares: np.ndarray
    """(n, 2) where each spine bone's middle and end are on the way from pelvis to neck: 0..1"""


def rest_body(rig: Rig, rig_map: RigMap) -> RestBody:
    """The body of `rig`. Facing and up come from its geometry; left and right from the roles."""
    at = _limb_joints(rig, rig_map)
    at |= _trunk_joints(rig, rig_map, at)
    axes = _axes(at)
    spine, shares = _spine(rig, rig_map, at, axes[:, 1])
    if "pelvis" in at and "thorax" in at:
        at["spine"] = _spine_joint([at["pelvis"], *spine[1:], at["thorax"]])
    size = _size(at)
    floor = _floor(rig, rig_map, at, axes[:, 1], size)
    measured = frozenset(at)
    _extremities(rig, rig_map, at, axes, floor, size)
    guessed = np.zeros((len(JOINT_NAMES), 3))
    for name, parent in zip(JOINT_NAMES, JOINT_PARENTS, strict=True):
        index = JOINT[name]
        offset = _STANDARD[index] - (_STANDARD[parent] if parent >= 0 else 0.0)
        base = guessed[parent] if parent >= 0 else np.zeros(3)
        guessed[index] = at.get(name, base + size * (axes @ offset))
    return RestBody(guessed, axes, measured, floor, shares)


def _limb_joints(rig: Rig, rig_map: RigMap) -> dict[str, np.ndarray]:
    at: dict[str, np.ndarray] = {}
    for side, p in SIDES:
        for roots in (("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot")):
            names = ("shoulder", "elbow", "wrist") if roots[0] == "upper_arm" else (
                "hip", "knee", "ankle")  # fmt: skip
            for place, (role, joint) in enumerate(zip(roots, names, strict=True)):
                if bone := rig_map.bone(role + side):
                    at[p + joint] = rig.heads[rig.index(bone)]
                elif place and (before := rig_map.bone(roots[place - 1] + side)):
                    at[p + joint] = rig.tails[rig.index(before)]
    return at


def _trunk_joints(rig: Rig, rig_map: RigMap, at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    spine, neck, head = rig_map.bones("spine"), rig_map.bones("neck"), rig_map.bone("head")
    if "l_hip" in at and "r_hip" in at:
        found["pelvis"] = 0.5 * (at["l_hip"] + at["r_hip"])
    elif bone := (rig_map.bone("hips") or rig_map.bone("spine")):
        found["pelvis"] = rig.heads[rig.index(bone)]
    if neck:
        found["thorax"] = rig.heads[rig.index(neck[0])]
    elif "l_shoulder" in at and "r_shoulder" in at:
        found["thorax"] = 0.5 * (at["l_shoulder"] + at["r_shoulder"])
    elif spine:
        found["thorax"] = rig.tails[rig.index(spine[-1])]
    if head:
        found["neck"] = rig.heads[rig.index(head)]
        found["head_top"] = rig.tails[rig.index(head)]
    elif neck:
        found["neck"] = rig.tails[rig.index(neck[-1])]
    return found


def _axes(at: dict[str, np.ndarray]) -> np.ndarray:
    """(3, 3) the body's left, up and forward, from which joints lie across and above others."""
    pairs = [name[2:] for name in at if name.startswith("l_") and "r_" + name[2:] in at]
    across = sum((unit(at["l_" + n] - at["r_" + n]) for n in pairs), np.zeros(3))
    low = [at[n] for n in ("l_ankle", "r_ankle") if n in at]
    low = low or [at[n] for n in ("pelvis",) if n in at]
    high = [at[n] for n in ("thorax", "neck", "head_top", "pelvis") if n in at]
    up = high[0] - np.mean(low, axis=0) if high and low else np.zeros(3)
    if np.linalg.norm(up) < 1e-9:
        up = np.array([0.0, 0.0, 1.0])
    if np.linalg.norm(np.cross(unit(across), unit(up))) < 0.2:
        across = np.array([1.0, 0.0, 0.0]) if abs(unit(up)[0]) < 0.8 else np.array([0.0, 1.0, 0.0])
    up, across = _snapped(unit(up)), _snapped(unit(across))
    left = unit(across - dot(across, up) * up)
    return np.stack([left, up, np.cross(left, up)], axis=1)


def _snapped(direction: np.ndarray) -> np.ndarray:
    nearest = np.zeros(3)
    nearest[np.argmax(np.abs(direction))] = np.sign(direction[np.argmax(np.abs(direction))])
    return nearest if angle_between(direction, nearest) < SNAP else direction


def _spine(
    rig: Rig, rig_map: RigMap, at: dict[str, np.ndarray], up: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Heads of the spine's bones, and `RestBody.spine_shares`."""
    bones = [rig.index(name) for name in rig_map.bones("spine")]
    if not bones:
        return [], np.zeros((0, 2))
    heads = [rig.heads[bone] for bone in bones]
    neck = rig_map.bone("neck")
    end = rig.heads[rig.index(neck)] if neck else rig.tails[bones[-1]]
    pelvis = at.get("pelvis", heads[0])
    if (heads[0] - pelvis) @ up < 0:  # some begin below the hip joints
        pelvis = heads[0]
    steps = np.linalg.norm(np.diff(np.array([pelvis, *heads, end]), axis=0), axis=1)
    ends = np.cumsum(steps)
    shares = np.stack([ends[1:] - 0.5 * steps[1:], ends[1:]], axis=1)
    return heads, shares / max(float(ends[-1]), 1e-9)


def _spine_joint(path: list[np.ndarray]) -> np.ndarray:
    """(3,) the bend of the spine: a bone's end near half way from pelvis to neck, else half way."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    half = 0.5 * along[-1]
    nearest = int(np.argmin(np.abs(along - half)))
    if abs(along[nearest] - half) < 0.15 * along[-1]:
        return path[nearest]
    return np.array([np.interp(half, along, np.array(path)[:, axis]) for axis in range(3)])


def _size(at: dict[str, np.ndarray]) -> float:
    """The body's height, armature units: the median of what its measured bones say."""
    ratios = []
    for name, parent in zip(JOINT_NAMES, JOINT_PARENTS, strict=True):
        if parent >= 0 and name in at and JOINT_NAMES[parent] in at and name != "head_top":
            standard = np.linalg.norm(_STANDARD[JOINT[name]] - _STANDARD[parent])
            ratios.append(float(np.linalg.norm(at[name] - at[JOINT_NAMES[parent]]) / standard))
    return float(np.median(ratios)) if ratios else 1.0


def _floor(
    rig: Rig, rig_map: RigMap, at: dict[str, np.ndarray], up: np.ndarray, size: float
) -> float:
    """The soles' height: the armature's origin as a rule, but for rigs that do not stand on it."""
    bones = [rig.index(n) for r in ("foot", "toe") for s, _ in SIDES for n in rig_map.bones(r + s)]
    points = [end[bone] for bone in bones for end in (rig.heads, rig.tails)]
    points = points or [at[name] for name in ("l_ankle", "r_ankle") if name in at]
    if not points:
        return 0.0
    leg = size * (_SHARES["l_knee"] + _SHARES["l_ankle"])
    lowest = min(float(point @ up) for point in points)
    if -FLOOR_BELOW * leg < lowest < FLOOR_ABOVE * leg:
        return 0.0
    return lowest if bones else lowest - 0.04 * size


def _extremities(
    rig: Rig,
    rig_map: RigMap,
    at: dict[str, np.ndarray],
    axes: np.ndarray,
    floor: float,
    size: float,
) -> None:
    """Adds the points of hands and feet, which say how those are turned."""
    _, up, forward = axes.T
    for side, p in SIDES:
        if p + "wrist" in at:
            along = _hand_line(rig, rig_map.bone("hand" + side), at, p)
            points = knuckles(rig, rig_map.bone("hand" + side), at[p + "wrist"], along, forward)
            at[p + "index"], at[p + "pinky"] = points
        if p + "ankle" in at:
            ankle = at[p + "ankle"]
            at[p + "toe"] = _toe(rig, rig_map, side, ankle, axes, size)
            level = at[p + "toe"] - ankle
            level = level - (level @ up) * up
            at[p + "heel"] = ankle - 0.35 * level - (ankle @ up - floor) * up


def _hand_line(rig: Rig, hand: str, at: dict[str, np.ndarray], p: str) -> np.ndarray:
    """(3,) along a hand without knuckles: its bone's, but the forearm's where the bone carries
    others, as its end is then an importer's guess among those, or points nowhere near there."""
    forearm = at[p + "wrist"] - at.get(p + "elbow", at[p + "wrist"])
    if not hand:
        return 0.4 * forearm
    bone = rig.index(hand)
    along = rig.tails[bone] - rig.heads[bone]
    if np.linalg.norm(forearm) < 1e-9:
        return along
    if angle_between(along, forearm) > np.radians(60.0):
        return 0.4 * forearm
    if (np.asarray(rig.parents) == bone).any():
        return float(np.linalg.norm(along)) * unit(forearm)
    return along


def _toe(
    rig: Rig, rig_map: RigMap, side: str, ankle: np.ndarray, axes: np.ndarray, size: float
) -> np.ndarray:
    """(3,) the tip of the toes. Importers guess the tails of last bones: those that point backwards
    or upwards are not believed."""
    _, up, forward = axes.T
    ends = []
    for role in ("foot", "toe"):
        if name := rig_map.bone(role + side):
            bone = rig.index(name)
            ends += [rig.heads[bone], rig.tails[bone]]
    believed = []
    for end in ends:
        ahead, above = float((end - ankle) @ forward), float((end - ankle) @ up)
        level = float(np.linalg.norm(end - ankle - above * up))
        if ahead > max(0.5 * level, 1e-6 * size) and above < 0.5 * ahead:
            believed.append((ahead, end))
    if believed:
        return max(believed, key=lambda pair: pair[0])[1]
    return ankle + size * axes @ (_STANDARD[JOINT["l_toe"]] - _STANDARD[JOINT["l_ankle"]])
