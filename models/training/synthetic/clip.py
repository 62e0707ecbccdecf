# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clip of the tests: one person in one camera's picture, and exactly where it is.

Runs with Blender's Python module; two passes, the second goes on where the first was stopped:

    python models/training/synthetic/clip.py --assets DIR --frames DIR --out tests/fixtures

The motion, the clothes and the skin are none that anything is trained on.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np

from capf_blender.core.rotations import matrix_from_quaternion, shortest_arc, unit
from capf_blender.core.skeleton import JOINT, JOINT_NAMES
from models.training.synthetic import rotations, truth
from models.training.synthetic.assets import HumanPack
from models.training.synthetic.body import Shape, sample_shape
from models.training.synthetic.camera import View
from models.training.synthetic.clip_scene import ClipScene
from models.training.synthetic.motion import is_held_out
from models.training.synthetic.people import HELD_OUT_SKINS, HELD_OUT_WEAR, Actor, dress
from models.training.synthetic.rig import BONE, BONES, PARENTS, Posed, Rig, leg_length, pose

NAME = "synthetic_person"
FPS = 30
SIZE = (1280, 720)

MOTION = "cmu_131_01_s1"  # a wide stance, one arm raised; a turn, kneeling down; back and a walk
FRAMES = 112
AFTER = 8  # more of the motion, for the camera's aim and the smoothing at the end
BODY_SEED = 0
LIGHT = "esplanade.hdr"
LIGHT_TURN = np.radians(200.0)

CAMERA_HEIGHT = 1.4  # metres
CAMERA_DISTANCE = 3.8  # from the middle of the root's path
CAMERA_SIDE = np.radians(60.0)  # from the direction in which the person walks
CAMERA_PITCH = np.radians(8.0)  # downwards
FOCAL_PX = 1100.0

PLANTED_M = 0.03  # a foot this near to its height on the ground ...
PLANTED_SPEED = 0.3  # ... and slower than this (m/s) stands
LICENCE = (
    "CC0-1.0: rendered from MakeHuman's and Poly Haven's CC0 assets. Motion: CMU Graphics Lab "
    "Motion Capture Database, mocap.cs.cmu.edu, free for all uses (funding NSF EIA-0196217)."
)


@dataclass(frozen=True)
class Performance:
    """What happens in front of the camera; world: metres, y up, floor at y = 0."""

    actor: Actor
    vertices: np.ndarray  # (F, V, 3) float32
    joints: np.ndarray  # (F, 28, 3)

    def first(self, frames: int) -> "Performance":
        return Performance(self.actor, self.vertices[:frames], self.joints[:frames])


def cast(pack: HumanPack, rig: Rig) -> Actor:
    """A man in clothes that only validation wears."""
    wanted = {*HELD_OUT_WEAR, "high-poly", "eyebrow001"} - {"bob02", "male_worksuit01"}
    worn = [a for a in pack.assets if a.name in wanted and a.sex != "female"]
    skin = next(name for name in HELD_OUT_SKINS if "_male_" in name)
    return dress(pack, rig, NAME, _man(pack), pack.skin_texture(skin), worn)


def _man(pack: HumanPack) -> Shape:
    rng = np.random.default_rng(BODY_SEED)
    while True:
        shape = sample_shape(pack, rng)
        if shape.sex == "male":
            return shape


