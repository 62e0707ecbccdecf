# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a rig, as Blender evaluates it, follows joints: directions, twists, feet.

Limbs and the neck are compared joint by joint. Trunk and head are compared from upright, because
joints lie elsewhere in the rig's body than in the person's, and feet by their soles. The turn of a
limb about itself is judged where it shows: by the plane of a bent limb, by the knuckles, the ears.
Hands of rigs without knuckles count as straight at rest: judged is how they turn from there.
"""

from dataclasses import dataclass

import numpy as np

from capf_blender.core.rotations import angle_between, dot, perpendicular, unit
from capf_blender.core.skeleton import JOINT

SIDES = ((".L", "l_"), (".R", "r_"))
LIMBS = (("upper_arm", "forearm", "hand", ("shoulder", "elbow", "wrist")),
         ("thigh", "shin", "foot", ("hip", "knee", "ankle")))  # fmt: skip
BENT = np.radians(25.0)  # a limb this bent shows its plane
FOLDED = np.radians(155.0)
INVERTED = np.radians(20.0)  # a limb is inverted when it is bent this much the wrong way
STRAIGHT = np.radians(8.0)
FLIP = np.radians(90.0)
EDGE_FRAMES = 2  # at either end of a contact the true foot still rolls


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Parts of a rig in F frames, world axes, by role."""

    heads: dict[str, np.ndarray]  # (F, 3) metres
    turns: dict[str, np.ndarray]  # (F, 3, 3) what the pose does to vectors of the rest pose
    rest: np.ndarray  # (28, 3) joints at rest

    def carried_normal(self, role: str, normal: np.ndarray) -> np.ndarray:
        """(F, 3) where the pose takes what is perpendicular to (3,) of the rest: a sheared object's
        normals do not go where its vectors go."""
        return np.linalg.inv(np.swapaxes(self.turns[role], -1, -2)) @ normal

    def carried(self, role: str, start: str, end: str) -> np.ndarray:
        """(F, 3) where the pose takes the rest's vector between two joints."""
        return self.turns[role] @ (self.rest[JOINT[end]] - self.rest[JOINT[start]])


def directions(rig: Evaluated, joints: np.ndarray) -> dict[str, np.ndarray]:
    """(F,) radians by role between where the rig's parts point and where `joints` (F, 28, 3) do."""
    at = {name: joints[:, index] for name, index in JOINT.items()}
    up = np.array([0.0, 0.0, 1.0])
    pairs = {"hips": (rig.heads["thigh.L"] - rig.heads["thigh.R"], at["l_hip"] - at["r_hip"])}
    if "spine" in rig.turns:
        pairs["spine"] = (rig.turns["spine"] @ up, at["thorax"] - at["spine"])
    if "neck" in rig.heads:
        pairs["neck"] = (rig.heads["head"] - rig.heads["neck"], at["neck"] - at["thorax"])
    pairs["head"] = (rig.turns["head"] @ up, at["head_top"] - at["neck"])
    for side, p in SIDES:
        for upper, lower, end, (a, b, c) in LIMBS:
            for role, after, j, k in ((upper, lower, a, b), (lower, end, b, c)):
                if after + side in rig.heads:
                    points = rig.heads[after + side] - rig.heads[role + side]
                    pairs[role + side] = (points, at[p + k] - at[p + j])
        if "hand" + side in rig.turns:
            both = [rig.carried("hand" + side, p + "wrist", p + n) for n in ("index", "pinky")]
            wanted = at[p + "index"] + at[p + "pinky"] - 2 * at[p + "wrist"]
            pairs["hand" + side] = (both[0] + both[1], wanted)
        if "foot" + side in rig.turns:
            sole = rig.carried("foot" + side, p + "heel", p + "toe")
            pairs["foot" + side] = (sole, at[p + "toe"] - at[p + "heel"])
    return {role: angle_between(found, wanted) for role, (found, wanted) in pairs.items()}


def hinge_at_rest(rig: Evaluated, upper: str, p: str, names: tuple[str, ...]) -> np.ndarray:
    """(3,) about which a limb flexes, at rest: as it is bent there, else as a body's would."""
    a, b, c = (rig.rest[JOINT[p + name]] for name in names)
    if angle_between(b - a, c - b) > STRAIGHT:
        return unit(np.cross(b - a, c - b))
    left = unit(rig.rest[JOINT["l_hip"]] - rig.rest[JOINT["r_hip"]])
    forward = np.cross(left, [0.0, 0.0, 1.0])
    arm = upper == "upper_arm"
    return unit(np.cross(b - a, forward) if arm else perpendicular(left, unit(b - a)))


