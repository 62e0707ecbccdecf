# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the animated armature: from the capture's camera and from its side."""

from pathlib import Path

import bpy
from addon import silenced
from mathutils import Matrix, Vector

FLOOR_M = 15.0  # half a side
LONGEST_PX = 1280  # of a render: more would not be seen in the contact sheet
SIDE_PX = 600
SIDE = "Side"
SIDE_ELEVATION = 0.15  # radians


def prepare(scene: bpy.types.Scene) -> None:
    """A plain floor, and Workbench set up to show the mannequin on it."""
    mesh = bpy.data.meshes.new("Floor")
    corners = [(-FLOOR_M, -FLOOR_M, 0), (FLOOR_M, -FLOOR_M, 0), (FLOOR_M, FLOOR_M, 0)]
    mesh.from_pydata([*corners, (-FLOOR_M, FLOOR_M, 0)], [], [(0, 1, 2, 3)])
    floor = bpy.data.objects.new("Floor", mesh)
    floor.color = (0.55, 0.57, 0.6, 1.0)
    scene.collection.objects.link(floor)
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.light = "STUDIO"
    shading.color_type = "OBJECT"
    shading.show_cavity = True
    shading.show_shadows = True
    scene.world = bpy.data.worlds.new("Background")
    scene.world.color = (0.05, 0.055, 0.065)


def side_camera(
    camera: bpy.types.Object, armature: bpy.types.Object, height: float
) -> bpy.types.Object:
    """An orthographic camera that looks at the person from the capture camera's right, slightly
    from above so that the floor is seen."""
    side = bpy.data.objects.get(SIDE)
    if side is None:
        side = bpy.data.objects.new(SIDE, bpy.data.cameras.new(SIDE))
        bpy.context.scene.collection.objects.link(side)
        side.data.type = "ORTHO"
    side.data.ortho_scale = 1.4 * height
    right = camera.matrix_world.to_3x3() @ Vector((1.0, 0.0, 0.0))
    away = Vector((right.x, right.y, 0.0)).normalized()
    away.z = SIDE_ELEVATION
    hips = armature.matrix_world @ armature.pose.bones["hips"].head
    turn = away.to_track_quat("Z", "Y")  # a camera looks along its own -Z
    side.matrix_world = Matrix.LocRotScale(hips + 5.0 * away, turn, None)
    return side


def render(camera: bpy.types.Object, frame: int, path: Path) -> None:
    """Renders scene `frame` through `camera` to a PNG: footage-sized, or square from the side."""
    scene = bpy.context.scene
    render = scene.render
    scene.frame_set(frame)
    scene.camera = camera
    size = (render.resolution_x, render.resolution_y)
    if camera.data.type == "ORTHO":
        render.resolution_x = render.resolution_y = SIDE_PX
    render.resolution_percentage = min(100, 100 * LONGEST_PX // max(size))
    render.image_settings.file_format = "PNG"
    render.filepath = str(path)
    render.use_sequencer = False
    with silenced():
        bpy.ops.render.render(write_still=True)
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
