# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A low-poly mannequin around the default humanoid's rest pose, as plain arrays.

Each part is a loft: oval rings along a line, closed by round caps, moved rigidly by one bone.
Widths are shares of the body's height, but for hips and shoulders, which have measured ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .armature import BONE_NAMES, RestPose
from .rotations import frame_yx
from .skeleton import JOINT

SEGMENTS_AROUND = 16
CAP_ANGLES = np.radians([25.0, 50.0, 72.0])
MATERIALS = ("Body", "Joint", "Left", "Right", "Face")
BODY, JOINTS, LEFT, RIGHT, FACE = range(len(MATERIALS))

# position along the line, half width along X, half depth along Z, shift along Z
Ring = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class MannequinMesh:
    """V vertices and N faces; `bones` (V,) and `materials` (N,) index BONE_NAMES and MATERIALS."""

    vertices: np.ndarray  # (V, 3) metres, armature space
    faces: list[tuple[int, ...]]
    bones: np.ndarray
    materials: np.ndarray


@dataclass(frozen=True, eq=False)
class _Part:
    bone: str
    material: int
    start: np.ndarray  # (3,) metres
    end: np.ndarray  # (3,)
    x: np.ndarray  # (3,) the direction that the rings' X axis is near to
    rings: Sequence[Ring]  # in metres but for the position: 0 at start, 1 at end
    caps: tuple[float, float]  # metres that the round ends stick out
    power: float = 2.0  # of the superellipse: 2 is an oval, 4 nearly a box


def mannequin_mesh(rest: RestPose) -> MannequinMesh:
    """The mannequin of a body at `rest`."""
    vertices: list[np.ndarray] = []
    faces: list[tuple[int, ...]] = []
    bones: list[int] = []
    materials: list[int] = []
    for part in (*_trunk(rest), *_arms(rest), *_legs(rest)):
        points, quads = _loft(part)
        offset = len(bones)
        vertices.append(points)
        faces += [tuple(offset + corner for corner in face) for face in quads]
        bones += [BONE_NAMES.index(part.bone)] * len(points)
        materials += [part.material] * len(quads)
    return MannequinMesh(
        np.concatenate(vertices), faces, np.array(bones, np.int32), np.array(materials, np.int32)
    )


