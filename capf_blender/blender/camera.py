# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capture's camera as a Blender camera."""

import bpy
import numpy as np
from mathutils import Matrix

from ..core.camera import Intrinsics

SENSOR_MM = 36.0
# Blender's cameras look along -Z with +Y up; ours along z with y down
CAMERA_FROM_BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])


def create(
    context: bpy.types.Context,
    camera: Intrinsics,
    world_from_camera: np.ndarray,
    name: str = "Capture Camera",
    set_resolution: bool = False,
) -> bpy.types.Object:
    """A camera object that sees the world as the footage does. `world_from_camera` (4, 4).

    The picture is only the same at the footage's aspect ratio: `set_resolution` gives the scene
    the footage's.
    """
    data = bpy.data.cameras.new(name)
    wide = camera.width >= camera.height
    data.sensor_fit = "HORIZONTAL" if wide else "VERTICAL"
    data.sensor_width = data.sensor_height = SENSOR_MM
    data.lens = camera.focal_px * SENSOR_MM / max(camera.width, camera.height)
    ob = bpy.data.objects.new(name, data)
    ob.matrix_world = Matrix((world_from_camera @ CAMERA_FROM_BLENDER).tolist())
    context.scene.collection.objects.link(ob)
    if set_resolution:
        render = context.scene.render
        render.resolution_x, render.resolution_y = camera.width, camera.height
        render.resolution_percentage = 100
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    return ob
