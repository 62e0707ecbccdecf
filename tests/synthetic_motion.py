# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A body that walks, waves and nods, and the takes that cameras of known place make of it."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from capf_blender.core.armature import BONE_NAMES, PARENTS, RestPose, rest_pose
from capf_blender.core.camera import Intrinsics, project
from capf_blender.core.rotations import matrix_from_quaternion
from capf_blender.core.skeleton import JOINT, JOINT_NAMES, JOINT_PARENTS, mirror_name
from capf_blender.core.take import Take

_LENGTHS = {
    "l_hip": 0.10, "l_knee": 0.44, "l_ankle": 0.42, "spine": 0.25, "thorax": 0.25, "neck": 0.11,
    "head_top": 0.16, "l_shoulder": 0.18, "l_elbow": 0.28, "l_wrist": 0.26, "l_heel": 0.09,
    "l_toe": 0.19, "l_index": 0.10, "l_pinky": 0.09, "nose": 0.13, "l_ear": 0.11,
}  # fmt: skip
LENGTHS = np.array(
    [_LENGTHS.get(n, _LENGTHS.get(mirror_name(n), 0.0)) for n in JOINT_NAMES]
)  # pelvis: 0
FOOT_LENGTH = 0.235
CAMERA = Intrinsics(1200.0, 1280, 960)

# the bone that carries each joint
_CARRIERS = {
    "pelvis": "hips", "spine": "spine", "thorax": "chest", "neck": "neck", "head_top": "head",
    "nose": "head", "l_ear": "head", "r_ear": "head",
    **{
        p + joint: bone + side
        for p, side in (("l_", ".L"), ("r_", ".R"))
        for joint, bone in {
            "knee": "thigh", "ankle": "shin", "heel": "foot", "toe": "foot",
            "shoulder": "clavicle", "elbow": "upper_arm", "wrist": "forearm",
            "index": "hand", "pinky": "hand",
        }.items()
    },
}  # fmt: skip
_CARRIERS |= {"l_hip": "hips", "r_hip": "hips"}


def body() -> RestPose:
    return rest_pose(LENGTHS, FOOT_LENGTH)


def about(axis: str, angles: np.ndarray) -> np.ndarray:
    """(F, 4) wxyz turns by `angles` (F,) radians about a bone's own axis."""
    quaternion = np.zeros((len(angles), 4))
    quaternion[:, 0] = np.cos(0.5 * angles)
    quaternion[:, 1 + "xyz".index(axis)] = np.sin(0.5 * angles)
    return quaternion


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(F, 4) rotation `b`, then `a`."""
    w, v, s, u = a[:, :1], a[:, 1:], b[:, :1], b[:, 1:]
    return np.concatenate(
        [w * s - np.sum(v * u, 1, keepdims=True), w * u + s * v + np.cross(v, u)], axis=1
    )


def pose_bones(
    rest: RestPose, rotations: np.ndarray, pelvis: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forward kinematics as Blender does it: heads (F, B, 3), tails (F, B, 3) and matrices
    (F, B, 3, 3) for local `rotations` (F, B, 4) and the hips' head at `pelvis` (F, 3)."""
    local = matrix_from_quaternion(rotations)
    heads = np.empty((*rotations.shape[:2], 3))
    matrices = np.empty((*rotations.shape[:2], 3, 3))
    for bone, parent in enumerate(PARENTS):
        since_rest = np.eye(3) if parent < 0 else matrices[:, parent] @ rest.matrices[parent].T
        matrices[:, bone] = since_rest @ rest.matrices[bone] @ local[:, bone]
        offset = rest.heads[bone] - rest.heads[parent]
        heads[:, bone] = pelvis if parent < 0 else heads[:, parent] + since_rest @ offset
    length = np.linalg.norm(rest.tails - rest.heads, axis=-1)
    return heads, heads + matrices[..., 1] * length[:, None], matrices


