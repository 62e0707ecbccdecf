# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of rendered people with their skeletons drawn. Needs numpy and OpenCV.

python models/training/synthetic/sheet.py SHARD.npz ... --out SHEET.png
"""

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import cv2
import numpy as np

from capf_blender.core.skeleton import JOINT_NAMES, JOINT_PARENTS
from models.training.synthetic.shards import Render, read

GROUND = (150, 145, 140)  # BGR
SIDE_COLOURS = {"l_": (60, 160, 255), "r_": (255, 170, 70)}  # person's left orange, right blue


def tile(render: Render, skeleton: bool) -> np.ndarray:
    """(S, S, 3) BGR on plain ground; joints that are not visible are drawn as rings."""
    alpha = render.rgba[..., 3:] / 255
    picture = render.rgba[..., 2::-1] * alpha + np.array(GROUND) * (1 - alpha)
    picture = picture.astype(np.uint8)
    if skeleton:
        points = [tuple(point) for point in render.joints_2d.round().astype(int).tolist()]
        for joint, parent in enumerate(JOINT_PARENTS):
            colour = SIDE_COLOURS.get(JOINT_NAMES[joint][:2], (245, 245, 245))
            if parent >= 0:
                cv2.line(picture, points[parent], points[joint], colour, 1, cv2.LINE_AA)
            cv2.circle(picture, points[joint], 3, colour, -1 if render.visible[joint] else 1)
    label = f"{render.pose_kind} {render.clip}"
    cv2.putText(picture, label, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description="Contact sheet of rendered people")
    parser.add_argument("shards", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--columns", type=int, default=7)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--plain", action="store_true", help="no skeletons")
    options = parser.parse_args()
    renders = [render for path in options.shards for render in read(path)]
    count = options.columns * options.rows
    chosen = np.linspace(0, len(renders) - 1, count).round().astype(int)
    tiles = [tile(renders[index], not options.plain) for index in chosen]
    rows = [
        cv2.hconcat(tiles[start : start + options.columns])
        for start in range(0, count, options.columns)
    ]
    cv2.imwrite(str(options.out), cv2.vconcat(rows))


if __name__ == "__main__":
    main()
