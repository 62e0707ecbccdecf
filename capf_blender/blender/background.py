# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage behind a camera, each source frame at the scene frame at which its strip shows it."""

import re
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np

from ..core.errors import CaptureError
from .keys import CONSTANT, set_keys, straight_keys

OURS = "capf_footage"
"""Custom property of a camera: name of the image that `show` put behind it; of such images: of
what kind they are."""
NUMBER = re.compile(r"(.*?)(\d+)(\.[^.]*)$")  # head, digits, extension


def show(
    data: bpy.types.Camera,
    source: Path,
    images: Sequence[str],
    image_size: np.ndarray,
    frames: np.ndarray,
    source_frames: np.ndarray,
    alpha: float = 0.5,
) -> bpy.types.CameraBackgroundImage:
    """Puts footage behind the camera `data`: the video or still `source`, or the `images` of that
    folder. At scene `frames` (F,), which follow each other, it shows `source_frames` (F,), from 0.

    Footage that was put there before is replaced, other images stay. `image_size` (2,) pixels is
    that of the take, whose pixels are square and whose frames are upright. Raises CaptureError
    `missing_file` or `not_a_sequence`; nothing is changed then.
    """
    image, first_number = _image(source, images, image_size)
    background = _slot(data)
    background.source = "IMAGE"
    background.image = image
    data[OURS] = image.name
    data.show_background_images = True
    background.alpha = alpha
    background.display_depth = "BACK"
    background.frame_method = "FIT"
    background.show_background_image = True
    if image.source == "FILE":
        return background
    user = background.image_user
    user.use_auto_refresh = True
    user.frame_start = int(frames[0])
    user.frame_duration = len(frames)
    # Blender counts 1, 2, ... from frame_start and adds the offset
    offsets = first_number + source_frames - (frames - frames[0] + 1)
    user.frame_offset = int(offsets[0])
    _key_offsets(data, background, frames, offsets)
    return background


def find(data: bpy.types.Camera) -> bpy.types.CameraBackgroundImage | None:
    """The background image that `show` made, None where there is none any more."""
    name = data.get(OURS, "")
    ours = (b for b in data.background_images if name and b.image and b.image.name == name)
    return next(ours, None)


def _slot(data: bpy.types.Camera) -> bpy.types.CameraBackgroundImage:
    return find(data) or data.background_images.new()


def _image(
    source: Path, images: Sequence[str], image_size: np.ndarray
) -> tuple[bpy.types.Image, int]:
    """The image datablock of footage, and the number that Blender gives its first frame."""
    path = source / images[0] if images else source
    if not path.is_file():
        raise CaptureError(
            "missing_file", f"The footage is missing: {path}.",
            "Put it back, or correct the strip's path under Source in the sequencer's sidebar.",
        )  # fmt: skip
    first_number = 1
    if len(images) > 1:
        first_number = _first_number(images)
    kind = "SEQUENCE" if len(images) > 1 else "ONE"
    for image in bpy.data.images:  # not the user's own, which may be set up otherwise
        if image.get(OURS) == kind and Path(bpy.path.abspath(image.filepath)) == path:
            return image, first_number
    image = bpy.data.images.load(str(path))
    image[OURS] = kind
    width, height = image.size
    if width and height:  # pixels that are not square are stretched as the worker did
        stretch = (image_size[0] / image_size[1]) / (width / height)
        image.display_aspect = (stretch, 1.0) if stretch > 1 else (1.0, 1.0 / stretch)
    if kind == "SEQUENCE":
        image.source = "SEQUENCE"
    return image, first_number


def _first_number(images: Sequence[str]) -> int:
    """The number of the first of `images`. Raises CaptureError unless they count up by one."""
    found = [NUMBER.match(name) for name in images]
    parts = [(m[1], int(m[2]), m[3]) for m in found if m]
    first = parts[0] if parts else ("", 0, "")
    if parts != [(first[0], first[1] + step, first[2]) for step in range(len(images))]:
        raise CaptureError(
            "not_a_sequence", "The strip's images are not numbered one after the other.",
            "Rename them, or use a video: Blender shows only such images behind a camera.",
        )  # fmt: skip
    return first[1]


def _key_offsets(
    data: bpy.types.Camera,
    background: bpy.types.CameraBackgroundImage,
    frames: np.ndarray,
    offsets: np.ndarray,
) -> None:
    """Keys the image's frame offset where the source runs at another rate than the scene.

    That is the only way: images and movie clips show one source frame a scene frame.
    """
    index = list(data.background_images).index(background)
    path = f"background_images[{index}].image_user.frame_offset"
    changes = np.flatnonzero(np.diff(offsets, prepend=offsets[0] - 1))
    bag = _channelbag(data, create=len(changes) > 1)
    if bag is None:
        return
    old = bag.fcurves.find(path)
    if old is not None:
        bag.fcurves.remove(old)
    if len(changes) > 1:
        curve = bag.fcurves.new(path)
        set_keys(curve, straight_keys(frames[changes], offsets[changes].astype(float), CONSTANT))


def _channelbag(data: bpy.types.Camera, create: bool) -> bpy.types.ActionChannelbag | None:
    animation = data.animation_data or (data.animation_data_create() if create else None)
    if animation is None or (animation.action is None and not create):
        return None
    action = animation.action or bpy.data.actions.new(f"{data.name} Footage")
    if animation.action is None:
        animation.action = action
    if animation.action_slot is None:
        animation.action_slot = action.slots.new(id_type="CAMERA", name=data.name)
    layer = action.layers[0] if len(action.layers) else action.layers.new("Layer")
    strip = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(animation.action_slot, ensure=True)