def joints_of(rest: RestPose, rotations: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
    """(F, J, 3) joints carried by the posed bones."""
    heads, _, matrices = pose_bones(rest, rotations, pelvis)
    joints = np.empty((len(rotations), len(JOINT_NAMES), 3))
    for name, bone_name in _CARRIERS.items():
        bone = BONE_NAMES.index(bone_name)
        offset = rest.matrices[bone].T @ (rest.joints[JOINT[name]] - rest.heads[bone])
        joints[:, JOINT[name]] = heads[:, bone] + matrices[:, bone] @ offset
    return joints


def walk(time_s: np.ndarray, speed: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations (F, B, 4) and pelvis (F, 3) of `body()` on a walk towards -Y at `speed` m/s
    that waves its right arm, bends its left one and looks about; knees and elbows stay bent."""
    phase = 2 * np.pi * 0.9 * time_s
    rotations = np.zeros((len(time_s), len(BONE_NAMES), 4))
    rotations[..., 0] = 1.0

    def turn(bone: str, *turns: np.ndarray) -> None:
        index = BONE_NAMES.index(bone)
        for quaternion in turns:
            rotations[:, index] = product(rotations[:, index], quaternion)

    turn("hips", about("y", 0.15 * np.sin(phase)), about("x", 0.04 * np.cos(2 * phase)))
    turn("spine", about("x", -0.05 + 0.03 * np.sin(phase)))
    turn("chest", about("y", -0.2 * np.sin(phase)))
    turn("neck", about("y", 0.1 * np.sin(0.7 * phase)))
    turn("head", about("y", 0.25 * np.sin(0.7 * phase)), about("x", 0.1 * np.sin(phase)))
    for side, sign in ((".L", 1.0), (".R", -1.0)):
        swing = sign * np.sin(phase)
        turn("thigh" + side, about("x", -0.15 - 0.4 * swing))
        turn("shin" + side, about("x", 0.5 + 0.2 * np.cos(phase) * sign))
        turn("foot" + side, about("x", -0.25 + 0.15 * swing))
        turn("hand" + side, about("x", 0.2 * swing))
    # z drops an arm of a T-pose to the side
    straight = np.ones_like(phase)
    turn("upper_arm.L", about("z", -1.2 * straight), about("x", 0.3 * np.sin(phase)))
    turn("forearm.L", about("x", 0.8 + 0.3 * np.sin(phase)))
    turn("upper_arm.R", about("z", -0.3 * straight), about("x", 0.2 * np.sin(phase)))
    turn("forearm.R", about("x", 1.3 + 0.4 * np.sin(2 * phase)))
    pelvis = np.zeros((len(time_s), 3))
    pelvis[:, 1] = -speed * time_s
    joints = joints_of(body(), rotations, pelvis)
    # the lowest sole on the floor
    soles = joints[:, [JOINT[p + n] for p in ("l_", "r_") for n in ("heel", "toe")], 2]
    pelvis[:, 2] = body().joints[JOINT["l_heel"], 2] - soles.min(axis=1)
    return rotations, pelvis


def walking_joints(time_s: np.ndarray, speed: float = 0.0) -> np.ndarray:
    """(F, J, 3) metres, z up, of `walk`."""
    return joints_of(body(), *walk(time_s, speed))


def standing(time_s: np.ndarray, **turns: np.ndarray | float) -> np.ndarray:
    """(F, J, 3) metres, z up, of `body()` that stands with hanging arms, its bones turned about
    their own X by `turns`, radians (F,) or one; underscores for the dots in the bones' names."""
    rotations = np.zeros((len(time_s), len(BONE_NAMES), 4))
    rotations[..., 0] = 1.0
    for side, drop in (("L", -1.2), ("R", 1.2)):
        rotations[:, BONE_NAMES.index("upper_arm." + side)] = about("z", np.full(len(time_s), drop))
        rotations[:, BONE_NAMES.index("forearm." + side)] = about("x", np.full(len(time_s), 0.3))
    for name, angles in turns.items():
        bone = BONE_NAMES.index(".".join(name.rsplit("_", 1)))
        angles = np.broadcast_to(angles, time_s.shape)
        rotations[:, bone] = product(rotations[:, bone], about("x", angles))
    return joints_of(body(), rotations, np.zeros((len(time_s), 3)))


def swapped(take: Take, frames: slice, names: Iterable[str]) -> Take:
    """`take` with the joints `names` of the left exchanged for those of the right in `frames`."""
    order = np.tile(np.arange(len(JOINT_NAMES)), (len(take.time_s), 1))
    for name in names:
        left, right = JOINT[name], JOINT[mirror_name(name)]
        order[frames, left], order[frames, right] = right, left
    return replace(
        take,
        joints=np.take_along_axis(take.joints, order[..., None], 1),
        joints_2d=np.take_along_axis(take.joints_2d, order[..., None], 1),
        joints_confidence=np.take_along_axis(take.joints_confidence, order, 1),
    )


def look_at(
    position: tuple[float, float, float], pitch: float = 0.0, roll: float = 0.0, yaw: float = 0.0
) -> np.ndarray:
    """(4, 4) world from camera: at `position`, looking along +Y when all angles (radians) are 0;
    positive pitch looks down, positive yaw to the left."""
    cp, sp, cr, sr, cy, sy = *_cs(pitch), *_cs(roll), *_cs(yaw)
    level = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)  # columns: camera x, y, z
    pitched = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    rolled = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turned = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = turned @ level @ pitched @ rolled
    matrix[:3, 3] = position
    return matrix


def _cs(angle: float) -> tuple[float, float]:
    return float(np.cos(angle)), float(np.sin(angle))


def take_of(
    joints: np.ndarray,
    time_s: np.ndarray,
    world_from_camera: np.ndarray,
    camera: Intrinsics = CAMERA,
    noise_m: float = 0.0,
    noise_px: float = 0.0,
    seed: int = 0,
) -> Take:
    """What a detector with Gaussian noise makes of `joints` (F, J, 3), metres, z up."""
    rng = np.random.default_rng(seed)
    seen = (joints - world_from_camera[:3, 3]) @ world_from_camera[:3, :3]
    pixels = project(seen, camera) + noise_px * rng.normal(size=(*seen.shape[:2], 2))
    relative = seen - seen[:, :1] + noise_m * rng.normal(size=seen.shape)
    relative -= relative[:, :1]
    frames = len(time_s)
    bbox = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    return Take(
        time_s=time_s,
        bbox=bbox,
        keypoints_2d=pixels,
        confidence=np.ones((frames, len(JOINT_NAMES))),
        keypoint_names=np.array(JOINT_NAMES),
        joints=relative,
        joints_2d=pixels,
        joints_confidence=np.ones((frames, len(JOINT_NAMES))),
        joint_names=np.array(JOINT_NAMES),
        joint_parents=np.array(JOINT_PARENTS),
        image_size=np.array([camera.width, camera.height]),
        focal_px=camera.focal_px,
        person=0,
        people_ids=np.array([0]),
        people_bbox=bbox[None],
    )


# MediaPipe's landmarks of the joints that it has; the others lie between them.
_MEDIAPIPE = {
    "nose": 0, "l_ear": 7, "r_ear": 8, "l_shoulder": 11, "r_shoulder": 12, "l_elbow": 13,
    "r_elbow": 14, "l_wrist": 15, "r_wrist": 16, "l_pinky": 17, "r_pinky": 18, "l_index": 19,
    "r_index": 20, "l_hip": 23, "r_hip": 24, "l_knee": 25, "r_knee": 26, "l_ankle": 27,
    "r_ankle": 28, "l_heel": 29, "r_heel": 30, "l_toe": 31, "r_toe": 32,
}  # fmt: skip


def mediapipe_take(golden, fps: float, size: tuple[int, int]) -> Take:
    """The take of a file of the official pipeline's landmarks."""
    with np.load(golden) as data:
        pixels, world = data["landmarks_px"].astype(float), data["world_m"].astype(float)
        visibility = data["visibility"].astype(float)
    joints = _from_mediapipe(world)
    bbox = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    return Take(
        time_s=np.arange(len(pixels)) / fps,
        bbox=bbox,
        keypoints_2d=pixels,
        confidence=visibility,
        keypoint_names=np.array([f"landmark_{index}" for index in range(33)]),
        joints=joints - joints[:, :1],
        joints_2d=_from_mediapipe(pixels),
        joints_confidence=_from_mediapipe(visibility[..., None])[..., 0].clip(0, 1),
        joint_names=np.array(JOINT_NAMES),
        joint_parents=np.array(JOINT_PARENTS),
        image_size=np.array(size),
        focal_px=float("nan"),
        person=0,
        people_ids=np.array([0]),
        people_bbox=bbox[None],
    )


def _from_mediapipe(landmarks: np.ndarray) -> np.ndarray:
    """(F, J, D) joints from (F, 33, D) landmarks."""
    joints = np.zeros((len(landmarks), len(JOINT_NAMES), landmarks.shape[-1]))
    for name, landmark in _MEDIAPIPE.items():
        joints[:, JOINT[name]] = landmarks[:, landmark]

    def middle(name: str) -> np.ndarray:
        return 0.5 * (joints[:, JOINT["l_" + name]] + joints[:, JOINT["r_" + name]])

    pelvis, thorax, ears = middle("hip"), middle("shoulder"), middle("ear")
    joints[:, JOINT["pelvis"]], joints[:, JOINT["thorax"]] = pelvis, thorax
    joints[:, JOINT["spine"]] = 0.5 * (pelvis + thorax)
    joints[:, JOINT["neck"]] = thorax + 0.55 * (ears - thorax)
    joints[:, JOINT["head_top"]] = thorax + 1.27 * (ears - thorax)
    return joints
