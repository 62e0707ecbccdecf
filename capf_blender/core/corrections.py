# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints that the user has put right at single frames: a layer over what was solved.

The limb follows at its own bone lengths, and what that moves fades out over the frames around. All
else stays as it was solved, so that a correction can be removed without a trace.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .anatomy import SEGMENT, anatomical_frames
from .camera import inverse, project, transformed
from .contacts import Contact, tidied
from .errors import CaptureError
from .filters import frame_interval, smoothstep
from .motion import Motion
from .pins import two_bones
from .rotations import shortest_arc, unit
from .skeleton import JOINT
from .take import Take

REACH_S = 0.15  # over which a correction fades out before and after its frame
CORRECTABLE: dict[str, str] = {
    "pelvis": "Hips", "head_top": "Head",
    "l_elbow": "Left Elbow", "r_elbow": "Right Elbow",
    "l_knee": "Left Knee", "r_knee": "Right Knee",
    "l_wrist": "Left Wrist", "r_wrist": "Right Wrist",
    "l_ankle": "Left Ankle", "r_ankle": "Right Ankle",
    "l_toe": "Left Toes", "r_toe": "Right Toes",
}  # fmt: skip
"""Joints that can be corrected and their labels, in the order in which they are: what carries a
limb goes before the limb."""

_ARM = ("shoulder", "elbow", "wrist", "index", "pinky")
_LEG = ("hip", "knee", "ankle", "heel", "toe")
_LIMBS = {
    segment + side: tuple(prefix + name for name in names)
    for segment, names in (("upper_arm", _ARM), ("thigh", _LEG))
    for prefix, side in (("l_", ".L"), ("r_", ".R"))
}
"""By the segment whose X axis is the hinge: root, middle and end, and the two that it carries."""

_CARRIED = {end: carried for _, _, end, *carried in _LIMBS.values()}


@dataclass(frozen=True)
class Correction:
    """Where a joint is at one moment, as the camera sees it: it stays on its place in the footage
    when the focal length, the height or the world change."""

    time_s: float  # seconds since the video's first frame
    joint: str  # one of `CORRECTABLE`
    pixel: tuple[float, float]  # in the footage
    depth: float  # how far behind the solved pelvis, along the camera's axis, in body heights


def correction_at(motion: Motion, time_s: float, joint: str, place: np.ndarray) -> Correction:
    """The correction that puts `joint` to `place` (3,), metres in the world of `motion`.

    Raises CaptureError `no_person` when the person is unknown at that moment.
    """
    frame = frame_at(motion.time_s, time_s)
    if frame is None or not motion.present[frame]:
        raise CaptureError(
            "no_person",
            f"The person is not known {time_s:.2f} s into the footage.",
            "Correct a frame that has keys.",
        )
    points = np.stack([place, motion.joints[frame, JOINT["pelvis"]]])
    seen, pelvis = transformed(points, inverse(_matrix(motion, frame)))
    pixel = project(seen, motion.camera)
    depth = float((seen[2] - pelvis[2]) / _height(motion))
    return Correction(float(time_s), joint, (float(pixel[0]), float(pixel[1])), depth)


def frame_at(time_s: np.ndarray, moment_s: float) -> int | None:
    """Index of the frame of `time_s` (F,) that shows `moment_s`; None outside of them."""
    frame = int(np.abs(time_s - moment_s).argmin())
    slack = 0.75 * frame_interval(time_s) if len(time_s) > 1 else np.inf
    return frame if abs(time_s[frame] - moment_s) <= slack else None


def corrected(motion: Motion, corrections: Iterable[Correction]) -> Motion:
    """`motion` with the joints where `corrections` say, or as near as the limbs reach. Those of
    moments in which the person is unknown change nothing. Feet that are moved do not stand then.
    """
    by_joint = _by_joint(motion, corrections)
    if not by_joint:
        return motion
    joints = motion.joints.copy()
    contacts = motion.contacts
    for name in CORRECTABLE:
        placed = by_joint.get(name, ())
        if not placed:
            continue
        targets = [(frame, _target(motion, frame, one)) for frame, one in placed]
        changes = [(frame, target - joints[frame, JOINT[name]]) for frame, target in targets]
        change = _faded(motion.time_s, motion.present, changes)
        rows = np.flatnonzero(np.abs(change).max(axis=1) > 0)
        joints[rows] = _moved(joints[rows], motion.time_s[rows], name, change[rows])
        if name.endswith(("ankle", "toe")):
            moments = [float(motion.time_s[frame]) for frame, _ in placed]
            contacts = _lifted(contacts, name[0], moments)
    return replace(motion, joints=joints, contacts=contacts)


