# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user gets of a clip: the capture without its files, and the solve."""

import math
import sys
from collections.abc import Callable
from itertools import islice

import numpy as np

from capf_blender.bridge.messages import CaptureRequest
from capf_blender.core import lens
from capf_blender.core.chunks import assemble_take
from capf_blender.core.motion import Motion
from capf_blender.core.take import Take
from capf_blender.worker import chunks, video

from ..interface import Camera, PoseEstimator

BATCH = 8  # frames; changes no result

MakeEstimator = Callable[[Camera], PoseEstimator]


def capture_take(request: CaptureRequest, make_estimator: MakeEstimator) -> Take:
    """The take that a capture by that estimator makes; all frames must fit into one.

    As in a capture, what the footage does not tell of its lens is assumed; the take then has NaN
    for `focal_px`. Raises CaptureError as a capture does.
    """
    footage = video.open_footage(request)
    focal_px = request.focal_px or footage.focal_px
    estimator = make_estimator(footage_camera(footage, focal_px))
    frames = video.decode(request)
    done = []
    while batch := list(islice(frames, BATCH)):
        times = [time_s for time_s, _image in batch]
        poses = estimator.process([image for _time_s, image in batch], times)
        done.append(chunks.make_chunk(times, batch[-1][1], estimator.keypoint_names, poses, {}))
        if sys.stderr.isatty():
            number = sum(len(chunk.time_s) for chunk in done)
            print(f"\r\033[K{number}/{footage.frames or '?'}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return assemble_take(done, request.person, (footage.width, footage.height), focal_px)


def footage_camera(footage: video.Footage, focal_px: float) -> Camera:
    """The camera that a capture hands to its estimator; NaN is an unknown focal length."""
    if math.isnan(focal_px):
        focal_px = lens.default_focal_px(footage.width, footage.height)
    return Camera(footage.width, footage.height, focal_px)


def in_camera_axes(motion: Motion) -> np.ndarray:
    """(F, J, 3) metres: the motion's joints back in the axes of its camera."""
    rotation, shift = motion.world_from_camera[:3, :3], motion.world_from_camera[:3, 3]
    return (motion.joints - shift) @ rotation  # a rotation's inverse is its transpose
