# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Human3.6M in the layout of H36M-Toolbox: one pickle of labels, one folder of JPEGs a clip.

DIR/h36m_validation.pkl, or in DIR/annot, DIR/annotations, DIR/labels
DIR/images/s_09_act_02_subact_01_ca_01/s_09_act_02_subact_01_ca_01_000001.jpg, or without images/
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capf_blender.core.errors import CaptureError

from .restricted_pickle import load_arrays
from .samples import JOINTS, PoseSamples

ACTIONS = {  # number in the image's name: column of the papers' tables, in their order
    2: "Dir.", 3: "Disc.", 4: "Eat", 5: "Greet", 6: "Phone", 12: "Photo", 7: "Pose", 8: "Purch.",
    9: "Sit", 10: "SitD.", 11: "Smoke", 13: "Wait", 15: "WalkD.", 14: "Walk", 16: "WalkT.",
}  # fmt: skip
VALIDATION, TRAINING = "h36m_validation.pkl", "h36m_train.pkl"
DETECTED_FIELDS = ("joints_2d_cpn", "joints_2d_detected")
"""Where 2D poses of a detector are looked for; `joints_2d` is the truth and only read by name."""

_NAME = re.compile(r"s_(\d+)_act_(\d+)_subact_(\d+)_ca_(\d+)_(\d+)\.\w+$")
_FOLDERS = ("", "annot", "annotations", "labels")


@dataclass(frozen=True)
class H36MLabel:
    """What is read of one record, a dict; whatever else it holds is ignored."""

    image: str  # "s_09_act_02_subact_01_ca_01/s_09_act_02_subact_01_ca_01_000001.jpg"; tells
    # subject, action, take, camera and frame
    joints_3d_camera: np.ndarray  # (17, 3) millimetres, camera axes
    center: np.ndarray | None  # (2,) pixels: middle of the 2 m box, with
    scale: np.ndarray | None  # its width / 200 px, one number or (width, height); or else
    box: np.ndarray | None  # (4,) pixels: its left, top, right, bottom; or else from
    camera: Mapping[str, Any] | None  # fx, fy, cx, cy in pixels

    @classmethod
    def of(cls, record: Any, where: str) -> "H36MLabel":
        """Raises CaptureError `bad_labels` that names the missing field or the wrong shape."""
        if not isinstance(record, Mapping):
            raise _bad(f"{where} is a {type(record).__name__}, not a dict.")
        for name in ("image", "joints_3d_camera"):
            if name not in record:
                raise _bad(f"{where} has no field {name!r}, only {', '.join(map(str, record))}.")
        joints = np.asarray(record["joints_3d_camera"], np.float64)
        if joints.shape != (JOINTS, 3):
            raise _bad(f"joints_3d_camera of {where} has shape {joints.shape}, not (17, 3).")
        return cls(
            image=str(record["image"]),
            joints_3d_camera=joints,
            center=record.get("center"),
            scale=record.get("scale"),
            box=record.get("box"),
            camera=record.get("camera"),
        )

    def crop_box(self, where: str) -> np.ndarray:
        """(3,) pixels: centre x, y and width of the 2 m box around the pelvis."""
        if self.center is not None and self.scale is not None:
            return np.array([*self.center, 200.0 * float(np.ravel(self.scale)[0])])
        if self.box is not None:
            left, top, right, bottom = (float(edge) for edge in self.box)
            return np.array([(left + right) / 2, (top + bottom) / 2, right - left])
        if self.camera is None or not {"fx", "fy", "cx", "cy"} <= set(self.camera):
            raise _bad(
                f"{where} has neither center and scale, nor box, nor a camera with fx, fy, cx, cy."
            )
        focal = np.array([_number(self.camera["fx"]), _number(self.camera["fy"])])
        middle = np.array([_number(self.camera["cx"]), _number(self.camera["cy"])])
        return box_around(self.joints_3d_camera[0] / 1000, focal, middle)