def seen_as_corrected(take: Take, corrections: Sequence[Correction]) -> Take:
    """`take` as if the detector had seen the joints where `corrections` say, and been sure; and a
    hand or foot with its wrist or ankle."""
    if not corrections:
        return take
    pixels, confidence = take.joints_2d.copy(), take.joints_confidence.copy()
    for name in {one.joint for one in corrections}:
        moments, changes = {}, []
        for one in corrections:
            frame = frame_at(take.time_s, one.time_s)
            if one.joint == name and frame is not None and take.present[frame]:
                moments[frame] = one
        for frame, one in sorted(moments.items()):
            changes.append((frame, np.array(one.pixel) - take.joints_2d[frame, JOINT[name]]))
        moved = _faded(take.time_s, take.present, changes)
        sure = _faded(take.time_s, take.present, [(frame, np.ones(1)) for frame in sorted(moments)])
        for column in (JOINT[name], *(JOINT[carried] for carried in _CARRIED.get(name, ()))):
            pixels[:, column] += moved
        column = JOINT[name]
        confidence[:, column] = np.maximum(confidence[:, column], sure[:, 0])
    return replace(take, joints_2d=pixels, joints_confidence=confidence)


def _by_joint(
    motion: Motion, corrections: Iterable[Correction]
) -> dict[str, list[tuple[int, Correction]]]:
    """Frames and corrections by joint, in order of time; the last one counts where there are two
    at a frame."""
    found: dict[str, dict[int, Correction]] = {}
    for one in corrections:
        frame = frame_at(motion.time_s, one.time_s)
        if one.joint in CORRECTABLE and frame is not None and motion.present[frame]:
            found.setdefault(one.joint, {})[frame] = one
    return {name: sorted(frames.items()) for name, frames in found.items()}


def _matrix(motion: Motion, frame: int) -> np.ndarray:
    """(4, 4) world from camera."""
    matrix = motion.world_from_camera
    return matrix if matrix.ndim == 2 else matrix[frame]


def _height(motion: Motion) -> float:
    return float(motion.rest.joints[JOINT["head_top"], 2])


def _target(motion: Motion, frame: int, correction: Correction) -> np.ndarray:
    """(3,) metres in the world."""
    matrix = _matrix(motion, frame)
    pelvis = transformed(motion.joints[frame, [JOINT["pelvis"]]], inverse(matrix))[0]
    depth = pelvis[2] + correction.depth * _height(motion)
    ray = (np.array(correction.pixel) - motion.camera.centre) / motion.camera.focal_px
    return transformed(depth * np.array([[*ray, 1.0]]), matrix)[0]


def _faded(
    time_s: np.ndarray, present: np.ndarray, changes: list[tuple[int, np.ndarray]]
) -> np.ndarray:
    """(F, N): all of each of `changes`, (frame, (N,)) in order, at its frame, less before and
    after; none at the next one's frame, and none in frames that are not `present`."""
    size = len(changes[0][1]) if changes else 1
    total = np.zeros((len(time_s), size))
    frames = [frame for frame, _ in changes]
    for index, (frame, change) in enumerate(changes):
        since = time_s - time_s[frame]
        before = time_s[frame] - time_s[frames[index - 1]] if index else np.inf
        after = time_s[frames[index + 1]] - time_s[frame] if index + 1 < len(frames) else np.inf
        reach = np.where(since < 0, min(REACH_S, before), min(REACH_S, after))
        share = 1.0 - smoothstep(0.0, 1.0, np.abs(since) / reach)
        total += share[:, None] * change
    total[~present] = 0.0
    return total