def twists(rig: Evaluated, joints: np.ndarray) -> tuple[dict[str, np.ndarray], int]:
    """Radians by role, of the frames in which `joints` (F, 28, 3) show a turn; and in how many of
    the limbs' frames an elbow or knee is bent the wrong way."""
    at = {name: joints[:, index] for name, index in JOINT.items()}
    errors: dict[str, np.ndarray] = {}
    inverted = 0
    for side, p in SIDES:
        for upper, lower, end, names in LIMBS:
            if end + side not in rig.heads:
                continue
            a, b, c = (at[p + name] for name in names)
            seen, bend = np.cross(b - a, c - b), angle_between(b - a, c - b)
            clear = (bend > BENT) & (bend < FOLDED)
            hinge = hinge_at_rest(rig, upper, p, names)
            for role in (upper, lower):
                turned = rig.carried_normal(role + side, hinge)
                errors[role + side] = angle_between(turned, seen)[clear]
            shown = [rig.heads[role + side] for role in (upper, lower, end)]
            halves = shown[1] - shown[0], shown[2] - shown[1]
            normal = np.cross(*halves)
            wrong = dot(normal, rig.carried_normal(upper + side, hinge)) < 0
            inverted += int(np.sum(wrong & (angle_between(*halves) > INVERTED)))
        if "hand" + side in rig.turns:
            along = unit(at[p + "index"] + at[p + "pinky"] - 2 * at[p + "wrist"])
            found = rig.carried("hand" + side, p + "pinky", p + "index")
            wanted = at[p + "index"] - at[p + "pinky"]
            errors["hand" + side] = angle_between(
                perpendicular(found, along), perpendicular(wanted, along)
            )
    along = unit(at["head_top"] - at["neck"])
    ears = perpendicular(at["l_ear"] - at["r_ear"], along)
    errors["head"] = angle_between(
        perpendicular(rig.carried("head", "r_ear", "l_ear"), along), ears
    )
    return errors, inverted


def flips(rig: Evaluated) -> dict[str, int]:
    """How often each part turns by more than 90 degrees from one frame to the next."""
    found = {}
    for role, turns in rig.turns.items():
        u, _, vt = np.linalg.svd(turns)
        rotation = u @ vt
        trace = np.einsum("fij,fij->f", rotation[1:], rotation[:-1])
        count = int(np.sum(np.arccos(np.clip((trace - 1) / 2, -1, 1)) > FLIP))
        if count:
            found[role] = count
    return found


def rig_feet(rig: Evaluated) -> np.ndarray:
    """(F, 2, 2, 3) left and right, heel and toe."""
    feet = []
    for side, p in SIDES:
        ends = [
            rig.heads["foot" + side] + rig.carried("foot" + side, p + "ankle", p + end)
            for end in ("heel", "toe")
        ]
        feet.append(np.stack(ends, axis=1))
    return np.stack(feet, axis=1)


def feet_of(joints: np.ndarray) -> np.ndarray:
    """(F, 2, 2, 3) the same of joints (F, 28, 3)."""
    names = [[p + end for end in ("heel", "toe")] for p in ("l_", "r_")]
    return joints[:, [[JOINT[name] for name in foot] for foot in names]]


def slide(feet: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """(N,) metres a frame along the ground of the end of a planted foot that moves less, for
    `feet` (F, 2, 2, 3) and `planted` (F, 2) bool, but for the edges of contacts."""
    inner = planted.copy()
    for shift in range(1, EDGE_FRAMES + 1):
        inner[shift:] &= planted[:-shift]
        inner[:-shift] &= planted[shift:]
    moved = np.linalg.norm(np.diff(feet[..., :2], axis=0), axis=-1).min(axis=-1)
    return moved[inner[1:] & inner[:-1]]


def overlap(found: np.ndarray, true: np.ndarray) -> tuple[int, int, int]:
    """Frames in which a foot stands in both, in `found` (F, 2) and in `true` (F, 2)."""
    return int((found & true).sum()), int(found.sum()), int(true.sum())


def aligned(joints: np.ndarray, to: np.ndarray) -> np.ndarray:
    """`joints` (F, 28, 3) turned about z and moved so that they lie as near to `to` as can be."""
    a, b = joints - joints.mean(axis=(0, 1)), to - to.mean(axis=(0, 1))
    cross = np.einsum("fji,fjk->ik", a[..., :2], b[..., :2])
    angle = np.arctan2(cross[0, 1] - cross[1, 0], cross[0, 0] + cross[1, 1])
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return a @ turn.T + to.mean(axis=(0, 1))
