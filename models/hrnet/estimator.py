# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paper's method on footage: BlazePose finds and follows people, HRNet and the lifter see each
of them in a crop like those of the training."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from capf_blender.core.skeleton import JOINT, MIRROR

from ..blazepose.estimator import BlazePoseEstimator, bounds_of
from ..interface import Camera, PersonPose
from . import keypoints as coco
from . import training_view
from .extremities import LIFTED, with_extremities
from .released import Released, load_released

MOST_AT_ONCE = 32  # crops in one forward
_ON_THE_FACE = ("nose", "l_ear", "r_ear")  # extremities that COCO has too


class HRNetEstimator:
    """A `PoseEstimator`: the first 17 joints are the lifter's, the others BlazePose's, see
    `extremities`. How the frames are divided over calls of `process` does not matter to the result
    beyond rounding."""

    keypoint_names = coco.KEYPOINT_NAMES

    def __init__(
        self,
        name: str,
        weights_folder: Path,
        device: str,
        camera: Camera,
        flip_test: bool = False,
    ) -> None:
        """`name` is hrnet_w32 or hrnet_w48; a `flip_test` takes twice the time.

        Raises CaptureError `weights_missing`, `bad_checkpoint`, `checksum_mismatch` or
        `hrnet_not_installed`.
        """
        self.name = name
        self.camera = camera
        self.flip_test = flip_test
        self._device = device
        self._networks: Released = load_released(int(name[-2:]), weights_folder, device)
        self._finder = BlazePoseEstimator(weights_folder, device, camera)

    def process(
        self, frames: Sequence[np.ndarray], times_s: Sequence[float]
    ) -> list[list[PersonPose]]:
        """The people in each of the (H, W, 3) uint8 RGB frames, which follow those of the last
        call; times increase."""
        found = self._finder.process(frames, times_s)
        images = [frame for frame, people in zip(frames, found, strict=True) for _ in people]
        people = list(chain.from_iterable(found))
        lifted: list[PersonPose] = []
        for first in range(0, len(people), MOST_AT_ONCE):
            part = slice(first, first + MOST_AT_ONCE)
            lifted += self._lift(images[part], people[part])
        rest = iter(lifted)
        return [[next(rest) for _ in group] for group in found]

    def state(self) -> dict[str, np.ndarray]:
        """What a later `restore` needs to go on exactly as if there had been no break."""
        return self._finder.state()

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self._finder.restore(state)

    def _lift(self, images: Sequence[np.ndarray], people: Sequence[PersonPose]) -> list[PersonPose]:
        """The same people, each in the frame with the same number."""
        distance = training_view.distances(people, self.camera)
        boxes = training_view.crop_boxes(people, distance, self.camera)
        crops = np.stack([coco.crop(image, box) for image, box in zip(images, boxes, strict=True)])
        turn = training_view.camera_from_virtual(boxes, self.camera)

        def pose(in_crop: Tensor, maps: Sequence[Tensor], mirrored: bool) -> Tensor:
            """(N, 17, 3) in the virtual camera's axes, of keypoints in (mirrored) crops."""
            joints = _rules(in_crop) @ in_crop  # (N, 17, 2) pixels of the crop
            straight = _mirrored_crop(joints) if mirrored else joints
            in_frame = coco.to_frame(straight.double().cpu().numpy(), boxes) + 0.5
            frame = training_view.frame_coordinates(in_frame, turn, distance, self.camera)
            coordinates = torch.from_numpy(frame).to(joints)
            if mirrored:
                coordinates = coordinates * coordinates.new_tensor([-1, 1])
            return self._networks.lifter(coordinates, coco.reference(joints), maps)

        with torch.inference_mode():
            batch = coco.normalise(crops, self._device)
            heatmaps, maps = self._networks.detect(batch)
            if not self.flip_test:
                points, scores = coco.decode(heatmaps.float())
                joints = pose(points, maps, mirrored=False)
            else:
                flipped, flipped_maps = self._networks.detect(batch.flip(-1))
                points, scores = coco.decode(coco.mean_with_flipped(heatmaps, flipped).float())
                mirror_image = _mirrored_crop(points)[:, coco.MIRROR]
                joints = 0.5 * (
                    pose(points, maps, mirrored=False)
                    + _mirrored_pose(pose(mirror_image, flipped_maps, mirrored=True))
                )
        in_virtual = joints.double().cpu().numpy()
        in_camera = (in_virtual - in_virtual[:, :1]) @ turn.transpose(0, 2, 1)
        points_in_frame = coco.to_frame(points.double().cpu().numpy(), boxes) + 0.5
        return self._merged(people, in_camera, points_in_frame, scores.float().cpu().numpy())

    def _merged(
        self,
        people: Sequence[PersonPose],
        lifted: np.ndarray,
        points: np.ndarray,
        scores: np.ndarray,
    ) -> list[PersonPose]:
        """Joints of lifter and keypoints of HRNet, with what only BlazePose sees."""
        joints = with_extremities(lifted, np.stack([pose.joints for pose in people]))
        joints_2d = np.stack([pose.joints_2d for pose in people]).astype(float)
        trust = np.stack([pose.joints_confidence for pose in people]).astype(float)
        joints_2d[:, :LIFTED] = coco.JOINTS_FROM_KEYPOINTS @ points
        trust[:, :LIFTED] = coco.joints_confidence(scores)
        rows = [JOINT[name] for name in _ON_THE_FACE]
        columns = [coco.KEYPOINT_NAMES.index(name) for name in _ON_THE_FACE]
        joints_2d[:, rows] = points[:, columns]
        trust[:, rows] = np.clip(scores[:, columns], 0, 1)
        size = (self.camera.width, self.camera.height)
        return [
            PersonPose(
                person=pose.person,
                bbox=bounds_of(np.concatenate((points[n], joints_2d[n])), size),
                keypoints_2d=points[n].astype(np.float32),
                confidence=np.clip(scores[n], 0, 1).astype(np.float32),
                joints=joints[n].astype(np.float32),
                joints_2d=joints_2d[n].astype(np.float32),
                joints_confidence=trust[n].astype(np.float32),
            )
            for n, pose in enumerate(people)
        ]


def _rules(like: Tensor) -> Tensor:
    return torch.from_numpy(coco.JOINTS_FROM_KEYPOINTS).to(like)


def _mirrored_crop(points: Tensor) -> Tensor:
    """(N, K, 2) pixels of the crop flipped left to right."""
    return points * points.new_tensor([-1, 1]) + points.new_tensor([coco.INPUT_SIZE[0] - 1, 0])


def _mirrored_pose(joints: Tensor) -> Tensor:
    """(N, 17, 3) with left and right exchanged and x negated."""
    return joints[:, list(MIRROR[:LIFTED])] * joints.new_tensor([-1, 1, 1])
