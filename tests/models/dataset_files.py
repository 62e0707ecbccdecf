# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny data sets in the layouts of Human3.6M's toolbox and of MPI-INF-3DHP, with known content."""

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.datasets.mpi_inf_3dhp import H36M_ORDER

WIDTH, HEIGHT = 200, 208  # a fifth of Human3.6M's frames
FOCAL, MIDDLE = (230.0, 229.0), (101.0, 105.0)

REST = np.array([
    (0, 0), (-0.13, 0), (-0.15, 0.45), (-0.15, 0.87), (0.13, 0), (0.15, 0.45), (0.15, 0.87),
    (0, -0.25), (0, -0.5), (0, -0.6), (0, -0.72),
    (0.17, -0.48), (0.25, -0.2), (0.28, 0.03), (-0.17, -0.48), (-0.25, -0.2), (-0.28, 0.03),
])  # fmt: skip
"""(17, 2) metres: x to the right of the image, y down, of somebody who faces the camera."""


def poses(count: int, seed: int = 0) -> np.ndarray:
    """(count, 17, 3) joints in metres, camera axes, about 4.5 m away; each frame another one."""
    rng = np.random.default_rng(seed)
    joints = np.concatenate((REST, np.zeros((17, 1))), axis=1)
    joints = joints + rng.normal(scale=0.05, size=(count, 17, 3))
    return joints + rng.uniform((-0.4, -0.2, 4.2), (0.4, 0.2, 4.8), (count, 1, 3))


def project(joints: np.ndarray) -> np.ndarray:
    return joints[..., :2] / joints[..., 2:] * FOCAL + MIDDLE


def draw(path: Path, points: np.ndarray) -> None:
    """A grey JPEG with a white dot on the pelvis, red ones on right knee and ankle."""
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for joint, (x, y) in enumerate(points):
        colour = (255, 255, 255) if joint == 0 else (0, 0, 255) if joint in (2, 3) else (255, 0, 0)
        cv2.circle(frame, (round(x * 16), round(y * 16)), 24, colour, -1, cv2.LINE_AA, shift=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), frame, [cv2.IMWRITE_JPEG_QUALITY, 98])


def h36m_records(clips: dict[tuple[int, int], int], folder: Path, seed: int = 0) -> list[dict]:
    """Records of H36M-Toolbox, with images, of {(subject, action): frames} seen by camera 1."""
    records: list[dict[str, Any]] = []
    joints = poses(sum(clips.values()), seed)
    camera = {"fx": np.array([FOCAL[0]]), "fy": np.array([FOCAL[1]]), "cx": np.array([MIDDLE[0]])}
    camera |= {"cy": np.array([MIDDLE[1]]), "R": np.eye(3), "T": np.zeros((3, 1))}
    for video, ((subject, action), frames) in enumerate(clips.items()):
        for number in range(1, frames + 1):
            pose = joints[len(records)]
            clip = f"s_{subject:02d}_act_{action:02d}_subact_01_ca_01"
            image = f"{clip}/{clip}_{number:06d}.jpg"
            points = project(pose)
            draw(folder / "images" / image, points)
            left, top = (pose[0, :2] - (1.0, 0.9)) / pose[0, 2] * FOCAL + MIDDLE
            right, bottom = (pose[0, :2] + (1.0, 1.1)) / pose[0, 2] * FOCAL + MIDDLE
            records.append({
                "image": image, "video_id": video, "image_id": number, "subject": subject,
                "action": action, "subaction": 1, "camera_id": 0, "source": "h36m",
                "joints_2d": points, "joints_3d_camera": 1000 * pose, "joints_3d": 990 * pose,
                "joints_vis": np.ones((17, 3)), "camera": camera,
                "center": ((left + right) / 2, (top + bottom) / 2),
                "scale": ((right - left) / 200, (bottom - top) / 200),
                "box": np.array([left, top, right, bottom]),
            })  # fmt: skip
    return records


def write_h36m(folder: Path, records: Any, name: str = "h36m_validation.pkl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(pickle.dumps(records, protocol=2))
    return path


def write_3dhp(folder: Path, frames: dict[str, list[bool]]) -> dict[str, np.ndarray]:
    """Sequences with one frame for each entry, which says whether it is valid. Returns the joints
    (F, 17, 3) of each in Human3.6M's order, metres, camera axes; scores use them 1.1 times larger.
    """
    import h5py

    back = np.argsort(H36M_ORDER)
    made = {}
    for seed, (name, valid) in enumerate(frames.items()):
        joints = made[name] = poses(len(valid), seed + 10)
        for row, points in enumerate(project(joints)):
            draw(folder / name / "imageSequence" / f"img_{row + 1:06d}.jpg", points)
        shaped = joints[:, None, back]  # (F, 1, 17, 3)
        with h5py.File(folder / name / "annot_data.mat", "w") as file:
            file["annot2"] = project(shaped)
            file["annot3"] = 1000 * shaped
            file["univ_annot3"] = 1100 * shaped
            file["valid_frame"] = np.array(valid, float)[:, None]
            file["activity_annotation"] = np.ones((len(valid), 1))
    return made
