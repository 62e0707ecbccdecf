# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows people in any footage to the paper's lifter as its training showed them.

The released lifters know crops of 2 m x 2.67 m around the pelvis, and keypoints in frames of
Human3.6M's cameras: focal length 1.15 widths, people 3 to 7 m away. Other footage differs in lens,
distance and place in the frame, so its keypoints are re-expressed in a VIRTUAL CAMERA: at the real
one's place, with the training's focal length, looking at the middle of the crop. What it sees does
not depend on the lens or on where in the frame the person stands. People nearer or farther than
in training are moved there by enlarging their picture; that error of perspective is smaller than
what a size never seen does. The lifted pose is turned back into the real camera's axes.
"""

from collections.abc import Sequence

import numpy as np
import torch

from capf_blender.core.camera import LEAST_DEPTH_M, Intrinsics, locate_root

from ..blazepose.world_lifter import camera_from_crop
from ..interface import Camera, PersonPose

CROP_HEIGHT_M = 8 / 3  # 2 m of width, at 3 to 4
FOCAL_WIDTHS = 1.15  # focal length of Human3.6M's cameras in widths of their frames
DISTANCES_M = (3.0, 7.0)  # of people from the cameras in training, about
_GUESSED_HEIGHT_M = 1.7  # of the box of somebody whose distance nothing determines


def distances(people: Sequence[PersonPose], camera: Camera) -> np.ndarray:
    """(N,) metres from the camera to the pelvises, along the optical axis."""
    root = locate_root(
        np.stack([pose.joints for pose in people]).astype(float),
        np.stack([pose.joints_2d for pose in people]).astype(float),
        np.stack([pose.joints_confidence for pose in people]).astype(float),
        Intrinsics(camera.focal_px, camera.width, camera.height),
    )
    bounds = np.stack([pose.bbox for pose in people])
    height = np.maximum(bounds[:, 3] - bounds[:, 1], 1.0)
    guess = camera.focal_px * _GUESSED_HEIGHT_M / height
    known = np.isfinite(root).all(axis=1)
    return np.maximum(np.where(known, root[:, 2], guess), LEAST_DEPTH_M)


def crop_boxes(people: Sequence[PersonPose], distance: np.ndarray, camera: Camera) -> np.ndarray:
    """(N, 4) boxes as `keypoints.crop` takes them, 2.67 m high around the pelvises, not turned."""
    centre = np.stack([pose.joints_2d[0] for pose in people]) - 0.5  # to mmpose's pixels
    height = camera.focal_px * CROP_HEIGHT_M / distance
    return np.column_stack((centre, 0.75 * height, height))


def camera_from_virtual(boxes: np.ndarray, camera: Camera) -> np.ndarray:
    """(N, 3, 3) rotations from the virtual cameras' axes to the real camera's."""
    region = np.column_stack((boxes[:, :2] + 0.5, boxes[:, 3], np.zeros(len(boxes))))
    return camera_from_crop(torch.from_numpy(region), camera).numpy()


def frame_coordinates(
    joints_2d: np.ndarray, turn: np.ndarray, distance: np.ndarray, camera: Camera
) -> np.ndarray:
    """(N, J, 2) the lifter's frame coordinates of joints at (N, J, 2) pixels of the real frame.

    With w the virtual frame's width, focal length f = 1.15 w and the principal point in the middle,
    2 x / w - 1 and 2 y / w - h / w are 2 f / w = 2.3 times the slopes of the ray: w and h do not
    matter. `turn` is `camera_from_virtual`, `distance` (N,) metres.
    """
    middle = np.array([camera.width, camera.height]) / 2
    slopes = (joints_2d - middle) / camera.focal_px
    rays = np.concatenate((slopes, np.ones_like(slopes[..., :1])), axis=-1)
    virtual = rays @ turn  # rows times R is the transpose's product: real axes to virtual ones
    ahead = np.maximum(virtual[..., 2:], 0.1)  # joints far outside of the frame stay finite
    enlarged = distance / np.clip(distance, *DISTANCES_M)
    return 2 * FOCAL_WIDTHS * enlarged[:, None, None] * virtual[..., :2] / ahead
