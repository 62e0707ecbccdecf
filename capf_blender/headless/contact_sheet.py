# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contact sheet of a capture: footage with its 2D skeleton beside the posed armature.

    python capf_blender/headless/contact_sheet.py TAKE PICTURES SHEET

Runs in the worker's interpreter. PICTURES holds `moments.json`, and for each moment i of it
`i_camera.png` (rendered in the footage's size) and `i_side.png`.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import cv2
import numpy as np

from capf_blender.bridge.messages import request_from_dict
from capf_blender.core.skeleton import JOINT_NAMES, JOINT_PARENTS
from capf_blender.core.take import Take, load_request, load_take
from capf_blender.worker.video import decode

TILE_HEIGHT = 360  # pixels
GAP = 6
HEADER = 26
BACKGROUND = (46, 42, 40)  # BGR, as all pictures here
SIDE_COLOURS = {"l": (60, 160, 255), "r": (255, 170, 70)}  # the person's left orange, right blue
MIDDLE_COLOUR = (245, 245, 245)
TRIPLETS_A_ROW = 2
COLUMN_TITLES = ("footage, detected 2D", "armature, same camera", "armature, side")


def footage_frames(take_folder: Path, take: Take, indices: list[int]) -> dict[int, np.ndarray]:
    """Take frame index -> (H, W, 3) BGR picture of the footage."""
    request = request_from_dict(load_request(take_folder)["request"])
    wanted = {round(float(take.time_s[index]), 6): index for index in indices}
    found = {}
    for time_s, image in decode(request):
        if (index := wanted.get(round(time_s, 6))) is not None:
            found[index] = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            if len(found) == len(wanted):
                break
    return found


def draw_skeleton(image: np.ndarray, joints_2d: np.ndarray) -> None:
    """Draws the bones of (J, 2) pixels into a BGR image."""
    thickness = max(1, round(np.ptp(joints_2d[:, 1]) / 110))
    points = [tuple(point) for point in joints_2d.round().astype(int).tolist()]
    for joint, parent in enumerate(JOINT_PARENTS):
        if parent >= 0:
            colour = SIDE_COLOURS.get(JOINT_NAMES[joint][:2].rstrip("_"), MIDDLE_COLOUR)
            cv2.line(image, points[parent], points[joint], (20, 20, 20), thickness + 2, cv2.LINE_AA)
            cv2.line(image, points[parent], points[joint], colour, thickness, cv2.LINE_AA)


def window(image: np.ndarray, centre: np.ndarray, size: np.ndarray, tile: tuple[int, int]):
    """The part of `image` around `centre` with `size` (both pixels), scaled to `tile` (w, h)."""
    scale = tile[1] / size[1]
    shift = np.array(tile) / 2 - scale * centre
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(image, matrix, tile, flags=flags, borderValue=BACKGROUND)


def contact_sheet(take_folder: Path, pictures: Path) -> np.ndarray:
    """(H, W, 3) BGR: for each moment the footage, the capture camera's view and the side view."""
    take = load_take(take_folder)
    moments = json.loads((pictures / "moments.json").read_text())
    indices = [moment["take_frame"] for moment in moments]
    frames = footage_frames(take_folder, take, indices)
    boxes = take.bbox[indices]
    extent = 1.3 * np.nanmax(boxes[:, 2:] - boxes[:, :2], axis=0)
    aspect = float(np.clip(extent[0] / extent[1], 0.65, 1.4))
    extent = np.array([max(extent[0], aspect * extent[1]), max(extent[1], extent[0] / aspect)])
    tile = (round(TILE_HEIGHT * aspect), TILE_HEIGHT)

    triplets = []
    for number, (moment, index) in enumerate(zip(moments, indices, strict=True)):
        centre = (take.bbox[index, :2] + take.bbox[index, 2:]) / 2
        image = frames[index]
        draw_skeleton(image, take.joints_2d[index])
        camera = read_picture(pictures / f"{number}_camera.png")
        camera = cv2.resize(camera, image.shape[1::-1])
        side = read_picture(pictures / f"{number}_side.png")
        middle = np.array(side.shape[1::-1]) / 2
        tiles = [
            window(image, centre, extent, tile),
            window(camera, centre, extent, tile),
            window(side, middle, np.array([aspect, 1.0]) * side.shape[0], tile),
        ]
        label = f"frame {moment['frame']}  {take.time_s[index]:.2f} s"
        write(tiles[0], label, (6, TILE_HEIGHT - 8), 0.45)
        triplets.append(cv2.hconcat([pad(tile) for tile in tiles]))
    blank = np.full_like(triplets[0], BACKGROUND)
    triplets += [blank] * (-len(triplets) % min(TRIPLETS_A_ROW, len(triplets)))
    in_row = min(TRIPLETS_A_ROW, len(triplets))
    rows = [cv2.hconcat(triplets[i : i + in_row]) for i in range(0, len(triplets), in_row)]
    header = np.full((HEADER, rows[0].shape[1], 3), BACKGROUND, np.uint8)
    column = tile[0] + GAP
    for position in range(3 * in_row):
        write(header, COLUMN_TITLES[position % 3], (position * column + 6, HEADER - 8), 0.45)
    return cv2.vconcat([header, *rows])


def read_picture(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path} was not rendered.")
    return image


def pad(tile: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(tile, 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=BACKGROUND)


def write(image: np.ndarray, text: str, place: tuple[int, int], size: float) -> None:
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, width, cv2.LINE_AA)


def main() -> None:
    parser = argparse.ArgumentParser(description="Contact sheet of a capture")
    parser.add_argument("take", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("sheet", type=Path)
    options = parser.parse_args()
    cv2.imwrite(str(options.sheet), contact_sheet(options.take, options.pictures))


if __name__ == "__main__":
    main()
