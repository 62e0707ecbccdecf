# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paper's training: Context-Aware PoseFormer behind a frozen HRNet, on Human3.6M."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.h36m import TRAINING, VALIDATION, read_h36m
from ..datasets.person_views import PersonViews
from ..evaluation.hrnet_views import HRNetOnCrops, lifter_facts, new_lifter
from ..evaluation.predictors import worker_weights
from ..evaluation.view_lifter import ViewLifter
from ..hrnet.backbone import WIDTHS, load_hrnet
from ..hrnet.released import checkpoint_file
from .config import bad_config, options_from
from .tasks import Task


@dataclass(frozen=True)
class H36MTask:
    data: str  # folder of the data set
    width: int = 32  # of HRNet: 32 or 48
    keypoints: str = "auto"  # as for `read_h36m`
    context: bool = True  # off: the paper's context-agnostic counterpart
    mirrored_share: float = 0.5
    validation_every: int = 1
    models: str = ""  # folder of the weight files; empty: the worker's


def make_task(options: dict[str, Any], seed: int) -> Task:
    """Raises CaptureError `bad_config`, and what reading labels and weights raises."""
    wanted = options_from(H36MTask, options, "[task]")
    if wanted.width not in WIDTHS:
        raise bad_config(f"There is no HRNet of width {wanted.width}, only of 32 and 48.")
    folder = Path(wanted.data)
    training = read_h36m(folder, TRAINING, wanted.keypoints)
    validation = read_h36m(folder, VALIDATION, wanted.keypoints).every(wanted.validation_every)
    weights = checkpoint_file(f"hrnet_w{wanted.width}_coco", worker_weights(wanted.models))
    detector = HRNetOnCrops(load_hrnet(wanted.width, weights))
    lifter = new_lifter(wanted.width, wanted.context)
    return Task(
        network=ViewLifter(lifter, detector),
        trained=lifter,
        training=PersonViews(training, wanted.mirrored_share, seed),
        validation=PersonViews(validation),
        facts=lifter_facts(wanted.width, wanted.context),
    )
