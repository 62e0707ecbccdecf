# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders people with exact joints, one actor a shard; shards that exist are left alone.

Runs with Blender's Python module:

    python models/training/synthetic/render.py --assets DIR --out DIR --split train --images 1000
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import numpy as np

from models.training.synthetic import shards, truth
from models.training.synthetic.assets import HumanPack
from models.training.synthetic.camera import View, sample_view
from models.training.synthetic.motion import Motion
from models.training.synthetic.people import Actor, sample_actor
from models.training.synthetic.poses import ChosenPose, place, sample_pose
from models.training.synthetic.rig import Rig
from models.training.synthetic.studio import Studio

IMAGES_A_SHARD = 50
VIEWS_A_POSE = 1
SPLITS = ("train", "validation")


class Stage:
    """Everything that shards of one split share."""

    def __init__(self, assets: Path, split: str, scratch: Path):
        self.split = split
        self.pack = HumanPack(assets / "human")
        self.rig = Rig(self.pack)
        self.motion = Motion(assets / "motion" / "motion_30fps.npz", split)
        self.studio = Studio(shards.SIZE, scratch)

    def render_shard(
        self, shard: int, seed: int, images: int = IMAGES_A_SHARD
    ) -> tuple[list[bytes], list[dict[str, object]]]:
        """Pictures and truths of one actor; the same for the same split, shard and seed."""
        rng = np.random.default_rng([seed, SPLITS.index(self.split), shard])
        name = f"{self.split}_{shard:05d}"
        sex = "female" if shard % 2 else "male"
        actor = sample_actor(self.pack, self.rig, name, self.split, rng, sex)
        self.studio.load(actor, rng)
        pictures: list[bytes] = []
        truths: list[dict[str, object]] = []
        while len(pictures) < images:
            chosen = sample_pose(self.motion, actor.rest_joints, rng)
            posed = place(
                chosen, actor.rest_joints,
                lambda body: float(body.skin(actor.vertices, actor.weights)[:, 1].min()),
            )  # fmt: skip
            vertices = posed.skin(actor.vertices, actor.weights)
            joints = truth.joints(self.rig, actor.shape.vertices, posed)
            self.studio.pose(vertices)
            for _ in range(VIEWS_A_POSE):
                view = sample_view(vertices, shards.SIZE, rng)
                self.studio.light(rng)
                pictures.append(self.studio.render(view))
                truths.append(truth_of(actor, chosen, vertices, joints, view))
        return pictures, truths


def truth_of(
    actor: Actor, chosen: ChosenPose, vertices: np.ndarray, joints: np.ndarray, view: View
) -> dict[str, object]:
    """The fields of `shards.Render` but the picture; `vertices` and `joints` in world axes."""
    in_camera = view.to_camera(joints)
    joints_2d = view.project(in_camera)
    surface = view.to_camera(vertices)
    return {
        "focal_px": view.focal_px,
        "principal": view.principal.astype(np.float32),
        "joints": in_camera.astype(np.float32),
        "joints_2d": joints_2d.astype(np.float32),
        "visible": truth.visible(
            joints_2d, in_camera[:, 2], view.project(surface), surface[:, 2], view.size
        ),
        "camera_up": view.camera_from_world[:, 1].astype(np.float32),
        "camera_height": float(view.position[1]),
        "actor": actor.name,
        "clip": chosen.clip,
        "pose_kind": chosen.kind,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Synthetic people with exact joints")
    parser.add_argument("--assets", type=Path, required=True, help="folder with human/, motion/")
    parser.add_argument("--out", type=Path, required=True, help="shards go to OUT/SPLIT")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--images", type=int, default=IMAGES_A_SHARD, help="of the whole split")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first-shard", type=int, default=0, help="for several processes")
    parser.add_argument("--step", type=int, default=1, help="take every STEP-th shard only")
    options = parser.parse_args()
    folder = options.out / options.split
    last = -(-options.images // IMAGES_A_SHARD)
    wanted = [
        (shard, path)
        for shard in range(options.first_shard, last, options.step)
        if not (path := folder / f"shard_{shard:05d}.npz").exists()
    ]
    with tempfile.TemporaryDirectory() as scratch:
        stage = Stage(options.assets, options.split, Path(scratch))
        for shard, path in wanted:
            start = time.perf_counter()
            shards.write(path, *stage.render_shard(shard, options.seed))
            rate = IMAGES_A_SHARD / (time.perf_counter() - start)
            print(f"{path.name}: {rate:.1f} images a second", flush=True)


if __name__ == "__main__":
    main()
