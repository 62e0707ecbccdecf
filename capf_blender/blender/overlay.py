# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The solved joints over the footage, in the 3D View that looks through the capture's camera: each
with a line to where the footage shows it, in the colour of their distance."""

import blf
import bpy
import gpu
import numpy as np
from bpy_extras.view3d_utils import location_3d_to_region_2d
from gpu_extras.batch import batch_for_shader

from ..core.corrections import CORRECTABLE
from ..core.doubts import FAR
from ..core.errors import CaptureError
from ..core.skeleton import JOINT_NAMES, JOINT_PARENTS
from . import camera, compat, shown

NEAR_COLOUR = np.array([0.25, 0.9, 0.35, 1.0])
MIDDLE_COLOUR = np.array([1.0, 0.85, 0.2, 1.0])
FAR_COLOUR = np.array([1.0, 0.25, 0.2, 1.0])
BONE_OPACITY = 0.45
CROSS = 4.0  # pixels of the interface from the middle to the end, where the footage has a joint
LINE_WIDTH = 2.0
TEXT_SIZE = 12.0
MARGIN = 12.0
NAMED = [index for index, name in enumerate(JOINT_NAMES) if name in CORRECTABLE]

_handler: object | None = None


def start() -> None:
    """Draws from now on, while the scene's setting is on."""
    global _handler
    if _handler is None:
        space = bpy.types.SpaceView3D
        _handler = space.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def stop() -> None:
    global _handler
    if _handler is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handler, "WINDOW")
        _handler = None


def colours(distance: np.ndarray, far: float) -> np.ndarray:
    """(N, 4) from green over yellow to red at `far` and beyond, for `distance` (N,)."""
    share = np.clip(np.nan_to_num(distance, nan=far) / far, 0.0, 1.0)[:, None]
    low = NEAR_COLOUR + 2.0 * share * (MIDDLE_COLOUR - NEAR_COLOUR)
    high = MIDDLE_COLOUR + (2.0 * share - 1.0) * (FAR_COLOUR - MIDDLE_COLOUR)
    return np.where(share < 0.5, low, high)


def lines(
    solved: np.ndarray, seen: np.ndarray, colour: np.ndarray, cross: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ends (2 L, 2) of lines and their colours (2 L, 4): the bones between the `solved` joints
    (J, 2), a cross at each joint as `seen` (J, 2), and the way from one to the other, in `colour`
    (J, 4). Lines to joints that are NaN are left out."""
    child = np.array([index for index, parent in enumerate(JOINT_PARENTS) if parent >= 0])
    parent = np.array(JOINT_PARENTS)[child]
    faint = colour.copy()
    faint[:, 3] = BONE_OPACITY
    arm, other = np.array([cross, cross]), np.array([cross, -cross])
    pairs = [
        (solved[parent], solved[child], faint[parent], faint[child]),
        (solved, seen, colour, colour),
        (seen - arm, seen + arm, colour, colour),
        (seen - other, seen + other, colour, colour),
    ]
    ends = np.concatenate([np.stack([a, b], axis=1) for a, b, _, _ in pairs])
    shades = np.concatenate([np.stack([c, d], axis=1) for _, _, c, d in pairs])
    known = np.isfinite(ends).all(axis=(1, 2))
    return ends[known].reshape(-1, 2), shades[known].reshape(-1, 4)


def _is_captures_camera(context: bpy.types.Context, ob: bpy.types.Object | None) -> bool:
    """Whether the footage is seen through `ob`: any other camera sees the person from elsewhere."""
    settings = compat.sequencer_scene(context).capf
    if settings.camera_source == "SCENE":
        return ob is not None and ob == context.scene.camera
    return ob is not None and ob == settings.capture_camera


def _draw() -> None:
    context = bpy.context
    settings = compat.sequencer_scene(context).capf
    space, view = context.space_data, context.region_data
    if not settings.show_joints or not shown.is_baked(settings):
        return
    if view.view_perspective != "CAMERA" or not space.overlay.show_overlays:
        return
    ob = space.camera if space.use_local_camera else context.scene.camera
    if not _is_captures_camera(context, ob):
        return
    try:
        now = shown.of(context)
    except CaptureError as error:
        _draw_text(context, str(error))
        return
    index = now.index_at(context.scene.frame_current_final)
    if index is None or not now.motion.present[index]:
        _draw_text(context, "The person is not known on this frame")
        return
    corners = frame_corners(context, ob)
    if corners is None:
        return
    scale = context.preferences.system.ui_scale
    take = now.take
    solved, seen = now.pixels[index], take.joints_2d[index]
    distance = np.linalg.norm(solved - seen, axis=-1)
    extent = np.nanmax(seen, axis=0) - np.nanmin(seen, axis=0)
    shade = colours(distance, FAR * max(float(np.linalg.norm(extent)), 1.0))
    both = camera.in_frame(context.scene, np.stack([solved, seen]), take.image_size)
    solved, seen = onto_region(both, corners)
    ends, shades = lines(solved, seen, shade, CROSS * scale)
    _draw_lines(context, ends, shades, LINE_WIDTH * scale)
    _draw_text(context, distance_text(distance))


def frame_corners(context: bpy.types.Context, ob: bpy.types.Object) -> np.ndarray | None:
    """(3, 2) pixels of the region at which the camera's frame has its top left, top right and
    bottom left corner; None where that cannot be told."""
    frame = ob.data.view_frame(
        scene=context.scene
    )  # top right, bottom right, bottom left, top left
    matrix = ob.matrix_world.normalized()
    places = (
        location_3d_to_region_2d(context.region, context.region_data, matrix @ frame[corner])
        for corner in (3, 0, 2)
    )
    found = [(place.x, place.y) for place in places if place is not None]
    return np.array(found) if len(found) == 3 else None


def onto_region(shares: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(..., 2) pixels of the region of `shares` (..., 2) of a frame with `corners` (3, 2)."""
    across, down = corners[1] - corners[0], corners[2] - corners[0]
    return corners[0] + shares[..., :1] * across + shares[..., 1:] * down


def distance_text(distance: np.ndarray) -> str:
    """A sentence on `distance` (J,), pixels."""
    known = np.isfinite(distance)
    if not known.any():
        return "The footage shows no joint on this frame"
    worst = NAMED[np.where(known, distance, -1.0)[NAMED].argmax()]
    return (
        f"{distance[known].mean():.1f} px from the footage on average, "
        f"{CORRECTABLE[JOINT_NAMES[worst]].lower()} {distance[worst]:.1f} px"
    )


def _draw_lines(
    context: bpy.types.Context, ends: np.ndarray, shades: np.ndarray, width: float
) -> None:
    shader = gpu.shader.from_builtin("POLYLINE_SMOOTH_COLOR")
    places = np.zeros((len(ends), 3), np.float32)
    places[:, :2] = ends
    batch = batch_for_shader(
        shader, "LINES", {"pos": places, "color": np.ascontiguousarray(shades, np.float32)}
    )
    gpu.state.blend_set("ALPHA")
    shader.uniform_float("viewportSize", (context.region.width, context.region.height))
    shader.uniform_float("lineWidth", width)
    batch.draw(shader)
    gpu.state.blend_set("NONE")


def _draw_text(context: bpy.types.Context, text: str) -> None:
    scale = context.preferences.system.ui_scale
    blf.size(0, TEXT_SIZE * scale)
    blf.color(0, 1.0, 1.0, 1.0, 1.0)
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, 3, 0.0, 0.0, 0.0, 0.9)
    blf.position(0, MARGIN * scale, MARGIN * scale, 0)
    blf.draw(0, text)
    blf.disable(0, blf.SHADOW)