def perform(rig: Rig, actor: Actor, motion: Path) -> Performance:
    """The clip's motion on the actor's bones, so that something always touches the floor."""
    if not is_held_out(MOTION):
        raise SystemExit(f"{MOTION} is trained on: the clip needs another motion.")
    with np.load(motion, allow_pickle=False) as stored:
        if tuple(stored["names"]) != BONES:
            raise SystemExit(f"{motion.name} has other bones than the rig.")
        clip = stored["clip_name"].tolist().index(MOTION)
        start = stored["clip_start"][clip]
        frames = slice(start, start + FRAMES + AFTER)
        local = matrix_from_quaternion(unit(stored["quat"][frames].astype(np.float64)))
        local[:, [BONE["LeftToeBase"], BONE["RightToeBase"]]] = np.eye(3)  # filmed ones flutter
        roots, skeleton = stored["root"][frames], stored["clip_skeleton"][clip]
        scale = leg_length(actor.rest_joints) / stored["skeleton_leg_length"][skeleton]
        filmed_rest = _rest(stored["skeleton_offsets"][skeleton])
    filmed = [pose(filmed_rest, turns, root) for turns, root in zip(local, roots, strict=True)]
    posed = [
        _retargeted(actor.rest_joints, pair, scale, 0.0) for pair in zip(local, filmed, strict=True)
    ]
    drops = _kneeling_drops(filmed, posed, scale)
    posed = [
        _retargeted(actor.rest_joints, pair, scale, drop)
        for *pair, drop in zip(local, filmed, drops, strict=True)
    ]
    vertices = np.stack([body.skin(actor.vertices, actor.weights) for body in posed])
    joints = np.stack([truth.joints(rig, actor.shape.vertices, body) for body in posed])
    rise = _smoothed(-vertices[..., 1].min(1))
    up = np.stack([0 * rise, rise, 0 * rise], 1)[:, None]
    return Performance(actor, (vertices + up).astype(np.float32), joints + up)


def _rest(offsets: np.ndarray) -> np.ndarray:
    """(31, 3) rest joints, the root at 0, from the (31, 3) vectors from parent to joint."""
    rest = np.zeros_like(offsets, dtype=np.float64)
    for bone, parent in enumerate(PARENTS):
        if parent >= 0:
            rest[bone] = rest[parent] + offsets[bone]
    return rest


def _retargeted(rest: np.ndarray, pair: Sequence, scale: float, drop: float) -> Posed:
    """`pair` of local turns (31, 3, 3) and the filmed person in that pose; the ankles come to
    where `scale` takes the filmed ones, the root `drop` metres below."""
    local, filmed = pair
    body = pose(rest, local, scale * filmed.joints[0] - [0.0, drop, 0.0])
    for side in ("Left", "Right"):
        body = _with_ankle(body, side, scale * filmed.joints[BONE[f"{side}Foot"]])
    return body


def _kneeling_drops(filmed: list[Posed], posed: list[Posed], scale: float) -> np.ndarray:
    """(F,) metres by which the lower knee is too high where the filmed person kneels."""
    knees = [BONE["LeftLeg"], BONE["RightLeg"]]
    wanted = np.array([scale * body.joints[knees, 1].min() for body in filmed])
    found = np.array([body.joints[knees, 1].min() for body in posed])
    kneels = np.clip((0.3 - wanted) / 0.15, 0.0, 1.0)
    return _smoothed(kneels * (found - wanted).clip(min=0.0))


