# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""World joints of a solved motion as a table and as arrays, for programs that animate nothing."""

import csv
import io

import numpy as np

from .motion import Motion
from .skeleton import JOINT_NAMES, JOINT_PARENTS
from .take import Take

FEET = ("l", "r")


def csv_text(motion: Motion, take: Take) -> str:
    """One row a frame: seconds, whether each foot stands, then x, y, z in metres (z up) and the
    confidence of each joint. Cells of what is not known are empty."""
    confidence, standing = _confidence(take), standing_feet(motion)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    columns = [f"{name}_{part}" for name in JOINT_NAMES for part in ("x", "y", "z", "confidence")]
    writer.writerow(["time_s", "left_foot_stands", "right_foot_stands", *columns])
    cells = np.concatenate([motion.joints, confidence[..., None]], axis=-1)
    for frame, time_s in enumerate(motion.time_s):
        values = (f"{v:.5f}" if np.isfinite(v) else "" for v in cells[frame].ravel())
        writer.writerow([f"{time_s:.5f}", *(int(foot) for foot in standing[frame]), *values])
    return file.getvalue()


def npz_bytes(motion: Motion, take: Take) -> bytes:
    """A NumPy archive with the arrays that this function names; F frames, J joints.

    Metres, z up; NaN where the person is not known. `world_from_camera` is (4, 4), or (F, 4, 4) of
    a camera that moves; camera axes x right, y down, z forward.
    """
    file = io.BytesIO()
    np.savez_compressed(
        file,
        names=np.array(JOINT_NAMES),  # (J,)
        parents=np.array(JOINT_PARENTS),  # (J,) -1 for the root
        time_s=motion.time_s,  # (F,) seconds since the video's first frame
        joints=motion.joints,  # (F, J, 3)
        confidence=_confidence(take),  # (F, J) 0..1
        joints_2d=take.joints_2d,  # (F, J, 2) pixels, as detected
        contacts=standing_feet(motion),  # (F, 2) bool: left, right foot stands
        world_from_camera=motion.world_from_camera,
        focal_px=motion.camera.focal_px,
        principal_point_px=motion.camera.centre,  # (2,)
        image_size=take.image_size,  # (2,) width, height
    )
    return file.getvalue()


def standing_feet(motion: Motion) -> np.ndarray:
    """(F, 2) bool: whether the left and the right foot stand in each frame."""
    standing = np.zeros((len(motion.time_s), len(FEET)), bool)
    for contact in motion.contacts:
        inside = (motion.time_s >= contact.start_s) & (motion.time_s <= contact.end_s)
        standing[inside, FEET.index(contact.foot)] = True
    return standing


def _confidence(take: Take) -> np.ndarray:
    """(F, J), NaN where the person was not seen."""
    return np.where(take.present[:, None], take.joints_confidence, np.nan)