def _moved(joints: np.ndarray, time_s: np.ndarray, name: str, change: np.ndarray) -> np.ndarray:
    """`joints` (F, J, 3) with joint `name` moved by `change` (F, 3), bones as long as before."""
    result = joints.copy()
    target = joints[:, JOINT[name]] + change
    if name == "pelvis":
        result += change[:, None]
        for limb in ("thigh.L", "thigh.R"):  # the feet stay
            _reach(result, joints, time_s, limb, joints[:, JOINT[_LIMBS[limb][2]]])
    elif name == "head_top":
        _turned(result, "neck", ("head_top", "nose", "l_ear", "r_ear"), name, target)
    elif name.endswith("toe"):
        _turned(result, name[:2] + "ankle", (name, name[:2] + "heel"), name, target)
    elif name.endswith(("wrist", "ankle")):
        _reach(result, joints, time_s, _limb_of(name), target)
    else:
        _bend(result, joints, _limb_of(name), target)
    return result


def _limb_of(name: str) -> str:
    return next(limb for limb, parts in _LIMBS.items() if name in parts[:3])


def _turned(
    result: np.ndarray, pivot: str, carried: tuple[str, ...], name: str, target: np.ndarray
) -> None:
    """Turns the `carried` joints about `pivot` so that `name` points to `target` (F, 3)."""
    middle = result[:, JOINT[pivot]]
    turn = shortest_arc(unit(result[:, JOINT[name]] - middle), unit(target - middle))
    for joint in carried:
        arm = result[:, JOINT[joint]] - middle
        result[:, JOINT[joint]] = middle + np.einsum("fij,fj->fi", turn, arm)


def _reach(
    result: np.ndarray, joints: np.ndarray, time_s: np.ndarray, limb: str, target: np.ndarray
) -> None:
    """Brings the end of `limb` to `target` (F, 3), or as near as it reaches, the middle in the
    plane that it had in `joints` (F, J, 3). A foot keeps its direction, a hand that to its arm."""
    root, middle, end, *carried = _LIMBS[limb]
    a, b, c = (joints[:, JOINT[name]] for name in (root, middle, end))
    axis = anatomical_frames(joints, time_s)[:, SEGMENT[limb], :, 0]
    upper, lower = float(np.linalg.norm(b[0] - a[0])), float(np.linalg.norm(c[0] - b[0]))
    bent, tip = two_bones(result[:, JOINT[root]], target, c - a, axis, upper, lower)
    result[:, JOINT[middle]], result[:, JOINT[end]] = bent, tip
    turn = np.broadcast_to(np.eye(3), (len(joints), 3, 3))
    if end.endswith("wrist"):
        turn = shortest_arc(unit(c - b), unit(tip - bent))
    _carry(result, joints, end, carried, turn)


def _bend(result: np.ndarray, joints: np.ndarray, limb: str, target: np.ndarray) -> None:
    """Points the upper half of `limb` to `target` (F, 3), its end as near to where it was as the
    lower half lets it."""
    root, middle, end, *carried = _LIMBS[limb]
    a, b, c = (joints[:, JOINT[name]] for name in (root, middle, end))
    upper = np.linalg.norm(b - a, axis=-1, keepdims=True)
    lower = np.linalg.norm(c - b, axis=-1, keepdims=True)
    bent = a + upper * unit(target - a)
    result[:, JOINT[middle]] = bent
    result[:, JOINT[end]] = bent + lower * unit(c - bent)
    _carry(result, joints, end, carried, np.broadcast_to(np.eye(3), (len(joints), 3, 3)))


def _carry(
    result: np.ndarray, joints: np.ndarray, end: str, carried: list[str], turn: np.ndarray
) -> None:
    for name in carried:
        arm = joints[:, JOINT[name]] - joints[:, JOINT[end]]
        result[:, JOINT[name]] = result[:, JOINT[end]] + np.einsum("fij,fj->fi", turn, arm)


def _lifted(
    contacts: tuple[Contact, ...], foot: str, moments_s: list[float]
) -> tuple[Contact, ...]:
    """`contacts` of which `foot` has none within `REACH_S` of `moments_s`."""
    rest = list(contacts)
    for moment in moments_s:
        start, end = moment - REACH_S, moment + REACH_S
        parts: list[Contact] = []
        for one in rest:
            if one.foot != foot or one.end_s <= start or one.start_s >= end:
                parts.append(one)
                continue
            if one.start_s < start:
                parts.append(replace(one, end_s=start))
            if one.end_s > end:
                parts.append(replace(one, start_s=end))
        rest = parts
    return tidied(rest)
