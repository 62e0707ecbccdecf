# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion as a Biovision Hierarchy file, which nearly every animation program reads.

The skeleton is the default humanoid of the body that was solved, at rest in a T-pose, under names
that other programs know. As is usual there: y up, facing z, the person's left at +x, centimetres;
joints at rest have no rotation of their own, so a joint's channels say how it and all below it are
turned from the rest pose.
"""

from collections.abc import Iterator

import numpy as np

from .anatomy import anatomical_frames
from .armature import BONE_NAMES, BONE_SEGMENTS, PARENTS, RestPose
from .filters import frame_interval
from .motion import Motion, sample
from .skeleton import JOINT

CENTIMETRES = 100.0
BVH_FROM_WORLD = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
_SIDED = {
    "clavicle": "Shoulder", "upper_arm": "Arm", "forearm": "ForeArm", "hand": "Hand",
    "thigh": "UpLeg", "shin": "Leg", "foot": "Foot", "toe": "ToeBase",
}  # fmt: skip
NAMES: dict[str, str] = {
    "hips": "Hips", "spine": "Spine", "chest": "Spine1", "neck": "Neck", "head": "Head",
    **{bone + ".L": "Left" + name for bone, name in _SIDED.items()},
    **{bone + ".R": "Right" + name for bone, name in _SIDED.items()},
}  # fmt: skip
"""Joint names by bone name."""
GIMBAL = 1 - 1e-9  # cosine-like limit at which two of the three angles are one


def bvh_text(motion: Motion) -> tuple[str, int]:
    """The file's text, and how many of its frames show a pose that is not known.

    The frames of such files are evenly spaced and without gaps: the motion is sampled at its own
    median rate from the first to the last known frame, and the last known pose held between.
    """
    known = motion.time_s[motion.present]
    interval = frame_interval(motion.time_s) if len(motion.time_s) > 1 else 1.0
    count = round((known[-1] - known[0]) / interval) + 1
    moments = sample(motion, known[0] + interval * np.arange(count))
    latest = np.maximum.accumulate(np.where(moments.present, np.arange(count), 0))
    rest = motion.rest
    turns = since_rest(moments.joints, moments.time_s, rest)
    rows = _rows(rest, turns[latest], moments.joints[latest, JOINT["pelvis"]])
    text = [*_hierarchy(rest), "MOTION\n", f"Frames: {count}\n", f"Frame Time: {interval:.8f}\n"]
    text += [_numbers(row) + "\n" for row in rows]
    return "".join(text), int(count - moments.present.sum())


def since_rest(joints: np.ndarray, time_s: np.ndarray, rest: RestPose) -> np.ndarray:
    """(F, B, 3, 3) turns of the default humanoid's bones from their place in `rest`, in world axes,
    that make them follow `joints` (F, J, 3)."""
    segments = list(BONE_SEGMENTS)
    frames = anatomical_frames(joints, time_s)[:, segments]
    rest_frames = anatomical_frames(rest.joints[None], np.zeros(1))[0, segments]
    return frames @ np.swapaxes(rest_frames, -1, -2)


def _order() -> list[int]:
    """Bone indices in the order of the file: depth first."""
    order: list[int] = []

    def visit(bone: int) -> None:
        order.append(bone)
        for child in _children(bone):
            visit(child)

    visit(0)
    return order


def _children(bone: int) -> list[int]:
    return [child for child, parent in enumerate(PARENTS) if parent == bone]


def _hierarchy(rest: RestPose) -> Iterator[str]:
    yield "HIERARCHY\n"
    yield from _joint(rest, 0, 0)


def _joint(rest: RestPose, bone: int, depth: int) -> Iterator[str]:
    indent = "\t" * depth
    parent = PARENTS[bone]
    yield f"{indent}{'ROOT' if parent < 0 else 'JOINT'} {NAMES[BONE_NAMES[bone]]}\n{indent}{{\n"
    # at rest the hips stand over the origin, so that programs that ignore the motion show a person
    since = rest.heads[bone] - (rest.heads[parent] if parent >= 0 else 0.0)
    yield f"{indent}\tOFFSET {_numbers(_turned(since))}\n"
    places = "6 Xposition Yposition Zposition" if parent < 0 else "3"
    yield f"{indent}\tCHANNELS {places} Zrotation Xrotation Yrotation\n"
    children = _children(bone)
    for child in children:
        yield from _joint(rest, child, depth + 1)
    if not children:
        tip = _numbers(_turned(rest.tails[bone] - rest.heads[bone]))
        yield f"{indent}\tEnd Site\n{indent}\t{{\n{indent}\t\tOFFSET {tip}\n{indent}\t}}\n"
    yield f"{indent}}}\n"


def _rows(rest: RestPose, turns: np.ndarray, hips: np.ndarray) -> np.ndarray:
    """(F, C) channels: the root's place, then each joint's angles in the order of the file."""
    turned = BVH_FROM_WORLD @ turns @ BVH_FROM_WORLD.T
    local = turned.copy()
    for bone, parent in enumerate(PARENTS):
        if parent >= 0:
            local[:, bone] = np.swapaxes(turned[:, parent], -1, -2) @ turned[:, bone]
    angles = np.degrees(zxy_angles(local))[:, _order()]  # (F, B, 3)
    return np.concatenate([_turned(hips), angles.reshape(len(angles), -1)], axis=1)


def zxy_angles(rotations: np.ndarray) -> np.ndarray:
    """(F, ..., 3) radians about z, x and y with Rz Rx Ry = `rotations` (F, ..., 3, 3).

    Continuous over the frames: no angle jumps by a turn. In a gimbal lock, x at 90 degrees, only
    the sum of the others is known, and y stays what it was.
    """
    m = rotations
    x = np.arcsin(np.clip(m[..., 2, 1], -1.0, 1.0))
    z = np.arctan2(-m[..., 0, 1], m[..., 1, 1])
    y = np.arctan2(-m[..., 2, 0], m[..., 2, 2])
    for frame in range(len(m)):
        before = y[frame - 1] if frame else np.zeros_like(y[0])
        locked = np.abs(m[frame, ..., 2, 1]) > GIMBAL
        around = np.arctan2(m[frame, ..., 1, 0], m[frame, ..., 0, 0])
        sign = np.sign(m[frame, ..., 2, 1])
        y[frame] = np.where(locked, before, y[frame])
        z[frame] = np.where(locked, around - sign * before, z[frame])
    found = np.stack([z, x, y], axis=-1)
    for frame in range(1, len(found)):
        # the same rotation the other way round, where that is nearer to the frame before
        other = found[frame] + np.pi
        other[..., 1] = np.pi - found[frame][..., 1]
        both = [_near(angles, found[frame - 1]) for angles in (found[frame], other)]
        far = [np.abs(angles - found[frame - 1]).sum(axis=-1) for angles in both]
        found[frame] = np.where((far[0] <= far[1])[..., None], both[0], both[1])
    return found


def _near(angles: np.ndarray, to: np.ndarray) -> np.ndarray:
    """`angles` plus whole turns, each as near as can be to that in `to`."""
    return to + (angles - to + np.pi) % (2 * np.pi) - np.pi


def _turned(points: np.ndarray) -> np.ndarray:
    """Centimetres with y up from metres `points` (..., 3) with z up."""
    return CENTIMETRES * points @ BVH_FROM_WORLD.T


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