def _with_ankle(body: Posed, side: str, target: np.ndarray) -> Posed:
    """The leg bent, in its own plane, so that the ankle is at `target` (3,); the foot keeps its
    direction. Thighs and shins are not of the filmed person's proportions: without this, feet
    would float."""
    thigh, shin, foot = (BONE[f"{side}{part}"] for part in ("UpLeg", "Leg", "Foot"))
    joints, turns = body.joints.copy(), body.turns.copy()
    hip, knee, ankle = joints[[thigh, shin, foot]]
    upper, lower = np.linalg.norm(knee - hip), np.linalg.norm(ankle - knee)
    reach = target - hip
    length = min(float(np.linalg.norm(reach)), 0.999 * float(upper + lower))
    along = reach / np.linalg.norm(reach)
    aside = (knee - hip) - ((knee - hip) @ along) * along
    aside /= np.linalg.norm(aside)
    share = (upper**2 - lower**2 + length**2) / (2 * length)
    bent = hip + share * along + np.sqrt(max(upper**2 - share**2, 0.0)) * aside
    end = hip + length * along
    turns[thigh] = shortest_arc(unit(knee - hip), unit(bent - hip)) @ turns[thigh]
    turns[shin] = shortest_arc(unit(ankle - knee), unit(end - bent)) @ turns[shin]
    joints[shin] = bent
    for bone in (foot, BONE[f"{side}ToeBase"]):
        joints[bone] += end - ankle
    return Posed(body.rest, turns, joints)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """(F,) without jitter from one frame to the next."""
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    padded = np.pad(values, 6, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def film(performance: Performance) -> View:
    """The camera: level, pitched down, its picture's middle amid the person's path."""
    pelvis = performance.joints[:, JOINT["pelvis"]]
    middle = (pelvis.min(0) + pelvis.max(0)) / 2
    away = np.array([np.sin(CAMERA_SIDE), 0.0, np.cos(CAMERA_SIDE)])
    position = middle * [1, 0, 1] + CAMERA_DISTANCE * away + [0.0, CAMERA_HEIGHT, 0.0]

    def view(turn: float) -> View:
        look = rotations.about_x(CAMERA_PITCH) @ np.diag([-1.0, -1.0, 1.0])
        look = look @ rotations.about_y(-(CAMERA_SIDE + np.pi + turn))
        return View(look, position, FOCAL_PX, np.array(SIZE) / 2, SIZE[0])

    straight = view(0.0)
    columns = straight.project(straight.to_camera(performance.vertices[::5]))[..., 0]
    aside = (columns.min() + columns.max()) / 2 - SIZE[0] / 2
    return view(float(np.arctan(aside / FOCAL_PX)))


def contacts(joints: np.ndarray) -> np.ndarray:
    """(F, 2) bool: the left, the right foot stands, by height and speed of its heel or toe."""
    planted = []
    for side in ("l_", "r_"):
        stands = np.zeros(len(joints), bool)
        for point in ("heel", "toe"):
            path = joints[:, JOINT[side + point]]
            speed = np.linalg.norm(np.gradient(path, 1 / FPS, axis=0), axis=1)
            flat = np.percentile(path[:, 1], 10)
            stands |= (path[:, 1] < flat + PLANTED_M) & (speed < PLANTED_SPEED)
        planted.append(stands)
    return np.stack(planted, 1)


def z_up(points: np.ndarray) -> np.ndarray:
    """(..., 3) world with y up -> z up."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1)


def save_truth(path: Path, performance: Performance, view: View) -> None:
    """In the layout of references of real clips (README), and more; rows as JOINT_NAMES."""
    in_camera = view.to_camera(performance.joints)
    rotation = view.camera_from_world @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    offset = -rotation @ z_up(view.position)
    names = ["".join(part.capitalize() for part in name.split("_")) for name in JOINT_NAMES]
    np.savez_compressed(
        path,
        joints=in_camera.astype(np.float32),
        names=np.array(names),
        frames=np.arange(len(in_camera)),
        uv=view.project(in_camera).astype(np.float32),
        K=np.array([[FOCAL_PX, 0, SIZE[0] / 2], [0, FOCAL_PX, SIZE[1] / 2], [0, 0, 1]]),
        dist=np.zeros(4),
        camera_from_world=np.concatenate([rotation, offset[:, None]], 1),
        contact=contacts(performance.joints),
        fps=np.array(float(FPS)),
        world=z_up(performance.joints).astype(np.float32),
        stature=np.array(performance.actor.shape.stature),
        motion=np.array(MOTION),
        licence=np.array(LICENCE),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="The tests' clip with exact ground truth")
    parser.add_argument("--assets", type=Path, required=True, help="human/, motion/ and hdri/")
    parser.add_argument("--frames", type=Path, required=True, help="for the single pictures")
    parser.add_argument("--out", type=Path, required=True, help="for the clip and its truth")
    parser.add_argument("--only", type=int, nargs="*", help="these frames, and no clip")
    parser.add_argument("--samples", type=int, default=24, help="rays a pixel")
    options = parser.parse_args()
    options.frames.mkdir(parents=True, exist_ok=True)
    pack = HumanPack(options.assets / "human")
    rig = Rig(pack)
    actor = cast(pack, rig)
    performance = perform(rig, actor, options.assets / "motion" / "motion_30fps.npz")
    view = film(performance)
    performance = performance.first(FRAMES)
    print(f"{len(performance.joints)} frames, stature {actor.shape.stature:.3f} m", flush=True)
    scene = ClipScene(SIZE, options.samples, options.frames)
    scene.build(actor, view, options.assets / "hdri" / LIGHT, LIGHT_TURN)
    count = len(performance.joints)
    for frame in range(count) if options.only is None else options.only:
        scene.render(frame, performance.vertices[frame], view)
    if options.only is None:
        options.out.mkdir(parents=True, exist_ok=True)
        save_truth(options.out / f"{NAME}.npz", performance, view)
        scene.encode(options.out / f"{NAME}.mp4", count, FPS)


if __name__ == "__main__":
    main()
