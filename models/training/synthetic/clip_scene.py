# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's side of the tests' clip: a tiled square under a light map, rendered with Cycles.

The empty square is rendered once; of every frame only the part around the person, which is laid
over it.
"""

from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from .camera import View
from .people import Actor
from .studio import Studio

FLOOR_M = 120.0
TILE_M = 0.6
BORDER_PX = 56  # around the person, for its shadow
FEATHER_PX = 20
CLOTH_ROUGHNESS = 0.8
CRF = "HIGH"


class ClipScene:
    """A floor, a light map, one person, one camera of `size` (width, height) pixels."""

    def __init__(self, size: tuple[int, int], samples: int, folder: Path):
        self.folder = folder
        self._size = size
        self._studio = Studio(size[0], folder)
        self.scene = self._studio.scene
        self._samples = samples

    def build(self, actor: Actor, view: View, light: Path, turn: float) -> None:
        """`turn` radians about the vertical of the light map."""
        self._studio.load(actor, np.random.default_rng(11))
        for part, slot in zip(actor.parts, bpy.data.objects["Actor"].material_slots, strict=True):
            _lit(slot.material, part.kind)
        render, scene = self.scene.render, self.scene
        render.engine = "CYCLES"
        render.resolution_x, render.resolution_y = self._size
        render.film_transparent = False
        render.image_settings.file_format = "PNG"
        render.image_settings.color_mode = "RGB"
        scene.view_settings.view_transform = "AgX"
        scene.view_settings.exposure = 0.0
        render.threads_mode, render.threads = (
            "FIXED",
            1,
        )  # several wait for each other on busy cores
        scene.cycles.device = "CPU"
        scene.cycles.use_denoising = True
        scene.cycles.denoiser = "OPENIMAGEDENOISE"
        scene.cycles.max_bounces = 3
        render.use_persistent_data = True
        scene.cycles.seed = 0
        scene.world = _world(light, turn)
        self.scene.collection.objects.link(_floor())
        _aim(scene.camera, view, self._size)

    def render(self, frame: int, vertices: np.ndarray, view: View) -> Path:
        """The picture of a frame, (V, 3) world vertices; left alone when it is there."""
        path = self.folder / f"{frame:04d}.png"
        if path.exists():
            return path
        empty = self._empty()
        self._studio.pose(vertices)
        left, top, right, bottom = self._box(view, vertices)
        width, height = self._size
        render = self.scene.render
        render.use_border = render.use_crop_to_border = True
        # a quarter more, because Blender rounds down
        render.border_min_x, render.border_max_x = (left + 0.25) / width, (right + 0.25) / width
        render.border_min_y = (height - bottom + 0.25) / height
        render.border_max_y = (height - top + 0.25) / height
        part = self._shoot("part", self._samples)
        render.use_border = False
        share = _feathered(part.shape[:2], (left > 0, top > 0, right < width, bottom < height))
        window = empty[height - bottom : height - top, left:right]  # rows from the bottom
        empty[height - bottom : height - top, left:right] = window + share * (part - window)
        _save(empty, path)
        return path

    def _empty(self) -> np.ndarray:
        path = self.folder / "empty.png"
        if not path.exists():
            actor = bpy.data.objects["Actor"]
            actor.hide_render = True
            _save(self._shoot("part", 4 * self._samples), path)
            actor.hide_render = False
        return _load(path)

    def _shoot(self, name: str, samples: int) -> np.ndarray:
        self.scene.cycles.samples = samples
        path = self.folder / f"{name}.tmp.png"
        self.scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        return _load(path)

    def _box(self, view: View, vertices: np.ndarray) -> tuple[int, int, int, int]:
        """left, top, right, bottom pixels around the person."""
        pixels = view.project(view.to_camera(vertices))
        low = np.floor(pixels.min(0) - BORDER_PX).astype(int).clip(0)
        high = np.ceil(pixels.max(0) + BORDER_PX).astype(int).clip(max=self._size)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def encode(self, path: Path, count: int, fps: int) -> None:
        """H.264 of the pictures 0 .. count - 1, by Blender's sequencer."""
        scene = bpy.data.scenes.new("Film")
        editor = scene.sequence_editor_create()
        first = self.folder / "0000.png"
        strip = editor.strips.new_image("Frames", str(first), 1, 1)
        for frame in range(1, count):
            strip.elements.append(f"{frame:04d}.png")
        scene.frame_end = count
        render = scene.render
        render.resolution_x, render.resolution_y = self._size
        render.fps = fps
        scene.view_settings.view_transform = "Standard"
        render.image_settings.file_format = "FFMPEG"
        render.ffmpeg.format = "MPEG4"
        render.ffmpeg.codec = "H264"
        render.ffmpeg.constant_rate_factor = CRF
        render.ffmpeg.ffmpeg_preset = "BEST"
        render.ffmpeg.gopsize = 2 * fps
        render.filepath = str(path)
        with bpy.context.temp_override(scene=scene):
            bpy.ops.render.render(animation=True, scene=scene.name)