def box_around(pelvis: np.ndarray, focal: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """(3,) crop box of a pelvis (3,) in metres; `focal` and `middle` (2,) of the camera in pixels.

    H36M-Toolbox's boxes reach 1 m to each side, 0.9 m up and 1.1 m down at the pelvis' depth.
    """
    x, y = focal * (pelvis[:2] + [0.0, 0.1]) / pelvis[2] + middle
    return np.array([x, y, focal[0] * 2.0 / pelvis[2]])


def read_h36m(folder: Path, labels: str = VALIDATION, keypoints: str = "auto") -> PoseSamples:
    """The persons of a label file below `folder`, grouped by action.

    `keypoints`: the field with 2D joints in pixels; "auto" takes the first of DETECTED_FIELDS that
    there is; "detector" none. Raises CaptureError `missing_file`, `unsafe_pickle`, `bad_labels`.
    """
    path = next((p for f in _FOLDERS if (p := folder / f / labels).is_file()), folder / labels)
    records = load_arrays(path)
    if isinstance(records, np.ndarray):
        records = list(records)
    if not isinstance(records, Sequence) or isinstance(records, str | bytes) or not records:
        raise _bad(f"{path} holds a {type(records).__name__}, not a list of labelled images.")
    field = _keypoint_field(records[0], keypoints, path)
    rows = [_row(record, f"label {n} of {path.name}", field) for n, record in enumerate(records)]
    images, numbers, joints, points, boxes, focal = zip(*rows, strict=True)
    clips = np.array(numbers)  # (N, 5) subject, action, take, camera, frame
    _, video = np.unique(clips[:, :4], axis=0, return_inverse=True)
    columns = list(ACTIONS)
    return PoseSamples(
        folder=_image_folder(folder, images[0]),
        images=np.array(images),
        joints=np.stack(joints),
        keypoints=np.stack(points),
        boxes=np.stack(boxes),
        focal=np.array(focal, np.float32),
        group=np.array([columns.index(action) for action in clips[:, 1]]),
        group_names=tuple(ACTIONS.values()),
        video=video.reshape(-1),
        frame=clips[:, 4],
    )


_Row = tuple[str, list[int], np.ndarray, np.ndarray, np.ndarray, float]


def _row(record: Any, where: str, field: str | None) -> _Row:
    label = H36MLabel.of(record, where)
    match = _NAME.search(label.image)
    if match is None or int(match[2]) not in ACTIONS:
        raise _bad(
            f"The image of {where}, {label.image!r}, is not called "
            "s_09_act_02_subact_01_ca_01_000001.jpg or the like, with an act from 02 to 16."
        )
    points = np.full((JOINTS, 2), np.nan, np.float32)
    if field is not None:
        shape = np.shape(record.get(field))
        if len(shape) != 2 or shape[0] != JOINTS or shape[1] < 2:
            raise _bad(f"{field} of {where} has shape {shape}, not (17, 2).")
        points = np.asarray(record[field], np.float32)[:, :2]
    joints = label.joints_3d_camera / 1000
    focal = _number(label.camera["fx"]) if label.camera and "fx" in label.camera else np.nan
    return (
        label.image,
        [int(number) for number in match.groups()],
        (joints - joints[0]).astype(np.float32),
        points,
        label.crop_box(where).astype(np.float32),
        focal,
    )


def _keypoint_field(record: Any, wanted: str, path: Path) -> str | None:
    if wanted == "detector" or not isinstance(record, Mapping):
        return None
    if wanted == "auto":
        return next((name for name in DETECTED_FIELDS if name in record), None)
    if wanted not in record:
        raise _bad(
            f"The labels in {path} have no 2D joints called {wanted!r}, only {list(record)}."
        )
    return wanted


def _image_folder(folder: Path, image: str) -> Path:
    """With or without images/, wherever the first image is."""
    inside = folder / "images"
    return inside if (inside / image).is_file() or not (folder / image).is_file() else folder


def _number(value: Any) -> float:
    return float(np.ravel(value)[0])


def _bad(message: str) -> CaptureError:
    hint = "It has to be in H36M-Toolbox's layout; models/datasets/h36m.py says what is read."
    return CaptureError("bad_labels", message[0].upper() + message[1:], hint)
