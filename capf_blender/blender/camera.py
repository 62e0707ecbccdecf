# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capture's camera and a Blender camera object: made from one another.

Footage lies in the render frame as a background image with the method Fit does: as large as goes,
in the middle. At the footage's own aspect ratio that is the whole frame.
"""

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from ..core.camera import Intrinsics
from ..core.errors import CaptureError
from ..core.rotations import continuous, quaternion_from_matrix
from .keys import LINEAR, set_keys, straight_keys

SENSOR_MM = 36.0
# Blender's cameras look along -Z with +Y up; ours along z with y down
CAMERA_FROM_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
class _Framing:
    """The render frame in widths of its pixels, and how large footage lies in it."""

    width: float
    height: float
    scale: float  # of one pixel of the footage


def _framing(scene: bpy.types.Scene, width: int, height: int) -> _Framing:
    render = scene.render
    wide = float(render.resolution_x)
    high = render.resolution_y * render.pixel_aspect_y / render.pixel_aspect_x
    return _Framing(wide, high, min(wide / width, high / height))


def _sensor(data: bpy.types.Camera, framing: _Framing) -> tuple[float, float]:
    """The sensor's side in mm that decides, and the side of the frame that it covers."""
    horizontal = data.sensor_fit == "HORIZONTAL" or (
        data.sensor_fit == "AUTO" and framing.width >= framing.height
    )
    if horizontal:
        return data.sensor_width, framing.width
    # on Auto the width stands for whichever side is the longer one
    size = data.sensor_height if data.sensor_fit == "VERTICAL" else data.sensor_width
    return size, framing.height


def in_frame(scene: bpy.types.Scene, pixels: np.ndarray, image_size: np.ndarray) -> np.ndarray:
    """Where `pixels` (..., 2) of footage of `image_size` (2,) lie in the frame of `scene`: shares
    of its width and height, from its top left corner."""
    width, height = (int(side) for side in image_size)
    framing = _framing(scene, width, height)
    frame = np.array([framing.width, framing.height])
    return 0.5 + framing.scale * (pixels - 0.5 * np.array([width, height])) / frame


def intrinsics_of(
    scene: bpy.types.Scene, data: bpy.types.Camera, image_size: np.ndarray
) -> Intrinsics:
    """How the camera `data` sees footage of `image_size` (2,) pixels in the frame of `scene`.

    Raises CaptureError `camera_type` for cameras without perspective.
    """
    if data.type != "PERSP":
        raise CaptureError(
            "camera_type",
            f"The camera {data.name} is {data.type.title()}, which footage never is.",
            "Set its type to Perspective, or choose another source of the camera.",
        )
    width, height = (int(side) for side in image_size)
    framing = _framing(scene, width, height)
    sensor, side = _sensor(data, framing)
    per_pixel = side / framing.scale
    return Intrinsics(
        focal_px=data.lens / sensor * per_pixel,
        width=width,
        height=height,
        # what is shifted is the frame, not the lens
        shift_px=(-data.shift_x * per_pixel, data.shift_y * per_pixel),
    )


def new(context: bpy.types.Context, name: str = "Capture Camera") -> bpy.types.Object:
    ob = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    context.scene.collection.objects.link(ob)
    return ob


def create(
    context: bpy.types.Context,
    camera: Intrinsics,
    world_from_camera: np.ndarray,
    set_resolution: bool = False,
) -> bpy.types.Object:
    """A camera object at rest that sees the world as the footage does.

    `world_from_camera` (4, 4). `set_resolution` gives the scene the footage's size.
    """
    ob = new(context)
    if set_resolution:
        match_resolution(context.scene, camera)
    match_lens(context.scene, ob.data, camera)
    match_place(ob, world_from_camera)
    return ob


def match_resolution(scene: bpy.types.Scene, camera: Intrinsics) -> None:
    render = scene.render
    render.resolution_x, render.resolution_y = camera.width, camera.height
    render.resolution_percentage = 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0


def match_lens(scene: bpy.types.Scene, data: bpy.types.Camera, camera: Intrinsics) -> None:
    """Gives the camera `data` what it needs to see footage of `camera` in the frame of `scene`."""
    framing = _framing(scene, camera.width, camera.height)
    wide = framing.width >= framing.height
    data.type = "PERSP"
    data.sensor_fit = "HORIZONTAL" if wide else "VERTICAL"
    data.sensor_width = data.sensor_height = SENSOR_MM
    sensor, side = _sensor(data, framing)
    per_pixel = side / framing.scale
    data.lens = camera.focal_px * sensor / per_pixel
    data.shift_x = -camera.shift_px[0] / per_pixel
    data.shift_y = camera.shift_px[1] / per_pixel


def match_place(
    ob: bpy.types.Object, world_from_camera: np.ndarray, frames: np.ndarray | None = None
) -> None:
    """Puts `ob`, which has no parent, to `world_from_camera`: (4, 4), or (F, 4, 4) to be keyed at
    scene `frames` (F,), increasing. An action that it had before stays in the file."""
    matrices = world_from_camera @ CAMERA_FROM_BLENDER
    if ob.animation_data is not None and ob.animation_data.action is not None:
        ob.animation_data.action.use_fake_user = True
        ob.animation_data.action = None
    ob.rotation_mode = "QUATERNION"
    if matrices.ndim == 2:
        ob.matrix_world = Matrix(matrices.tolist())
        return
    known = np.isfinite(matrices).all(axis=(1, 2))
    matrices, frames = matrices[known], np.asarray(frames)[known]
    ob.matrix_world = Matrix(matrices[0].tolist())
    turns = continuous(quaternion_from_matrix(matrices[:, :3, :3]))
    channels = {"location": matrices[:, :3, 3], "rotation_quaternion": turns}
    animate(ob, "OBJECT", f"{ob.name} Capture", frames, channels)


def animate(
    owner: bpy.types.ID,
    id_type: str,
    name: str,
    frames: np.ndarray,
    channels: dict[str, np.ndarray],
    interpolation: int = LINEAR,
) -> None:
    """A new action of `owner` with a key at each of `frames` (F,) of `channels`, each (F, N)."""
    action = bpy.data.actions.new(name)
    slot = action.slots.new(id_type=id_type, name=owner.name)
    bag = action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(slot, ensure=True)
    for path, values in channels.items():
        for index in range(values.shape[1]):
            curve = bag.fcurves.new(path, index=index)
            set_keys(curve, straight_keys(frames, values[:, index], interpolation))
    animation = owner.animation_data or owner.animation_data_create()
    animation.action = action
    animation.action_slot = slot