def _lit(material: bpy.types.Material, kind: str) -> None:
    """Makes Workbench's material one of Cycles."""
    tree = material.node_tree
    image = next(node for node in tree.nodes if node.type == "TEX_IMAGE")
    surface = tree.nodes.new("ShaderNodeBsdfPrincipled")
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(image.outputs["Color"], surface.inputs["Base Color"])
    if kind in ("hair", "eyebrow"):
        tree.links.new(image.outputs["Alpha"], surface.inputs["Alpha"])
    surface.inputs["Roughness"].default_value = 0.5 if kind == "skin" else CLOTH_ROUGHNESS
    tree.links.new(surface.outputs["BSDF"], output.inputs["Surface"])


def _world(light: Path, turn: float) -> bpy.types.World:
    world = bpy.data.worlds.new("Light")
    world.use_nodes = True
    world.cycles.sampling_method = "MANUAL"
    world.cycles.sample_map_resolution = 256
    tree = world.node_tree
    picture = tree.nodes.new("ShaderNodeTexEnvironment")
    picture.image = bpy.data.images.load(str(light))
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Rotation"].default_value = (0.0, 0.0, turn)
    place = tree.nodes.new("ShaderNodeTexCoord")
    tree.links.new(place.outputs["Generated"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], picture.inputs["Vector"])
    tree.links.new(picture.outputs["Color"], tree.nodes["Background"].inputs["Color"])
    return world


def _floor() -> bpy.types.Object:
    """A plane of stone tiles with dark joints, some lighter than others."""
    half = FLOOR_M / 2
    mesh = bpy.data.meshes.new("Floor")
    corners = [(-half, -half, 0.0), (half, -half, 0.0), (half, half, 0.0), (-half, half, 0.0)]
    mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new("Tiles")
    material.use_nodes = True
    tree = material.node_tree
    surface = tree.nodes["Principled BSDF"]
    surface.inputs["Roughness"].default_value = 0.7
    bricks = tree.nodes.new("ShaderNodeTexBrick")
    bricks.offset = 0.0
    bricks.inputs["Color1"].default_value = (0.30, 0.28, 0.25, 1.0)
    bricks.inputs["Color2"].default_value = (0.40, 0.38, 0.35, 1.0)
    bricks.inputs["Mortar"].default_value = (0.14, 0.13, 0.12, 1.0)
    bricks.inputs["Scale"].default_value = 1.0
    bricks.inputs["Mortar Size"].default_value = 0.008
    bricks.inputs["Brick Width"].default_value = TILE_M
    bricks.inputs["Row Height"].default_value = TILE_M
    place = tree.nodes.new("ShaderNodeTexCoord")
    tree.links.new(place.outputs["Object"], bricks.inputs["Vector"])
    tree.links.new(bricks.outputs["Color"], surface.inputs["Base Color"])
    mesh.materials.append(material)
    return bpy.data.objects.new("Floor", mesh)


def _aim(camera: bpy.types.Object, view: View, size: tuple[int, int]) -> None:
    data = camera.data
    data.sensor_fit = "HORIZONTAL"
    data.lens = view.focal_px / size[0] * data.sensor_width
    blender_from_world = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    matrix = np.eye(4)
    matrix[:3, :3] = blender_from_world @ view.camera_from_world.T * [1, -1, -1]
    matrix[:3, 3] = blender_from_world @ view.position
    camera.matrix_world = Matrix(matrix.tolist())


def _feathered(shape: tuple[int, int], soft: tuple[bool, bool, bool, bool]) -> np.ndarray:
    """(h, w, 1) rows from the bottom: 1 inside, falling to 0 at the soft left, top, right, bottom
    edges."""
    height, width = shape
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    far = np.full(max(shape), np.inf)
    left, top, right, bottom = (
        edge if here else far[: len(edge)]
        for here, edge in zip(
            soft, (columns, rows[::-1], columns[::-1], rows), strict=True
        )
    )  # fmt: skip
    nearest = np.minimum(np.minimum(top, bottom)[:, None], np.minimum(left, right)[None])
    return np.clip(nearest / FEATHER_PX, 0.0, 1.0)[..., None].astype(np.float32)


def _load(path: Path) -> np.ndarray:
    """(h, w, 3) float32 as stored, bottom row first."""
    image = bpy.data.images.load(str(path), check_existing=False)
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[..., :3]


def _save(pixels: np.ndarray, path: Path) -> None:
    height, width = pixels.shape[:2]
    image = bpy.data.images.new("Picture", width, height)
    image.pixels.foreach_set(
        np.concatenate([pixels, np.ones((height, width, 1), np.float32)], 2).reshape(-1)
    )
    image.filepath_raw = str(path)
    image.file_format = "PNG"
    image.save()
    bpy.data.images.remove(image)
