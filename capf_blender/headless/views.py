# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the animated armature: from the capture's camera and from its side."""

from pathlib import Path

import bpy
from mathutils import Matrix, Vector

FLOOR_M = 15.0  # half a side


def prepare(scene: bpy.types.Scene) -> None:
    """A plain floor, and Workbench set up to show the mannequin on it."""
    mesh = bpy.data.meshes.new("Floor")
    corners = [(-FLOOR_M, -FLOOR_M, 0), (FLOOR_M, -FLOOR_M, 0), (FLOOR_M, FLOOR_M, 0)]
    mesh.from_pydata([*corners, (-FLOOR_M, FLOOR_M, 0)], [], [(0, 1, 2, 3)])
    floor = bpy.data.objects.new("Floor", mesh)
    floor.color = (0.28, 0.3, 0.33, 1.0)
    scene.collection.objects.link(floor)
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.light = "STUDIO"
    shading.color_type = "OBJECT"
    shading.show_cavity = True
    shading.show_shadows = True
    shading.background_type = "VIEWPORT"
    shading.background_color = (0.18, 0.2, 0.23)


def side_camera(
    camera: bpy.types.Object, armature: bpy.types.Object, height: float
) -> bpy.types.Object:
    """An orthographic camera that looks level at the person, from the capture camera's right."""
    name = "Side"
    side = bpy.data.objects.get(name)
    if side is None:
        side = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        bpy.context.scene.collection.objects.link(side)
        side.data.type = "ORTHO"
    side.data.ortho_scale = 1.35 * height
    forward = camera.matrix_world.to_3x3() @ Vector((0.0, 0.0, -1.0))
    right = Vector((-forward.y, forward.x, 0.0)).normalized() * -1.0
    toward = -right
    axes = Matrix((toward.cross(Vector((0, 0, 1))), Vector((0, 0, 1)), -toward)).transposed()
    hips = armature.matrix_world @ armature.pose.bones["hips"].head
    centre = Vector((hips.x, hips.y, 0.5 * height))
    side.matrix_world = Matrix.Translation(centre + 5.0 * right) @ axes.to_4x4()
    return side


def render(camera: bpy.types.Object, frame: int, path: Path) -> None:
    """Renders scene `frame` through `camera` to a PNG: footage-sized, or square from the side."""
    scene = bpy.context.scene
    render = scene.render
    scene.frame_set(frame)
    scene.camera = camera
    size = (render.resolution_x, render.resolution_y)
    if camera.data.type == "ORTHO":
        render.resolution_x = render.resolution_y = 600
    render.image_settings.file_format = "PNG"
    render.filepath = str(path)
    render.use_sequencer = False
    bpy.ops.render.render(write_still=True)
    render.resolution_x, render.resolution_y = size
