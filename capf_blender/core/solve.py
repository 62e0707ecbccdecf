# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a raw take to motion in a level world: clean, smooth, constant bones, root, camera."""

from dataclasses import dataclass, replace

import numpy as np

from .armature import SOLE_SHARE, RestPose, rest_pose
from .camera import Intrinsics, intrinsics, locate_root, onto_rays, project
from .errors import CaptureError
from .filters import fill_gaps, frame_interval, hampel, lowpass, pchip, segments
from .rotations import unit
from .skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS, MIRROR
from .take import Take
from .world import world_from_camera

LEAST_CONFIDENCE = 0.05  # keeps frames solvable in which nothing is seen well
# Points on the skin and the crown jitter more than joint centres and add little to the root.
SURFACE = ("heel", "toe", "index", "pinky", "nose", "ear", "head_top")
SURFACE_WEIGHT = 0.3
HEAD_JOINTS = ("neck", "head_top", "nose", "l_ear", "r_ear")
OUTLIER_TURN = 0.25  # radians: bones turned by less are left to the low pass
OUTLIER_PX = 3.0


@dataclass(frozen=True)
class SolveSettings:
    """What can be chosen after a capture. Cut-offs in Hz: lower is smoother."""

    height_m: float | None = 1.75  # of the person; None keeps the size that the model guessed
    focal_px: float | None = None  # of the upright frame; None takes the take's, else a default
    body_hz: float = 6.0
    extremities_hz: float = 9.0  # wrists, ankles and what lies beyond
    head_hz: float = 4.0
    depth_hz: float = 2.0  # of the root, along the camera's axis
    image_pull: float = 1.0  # how far joints move to where they are seen: 0 to 1, by confidence
    longest_gap_s: float = 0.5  # gaps up to this are filled, longer ones stay unknown

    def __post_init__(self) -> None:
        for name in ("height_m", "focal_px", "body_hz", "extremities_hz", "head_hz", "depth_hz"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise CaptureError(
                    "bad_setting",
                    f"{name} is {value}, which is impossible.",
                    "Give a positive one.",
                )
        if not 0.0 <= self.image_pull <= 1.0:
            raise CaptureError(
                "bad_setting", f"image_pull is {self.image_pull}.", "Give a number from 0 to 1."
            )


@dataclass(frozen=True, eq=False)
class Motion:
    """One person's motion. World: z up, metres, soles on z = 0, first facing -Y above the origin.

    Frames in which the person is unknown (never seen there, or a gap longer than can be filled) are
    NaN and not `present`.
    """

    time_s: np.ndarray  # (F,) seconds since the video's first frame, increasing
    present: np.ndarray  # (F,) bool
    joints: np.ndarray  # (F, J, 3) metres, world axes, constant distances between joint and parent
    bone_lengths: np.ndarray  # (J,) metres from each joint to its parent, 0 for the pelvis
    foot_length: float  # metres from heel to toe
    camera: Intrinsics
    world_from_camera: np.ndarray  # (4, 4), camera axes x right, y down, z forward
    reprojection_px: np.ndarray  # (F,) mean distance from the take's 2D joints, by confidence

    @property
    def rest(self) -> RestPose:
        """The default humanoid with this body's lengths."""
        return rest_pose(self.bone_lengths, self.foot_length)


def solve(take: Take, settings: SolveSettings | None = None) -> Motion:
    """The motion in `take`. Raises CaptureError `no_pose` when it holds no usable pose."""
    settings = settings or SolveSettings()
    if tuple(take.joint_names) != JOINT_NAMES:
        raise CaptureError(
            "bad_take", "The take's skeleton is not the one that this add-on solves.",
            "Capture the footage again.",
        )  # fmt: skip
    if not take.present.any():
        raise CaptureError(
            "no_pose", "The take holds no frame in which the person's pose is known.",
            "Capture a part of the footage in which the whole person is seen.",
        )  # fmt: skip
    camera = intrinsics(take.image_size, settings.focal_px, take.focal_px)
    time_s = take.time_s
    confidence = np.maximum(np.nan_to_num(take.joints_confidence), LEAST_CONFIDENCE)
    seen = fill_gaps(
        hampel(take.joints_2d, time_s, least=OUTLIER_PX), time_s, settings.longest_gap_s
    )
    relative = without_outliers(take.joints, time_s, settings.longest_gap_s)
    relative = onto_rays(relative, seen, settings.image_pull * confidence, camera)
    relative = smooth(_rigid_pelvis(relative), time_s, settings)
    known = np.isfinite(relative).all(axis=(1, 2))
    lengths, foot = measure(relative[known], confidence[known])
    scale = (
        1.0 if settings.height_m is None else settings.height_m / rest_pose(lengths, foot).height
    )
    lengths, foot = scale * lengths, scale * foot
    relative = with_lengths(relative, lengths)

    root = locate_root(relative, seen, confidence * _root_weights(), camera)
    root = fill_gaps(root, time_s, settings.longest_gap_s)
    root[~known] = np.nan
    # across the image as it is seen, in depth slower: noise there would shake the person sideways
    depth = lowpass(root[:, 2:], time_s, settings.depth_hz)
    across = lowpass(root[:, :2] / root[:, 2:], time_s, settings.body_hz)
    joints = relative + np.concatenate([across * depth, depth], axis=1)[:, None]
    present = np.asarray(np.isfinite(joints).all(axis=(1, 2)))
    if not present.any():
        raise CaptureError(
            "no_pose", "The person's place in front of the camera could not be found in any frame.",
            "Check the focal length, and that the person is not cut off by the frame's edges.",
        )  # fmt: skip
    joints[~present] = np.nan
    rest = rest_pose(lengths, foot)
    soles = np.array([SOLE_SHARE * rest.height] * 2 + [rest.joints[JOINT["l_ankle"], 2]])
    matrix = world_from_camera(joints, time_s, soles)
    return Motion(
        time_s=time_s,
        present=present,
        joints=joints @ matrix[:3, :3].T + matrix[:3, 3],
        bone_lengths=lengths,
        foot_length=foot,
        camera=camera,
        world_from_camera=matrix,
        reprojection_px=_reprojection(joints, take, confidence, camera),
    )


def without_outliers(joints: np.ndarray, time_s: np.ndarray, longest_gap_s: float) -> np.ndarray:
    """`joints` (F, J, 3) relative to the root without single-frame outliers and short gaps.

    Sought in the vectors from parent to joint: a foot that flips once stands out there, not in the
    swing of the whole leg.
    """
    bones = _bones(joints)
    typical = np.median(np.linalg.norm(bones[np.isfinite(bones).all(axis=(1, 2))], axis=-1), axis=0)
    bones = hampel(bones, time_s, least=OUTLIER_TURN * typical[:, None])
    return _chained(fill_gaps(bones, time_s, longest_gap_s))


def smooth(joints: np.ndarray, time_s: np.ndarray, settings: SolveSettings) -> np.ndarray:
    """`joints` (F, J, 3) relative to the root without jitter. Again bone by bone, so that a head
    that is smoothed more than the trunk does not lag behind it."""
    return _chained(lowpass(_bones(joints), time_s, _cutoffs(settings)[:, None]))


def _rigid_pelvis(joints: np.ndarray) -> np.ndarray:
    """`joints` (F, J, 3) relative to the middle of the hips, which becomes the pelvis: one bone
    carries all three."""
    middle = 0.5 * (joints[:, JOINT["l_hip"]] + joints[:, JOINT["r_hip"]])
    relative = joints - middle[:, None]
    relative[:, JOINT["pelvis"]] = np.where(np.isfinite(middle), 0.0, np.nan)
    return relative


def _bones(joints: np.ndarray) -> np.ndarray:
    """(F, J, 3) vectors from each joint's parent to it; the root as it is."""
    is_child = np.array(JOINT_PARENTS)[:, None] >= 0
    return joints - np.where(is_child, joints[:, list(JOINT_PARENTS)], 0.0)


def _chained(bones: np.ndarray) -> np.ndarray:
    """The joints (F, J, 3) that `_bones` belong to."""
    joints = bones.copy()
    for joint, parent in _from_the_root():
        joints[:, joint] += joints[:, parent]
    return joints


def _cutoffs(settings: SolveSettings) -> np.ndarray:
    """(J,) Hz."""
    cutoffs = np.full(len(JOINT_NAMES), settings.body_hz)
    for name, joint in JOINT.items():
        if name.endswith(("wrist", "index", "pinky", "ankle", "heel", "toe")):
            cutoffs[joint] = settings.extremities_hz
        elif name in HEAD_JOINTS:
            cutoffs[joint] = settings.head_hz
    return cutoffs


def _root_weights() -> np.ndarray:
    """(J,) how much each joint says about where the person is."""
    return np.array([SURFACE_WEIGHT if name.endswith(SURFACE) else 1.0 for name in JOINT_NAMES])


def measure(joints: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, float]:
    """Bone lengths (J,) and the heel-to-toe length in the unit of `joints` (F, J, 3): medians over
    the frames and both sides, weighted by `confidence` (F, J). 0 for the pelvis."""
    lengths = np.zeros(len(JOINT_NAMES))
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            lengths[joint] = _length(joints, confidence, joint, parent)
    foot = _length(joints, confidence, JOINT["l_toe"], JOINT["l_heel"])
    return lengths, foot


def _length(joints: np.ndarray, confidence: np.ndarray, joint: int, other: int) -> float:
    pairs = {(joint, other), (MIRROR[joint], MIRROR[other])}
    values = [np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in pairs]
    weights = [np.minimum(confidence[:, a], confidence[:, b]) for a, b in pairs]
    return weighted_median(np.concatenate(values), np.concatenate(weights))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value at which half of the weight lies on either side."""
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, 0.5 * share[-1])])


def with_lengths(joints: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """`joints` (F, J, 3) with the same direction of every bone and the given `lengths` (J,); the
    pelvis stays."""
    result = joints.copy()
    for joint, parent in _from_the_root():
        direction = unit(joints[:, joint] - joints[:, parent])
        result[:, joint] = result[:, parent] + lengths[joint] * direction
    return result


def _from_the_root() -> list[tuple[int, int]]:
    """Each joint but the root with its parent, parents first."""
    children = {-1: [JOINT["pelvis"]]}
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            children.setdefault(parent, []).append(joint)
    ordered: list[tuple[int, int]] = []
    waiting = [JOINT["pelvis"]]
    while waiting:
        parent = waiting.pop(0)
        ordered += [(child, parent) for child in children.get(parent, [])]
        waiting += children.get(parent, [])
    return ordered


def _reprojection(
    joints: np.ndarray, take: Take, confidence: np.ndarray, camera: Intrinsics
) -> np.ndarray:
    """(F,) mean pixels between `joints` (F, J, 3) in camera axes and where the detector saw them;
    NaN where it saw nothing."""
    distance = np.linalg.norm(project(joints, camera) - take.joints_2d, axis=-1)
    weights = np.where(np.isfinite(distance), confidence, 0.0)
    total = weights.sum(axis=1)
    mean = (weights * np.nan_to_num(distance)).sum(axis=1) / np.maximum(total, 1e-9)
    return np.where(total > 0, mean, np.nan)


def sample(motion: Motion, times_s: np.ndarray) -> Motion:
    """`motion` at other times (N,), increasing seconds: monotone cubic positions with the bones'
    lengths restored.

    A time is present between two present frames that follow each other, and up to half a frame
    before the first and after the last of such a run. A still image is present at all times.
    """
    times_s = np.asarray(times_s, dtype=float)
    count, frames = len(times_s), len(motion.time_s)
    joints = np.full((count, *motion.joints.shape[1:]), np.nan)
    reprojection = np.full(count, np.nan)
    slack = 0.5 * frame_interval(motion.time_s) + 1e-6 if frames > 1 else np.inf
    for run in segments(motion.present):
        known = motion.time_s[run]
        inside = (times_s >= known[0] - slack) & (times_s <= known[-1] + slack)
        if inside.any():
            joints[inside] = pchip(known, motion.joints[run], times_s[inside])
            middles = 0.5 * (known[1:] + known[:-1])
            nearest = np.searchsorted(middles, times_s[inside])
            reprojection[inside] = motion.reprojection_px[run][nearest]
    return replace(
        motion,
        time_s=times_s,
        present=np.isfinite(joints).all(axis=(1, 2)),
        joints=with_lengths(joints, motion.bone_lengths),
        reprojection_px=reprojection,
    )