def _loft(part: _Part) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Vertices (V, 3) and faces, which look outwards."""
    length = float(np.linalg.norm(part.end - part.start))
    rings = [(at * length, width, depth, shift) for at, width, depth, shift in part.rings]
    first, last = rings[0], rings[-1]
    rings = [
        *(_cap_ring(first, -part.caps[0], angle) for angle in CAP_ANGLES[::-1]),
        *rings,
        *(_cap_ring(last, part.caps[1], angle) for angle in CAP_ANGLES),
    ]
    around = np.linspace(0, 2 * np.pi, SEGMENTS_AROUND, endpoint=False)
    exponent = 2.0 / part.power
    x = np.sign(np.cos(around)) * np.abs(np.cos(around)) ** exponent
    z = np.sign(np.sin(around)) * np.abs(np.sin(around)) ** exponent
    local = [np.array([[0.0, first[0] - part.caps[0], first[3]]])]
    for at, width, depth, shift in rings:
        local.append(np.stack([width * x, np.full_like(x, at), depth * z + shift], axis=1))
    local.append(np.array([[0.0, last[0] + part.caps[1], last[3]]]))
    axes = frame_yx(part.end - part.start, part.x)
    points = np.concatenate(local) @ axes.T + part.start

    n = SEGMENTS_AROUND
    faces: list[tuple[int, ...]] = []
    top = len(points) - 1
    for k in range(n):
        after = (k + 1) % n
        faces.append((0, 1 + k, 1 + after))
        for ring in range(len(rings) - 1):
            low, high = 1 + ring * n, 1 + (ring + 1) * n
            faces.append((low + k, high + k, high + after, low + after))
        faces.append((top, top - n + after, top - n + k))
    return points, faces


def _cap_ring(ring: Ring, height: float, angle: float) -> Ring:
    at, width, depth, shift = ring
    shrink = float(np.cos(angle))
    return at + height * float(np.sin(angle)), width * shrink, depth * shrink, shift


def _ball(bone: str, centre: np.ndarray, radius: float) -> _Part:
    up = np.array([0.0, 0.0, 1e-3])
    return _Part(
        bone, JOINTS, centre, centre + up, np.array([1.0, 0.0, 0.0]),
        [(0.5, radius, radius, 0.0)], (radius, radius),
    )  # fmt: skip


def _limb(
    bone: str, material: int, start: np.ndarray, end: np.ndarray, rings: Sequence[Ring]
) -> _Part:
    caps = 0.8 * rings[0][1], 0.8 * rings[-1][1]
    return _Part(bone, material, start, end, np.array([1.0, 0.0, 0.0]), rings, caps)


def _trunk(rest: RestPose) -> Iterator[_Part]:
    at = {name: rest.joints[index] for name, index in JOINT.items()}
    h = rest.height
    hips, shoulders = at["l_hip"][0], at["l_shoulder"][0]
    waist, ribs = max(1.05 * hips, 0.066 * h), 0.86 * shoulders
    left = np.array([1.0, 0.0, 0.0])
    yield _Part(
        "hips", BODY, at["pelvis"], at["spine"], left,
        [(-0.14, 1.0 * hips, 0.055 * h, 0.0), (0.05, 1.42 * hips, 0.063 * h, 0.0),
         (0.35, waist, 0.056 * h, 0.0)], (0.03 * h, 0.015 * h), 2.6,
    )  # fmt: skip
    yield _Part(
        "spine", JOINTS, at["pelvis"], at["spine"], left,
        [(0.3, 0.88 * waist, 0.05 * h, 0.0), (1.0, 0.88 * waist, 0.052 * h, 0.0)],
        (0.02 * h, 0.02 * h), 2.4,
    )  # fmt: skip
    yield _Part(
        "chest", BODY, at["spine"], at["thorax"], left,
        [(-0.18, 0.95 * waist, 0.055 * h, 0.0), (0.35, ribs, 0.066 * h, 0.004 * h),
         (0.75, 0.95 * ribs, 0.062 * h, 0.0), (0.97, 0.6 * ribs, 0.042 * h, -0.005 * h)],
        (0.015 * h, 0.015 * h), 2.6,
    )  # fmt: skip
    shoulder_line = at["thorax"]
    neck_root = shoulder_line + 0.35 * (at["neck"] - shoulder_line)
    yield _Part(  # shoulders slope up to the neck
        "chest", BODY, shoulder_line, neck_root, left,
        [(-0.9, 0.8 * ribs, 0.05 * h, 0.0), (0.0, 0.62 * ribs, 0.042 * h, 0.0),
         (0.7, 0.3 * ribs, 0.034 * h, 0.0)], (0.01 * h, 0.01 * h),
    )  # fmt: skip
    yield _limb(
        "neck", JOINTS, shoulder_line, at["neck"],
        [(0.2, 0.031 * h, 0.033 * h, -0.004 * h), (1.0, 0.03 * h, 0.031 * h, 0.0)],
    )  # fmt: skip
    crown = at["head_top"]
    up = np.array([0.0, 0.0, 1.0])
    chin = crown - 0.14 * h * up
    yield _Part(
        "head", BODY, chin, crown, left,
        [(0.1, 0.03 * h, 0.036 * h, 0.014 * h), (0.38, 0.043 * h, 0.052 * h, 0.007 * h),
         (0.62, 0.048 * h, 0.058 * h, 0.0)], (0.014 * h, 0.053 * h),
    )  # fmt: skip
    face = chin + np.array([0.0, -0.039 * h, 0.072 * h])
    yield _Part(  # a dark band over the eyes shows where the head looks
        "head", FACE, face - 0.028 * h * left, face + 0.028 * h * left, up,
        [(0.0, 0.012 * h, 0.018 * h, 0.0), (0.5, 0.014 * h, 0.024 * h, 0.0),
         (1.0, 0.012 * h, 0.018 * h, 0.0)], (0.008 * h, 0.008 * h),
    )  # fmt: skip
    nose = chin + np.array([0.0, -0.054 * h, 0.055 * h])
    yield _Part(
        "head", BODY, nose, nose + np.array([0.0, -0.008 * h, -0.012 * h]), left,
        [(0.0, 0.006 * h, 0.008 * h, 0.0), (1.0, 0.009 * h, 0.01 * h, 0.0)], (0.006 * h, 0.006 * h),
    )  # fmt: skip


def _arms(rest: RestPose) -> Iterator[_Part]:
    at = {name: rest.joints[index] for name, index in JOINT.items()}
    h = rest.height
    up, forward = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])
    for p, side, material in (("l_", ".L", LEFT), ("r_", ".R", RIGHT)):
        shoulder, elbow, wrist = at[p + "shoulder"], at[p + "elbow"], at[p + "wrist"]
        inner = at["thorax"] + 0.35 * (shoulder - at["thorax"])
        yield _limb(
            "clavicle" + side, BODY, inner, shoulder,
            [(0.0, 0.028 * h, 0.032 * h, 0.0), (0.95, 0.029 * h, 0.03 * h, 0.0)],
        )  # fmt: skip
        yield _ball("upper_arm" + side, shoulder, 0.031 * h)
        yield _limb(
            "upper_arm" + side, material, shoulder, elbow,
            [(0.15, 0.028 * h, 0.028 * h, 0.0), (0.5, 0.026 * h, 0.027 * h, 0.0),
             (0.9, 0.021 * h, 0.021 * h, 0.0)],
        )  # fmt: skip
        yield _ball("forearm" + side, elbow, 0.022 * h)
        yield _limb(
            "forearm" + side, material, elbow, wrist,
            [(0.12, 0.021 * h, 0.021 * h, 0.0), (0.35, 0.022 * h, 0.023 * h, 0.0),
             (0.9, 0.014 * h, 0.016 * h, 0.0)],
        )  # fmt: skip
        yield _ball("hand" + side, wrist, 0.0155 * h)
        palm = 0.5 * (at[p + "index"] + at[p + "pinky"])
        along = (palm - wrist) / np.linalg.norm(palm - wrist)
        tips = wrist + 0.108 * h * along  # a hand's length, Drillis and Contini
        # X is the rings' width: across the palm for the box of the hand
        yield _Part(
            "hand" + side, material, wrist, tips, forward,
            [(0.1, 0.016 * h, 0.011 * h, 0.0), (0.45, 0.024 * h, 0.012 * h, 0.0),
             (0.85, 0.02 * h, 0.008 * h, 0.0)], (0.006 * h, 0.012 * h), 3.0,
        )  # fmt: skip
        thumb = wrist + 0.025 * h * along + 0.018 * h * forward
        yield _Part(
            "hand" + side, material, thumb, thumb + 0.025 * h * along + 0.02 * h * forward, up,
            [(0.0, 0.008 * h, 0.009 * h, 0.0), (1.0, 0.006 * h, 0.007 * h, 0.0)],
            (0.007 * h, 0.006 * h),
        )  # fmt: skip


def _legs(rest: RestPose) -> Iterator[_Part]:
    at = {name: rest.joints[index] for name, index in JOINT.items()}
    h = rest.height
    left = np.array([1.0, 0.0, 0.0])
    for p, side, material in (("l_", ".L", LEFT), ("r_", ".R", RIGHT)):
        hip, knee, ankle = at[p + "hip"], at[p + "knee"], at[p + "ankle"]
        yield _ball("thigh" + side, hip, 0.046 * h)
        # along a leg Z points backwards
        yield _limb(
            "thigh" + side, material, hip, knee,
            [(0.1, 0.045 * h, 0.05 * h, 0.0), (0.4, 0.043 * h, 0.047 * h, 0.0),
             (0.92, 0.029 * h, 0.031 * h, 0.0)],
        )  # fmt: skip
        yield _ball("shin" + side, knee, 0.031 * h)
        yield _limb(
            "shin" + side, material, knee, ankle,
            [(0.1, 0.027 * h, 0.029 * h, 0.0), (0.33, 0.03 * h, 0.033 * h, 0.006 * h),
             (0.9, 0.018 * h, 0.02 * h, 0.0)],
        )  # fmt: skip
        yield _ball("foot" + side, ankle, 0.021 * h)
        index = BONE_NAMES.index("toe" + side)
        ball, toe = rest.heads[index], rest.tails[index]
        heel = at[p + "heel"]
        ground = np.array([1.0, 1.0, 0.0])
        # laid on the floor: Z points up when the line runs forwards and X to the right
        yield _Part(
            "foot" + side, material, heel * ground, ball * ground, -left,
            [(0.0, 0.018 * h, 0.02 * h, 0.02 * h), (0.4, 0.02 * h, 0.022 * h, 0.022 * h),
             (1.0, 0.027 * h, 0.014 * h, 0.014 * h)], (0.014 * h, 0.004 * h), 3.0,
        )  # fmt: skip
        yield _Part(
            "toe" + side, material, ball * ground, toe * ground, -left,
            [(0.0, 0.027 * h, 0.0135 * h, 0.0135 * h), (0.9, 0.023 * h, 0.01 * h, 0.01 * h)],
            (0.004 * h, 0.012 * h), 3.0,
        )  # fmt: skip
