# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user should know of each pose model, and of the weight files that it needs, before any of
them is loaded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Checkpoint:
    """Weights as somebody published them; the worker keeps them converted, as `file`."""

    name: str
    label: str
    published: str  # file name as published
    source: str  # address to download it from; "" where only the user may fetch it
    publisher: str
    sha256: str  # or the prefix of it that is published; "" where nothing is
    licence: str
    commercial_use: bool
    inputs: str  # what it expects: coordinates and their joints, or the image
    joints: str  # what it gives

    @property
    def file(self) -> str:
        return f"{self.name}.safetensors"


@dataclass(frozen=True)
class ModelCard:
    name: str  # as in requests and on the command line
    label: str
    description: str
    licence: str
    commercial_use: bool
    context_lifter: bool = False  # lifts by the weights that come with the add-on
    checkpoints: tuple[Checkpoint, ...] = ()  # what set-up does not bring


_MMPOSE = "https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/"
_CROP = "crop of 192 x 256 pixels, RGB, ImageNet's mean and deviation"
_FRAME = "keypoints over the frame's width, focal length 1.15 widths; their places in the crop"


def _hrnet(width: int, published: str) -> Checkpoint:
    return Checkpoint(
        name=f"hrnet_w{width}_coco",
        label=f"HRNet-W{width}",
        published=published,
        source=_MMPOSE + published,
        publisher="OpenMMLab",
        sha256=published.rsplit("-", 1)[1].split("_")[0],
        licence="Apache-2.0 (trained on COCO)",
        commercial_use=True,
        inputs=_CROP,
        joints="COCO's 17 keypoints",
    )


def _paper(width: int) -> Checkpoint:
    return Checkpoint(
        name=f"capf_hrnet_w{width}",
        label=f"Context-Aware PoseFormer for HRNet-W{width}",
        published=f"best_epoch_hrnet_{width}.bin",
        source="",
        publisher="the paper's authors",
        sha256="",
        licence="none given (trained on Human3.6M: non-commercial research only)",
        commercial_use=False,
        inputs=_FRAME,
        joints="Human3.6M's 17 joints, metres, relative to the pelvis",
    )


def _paper_card(width: int, hrnet: Checkpoint) -> ModelCard:
    return ModelCard(
        name=f"hrnet_w{width}",
        label=f"HRNet-W{width} with Context",
        description=f"The paper's Context-Aware PoseFormer on HRNet-W{width}; fetch its weights",
        licence="HRNet Apache-2.0, lifter for non-commercial research only",
        commercial_use=False,
        checkpoints=(hrnet, _paper(width)),
    )


MODEL_CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="blazepose",
        label="BlazePose with Context",
        description="BlazePose, lifted by what its feature maps show around each joint",
        licence="Apache-2.0",
        commercial_use=True,
        context_lifter=True,
    ),
    ModelCard(
        name="blazepose_world",
        label="BlazePose, World Landmarks",
        description="BlazePose with its own 3D, which looks at the detector's result only",
        licence="Apache-2.0",
        commercial_use=True,
    ),
    _paper_card(32, _hrnet(32, "td-hm_hrnet-w32_8xb64-210e_coco-256x192-81c58e40_20220909.pth")),
    _paper_card(48, _hrnet(48, "td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth")),
)

DEFAULT_MODEL = MODEL_CARDS[0].name

CHECKPOINTS: dict[str, Checkpoint] = {
    checkpoint.name: checkpoint for card in MODEL_CARDS for checkpoint in card.checkpoints
}
