# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's side: the actor's mesh and materials, light, camera, and Workbench renders."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from . import textures
from .camera import View
from .people import Actor

_BLENDER_FROM_WORLD = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # y up -> z up
_SENSOR_MM = 36.0
_LIGHTS = ("Default", "basic.sl", "outdoor.sl", "paint.sl", "studio.sl", "rim.sl")
_LIGHT_CHANCES = (0.25, 0.2, 0.2, 0.15, 0.17, 0.03)
_FLAT = 0.08  # chance of light without direction
_SHADOWS = 0.04  # they treble the time of a render
_CAVITY = 0.3
_FROM_CAMERA = 0.65  # chance that the light stands beside the camera
OVERSAMPLING = 1.25  # instead of anti-aliasing, which needs more time than everything else


class Studio:
    """A scene with one actor and one camera; renders go through a file in `scratch`."""

    def __init__(self, size: int, scratch: Path):
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.context.preferences.edit.use_global_undo = False
        self.scene = bpy.context.scene
        self._file = scratch / "render.png"
        render = self.scene.render
        render.engine = "BLENDER_WORKBENCH"
        render.resolution_x = render.resolution_y = round(OVERSAMPLING * size)
        render.resolution_percentage = 100
        render.film_transparent = True
        render.use_sequencer = render.use_compositing = False
        render.image_settings.file_format = "PNG"
        render.image_settings.color_mode = "RGBA"
        render.image_settings.compression = 15  # per cent; less is none
        render.filepath = str(self._file)
        for name in dir(render):  # the date in a picture would make equal shards differ
            if name.startswith("use_stamp"):
                setattr(render, name, False)
        self.scene.view_settings.view_transform = "Standard"
        display = self.scene.display
        display.render_aa = "OFF"
        display.shading.color_type = "TEXTURE"
        self._camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        self._camera.data.sensor_width = _SENSOR_MM
        self._camera.data.clip_start = 0.02
        self.scene.collection.objects.link(self._camera)
        self.scene.camera = self._camera
        self._object: bpy.types.Object | None = None

    def load(self, actor: Actor, rng: np.random.Generator) -> None:
        """Replaces the person in the scene."""
        self._clear()
        mesh = bpy.data.meshes.new("Actor")
        mesh.vertices.add(len(actor.vertices))
        mesh.loops.add(len(actor.loops))
        mesh.polygons.add(len(actor.face_sizes))
        mesh.loops.foreach_set("vertex_index", actor.loops)
        starts = np.concatenate([[0], np.cumsum(actor.face_sizes)[:-1]]).astype(np.int32)
        mesh.polygons.foreach_set("loop_start", starts)
        layer = mesh.uv_layers.new(name="UVMap")
        layer.uv.foreach_set("vector", actor.uvs.reshape(-1))
        slots = np.repeat(np.arange(len(actor.parts)), [part.faces for part in actor.parts])
        mesh.polygons.foreach_set("material_index", slots.astype(np.int32))
        for part in actor.parts:
            pixels = textures.coloured(part.kind, part.texture, rng)
            mesh.materials.append(_material(part.kind, pixels))
        mesh.update(calc_edges=True)
        mesh.shade_smooth()
        self._object = bpy.data.objects.new("Actor", mesh)
        self.scene.collection.objects.link(self._object)

    def _clear(self) -> None:
        self._object = None
        bpy.data.batch_remove(
            [o for o in bpy.data.objects if o.type == "MESH"]
            + list(bpy.data.meshes) + list(bpy.data.materials)
            + [image for image in bpy.data.images if image.type != "RENDER_RESULT"]
        )  # fmt: skip

    def pose(self, vertices: np.ndarray) -> None:
        """Moves the actor's mesh to (V, 3) world positions."""
        assert self._object is not None
        mesh = self._object.data
        turned = np.empty_like(vertices, dtype=np.float32)
        turned[:, 0], turned[:, 1], turned[:, 2] = vertices[:, 0], -vertices[:, 2], vertices[:, 1]
        mesh.vertices.foreach_set("co", turned.reshape(-1))
        mesh.update()

    def light(self, rng: np.random.Generator) -> None:
        """A random studio light from a random side."""
        shading = self.scene.display.shading
        shading.light = "FLAT" if rng.random() < _FLAT else "STUDIO"
        if shading.light == "STUDIO":
            shading.studio_light = str(rng.choice(_LIGHTS, p=_LIGHT_CHANCES))
            shading.use_world_space_lighting = bool(rng.random() > _FROM_CAMERA)
            shading.studiolight_rotate_z = float(rng.uniform(-np.pi, np.pi))
        shading.show_specular_highlight = bool(rng.random() < 0.5)
        shading.show_cavity = bool(rng.random() < _CAVITY)
        shading.show_shadows = bool(rng.random() < _SHADOWS)
        shading.shadow_intensity = float(rng.uniform(0.2, 0.6))
        direction = rng.normal(size=3)
        direction[2] = abs(direction[2]) + 0.5
        self.scene.display.light_direction = direction / np.linalg.norm(direction)
        self.scene.view_settings.exposure = float(
            rng.uniform(-0.1, 0.1 if shading.light == "FLAT" else 0.6)
        )
        self.scene.view_settings.gamma = float(rng.uniform(1.0, 1.35))

    def render(self, view: View) -> bytes:
        """The encoded RGBA picture of the window."""
        data = self._camera.data
        data.lens = view.focal_px / view.size * _SENSOR_MM
        data.shift_x = 0.5 - float(view.principal[0]) / view.size
        data.shift_y = float(view.principal[1]) / view.size - 0.5
        world_from_camera = _BLENDER_FROM_WORLD @ view.camera_from_world.T
        matrix = np.eye(4)
        matrix[:3, :3] = world_from_camera * [1, -1, -1]  # Blender's cameras look along -z, y up
        matrix[:3, 3] = _BLENDER_FROM_WORLD @ view.position
        self._camera.matrix_world = Matrix(matrix.tolist())
        with _silenced():
            bpy.ops.render.render(write_still=True)
        return self._file.read_bytes()


def _material(name: str, pixels: np.ndarray) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes = material.node_tree.nodes
    nodes.clear()
    node = nodes.new("ShaderNodeTexImage")
    node.image = textures.to_image(name, pixels)
    nodes.active = node
    return material


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Drops what Blender prints about every saved render."""
    kept = os.dup(1)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(sink)
        os.close(kept)
