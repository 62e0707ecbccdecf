# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a camera is over time: a scene's camera, or the camera solve of a movie clip.

Read in bulk from matrices and F-curves; only what cannot be is played frame by frame.
"""

from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Euler, Matrix, Quaternion

from ..core.camera import CameraPath, Intrinsics
from ..core.errors import CaptureError
from ..core.timing import TimeMap
from .camera import CAMERA_FROM_BLENDER, intrinsics_of

STILL = 1e-5  # metres and radians: a camera that moves less is at rest
CHANNELS = {
    "location": 3, "rotation_euler": 3, "rotation_quaternion": 4, "rotation_axis_angle": 4,
    "scale": 3,
}  # fmt: skip
ZOOM = ("lens", "sensor_width", "sensor_height", "shift_x", "shift_y")


def scene_path(
    context: bpy.types.Context, time_s: np.ndarray, time_map: TimeMap, image_size: np.ndarray
) -> CameraPath:
    """The active camera of the scene while it shows footage of `image_size` (2,) pixels, whose
    frames at `time_s` (F,) lie in the scene as `time_map` says.

    Raises CaptureError `no_scene_camera`, `camera_type` or `zoom`.
    """
    scene = context.scene
    ob = scene.camera
    if ob is None or ob.type != "CAMERA":
        raise CaptureError(
            "no_scene_camera", "The scene has no camera.",
            "Add one and match it to the footage, or choose another source of the camera.",
        )  # fmt: skip
    if any(curve.data_path in ZOOM for curve in _curves(ob.data) or ()):
        raise CaptureError(
            "zoom", f"The camera {ob.name} zooms: its lens is animated.",
            "Remove the keys of its lens; footage is captured with one focal length.",
        )  # fmt: skip
    shown = time_map.frames(time_s[[0, -1]])
    frames = np.arange(int(np.floor(shown[0])), int(np.ceil(shown[1])) + 1)
    seen = intrinsics_of(scene, ob.data, image_size)
    matrices = object_matrices(context, ob, frames) @ CAMERA_FROM_BLENDER
    if np.abs(matrices - matrices[0]).max() < STILL:
        return CameraPath(seen, np.zeros(1), matrices[:1])
    return CameraPath(seen, time_map.times_s(frames), matrices)


def clip_path(clip: bpy.types.MovieClip | None, image_size: np.ndarray) -> CameraPath:
    """The solved camera of `clip`, whose footage is of `image_size` (2,) pixels upright.

    A solve by itself has neither an up nor a unit. Raises CaptureError `no_clip` or `no_solve`.
    """
    if clip is None:
        raise CaptureError(
            "no_clip", "No movie clip is chosen.",
            "Open the footage in the Movie Clip Editor and solve its camera, or choose another "
            "source.",
        )  # fmt: skip
    cameras = clip.tracking.reconstruction.cameras
    if not clip.tracking.reconstruction.is_valid or len(cameras) == 0:
        raise CaptureError(
            "no_solve", f"The movie clip {clip.name} has no camera solve.",
            "Track it and solve its camera in the Movie Clip Editor, or choose another source.",
        )  # fmt: skip
    frames = np.array([camera.frame for camera in cameras])
    matrices = np.array([camera.matrix for camera in cameras]) @ CAMERA_FROM_BLENDER
    time_s = (frames - 1 + clip.frame_offset) / clip.fps
    return CameraPath(
        clip_intrinsics(clip, image_size), time_s, _rigid(matrices), level=False, metric=False
    )


def clip_intrinsics(clip: bpy.types.MovieClip, image_size: np.ndarray) -> Intrinsics:
    """The lens that the tracking of `clip` assumes or has solved, without its distortion."""
    camera = clip.tracking.camera
    width, height = (int(side) for side in image_size)
    # its pixels may be other ones: a clip of another size, or one whose pixels are not square
    scale = width / clip.size[0]
    x, y = camera.principal_point_pixels  # from the lower left corner
    return Intrinsics(
        focal_px=camera.focal_length_pixels * scale,
        width=width,
        height=height,
        shift_px=(
            float(scale * (x - 0.5 * clip.size[0])),
            float(scale / camera.pixel_aspect * (0.5 * clip.size[1] - y)),
        ),
    )


def object_matrices(
    context: bpy.types.Context, ob: bpy.types.Object, frames: np.ndarray
) -> np.ndarray:
    """(F, 4, 4) world matrices of `ob` without scale at scene `frames` (F,), NaN where a camera
    solve that it follows has none."""
    context.view_layer.update()
    solver, plain = _solver(ob, context.scene)
    curves = _curves(ob)
    if not plain or curves is None or (curves and _has_deltas(ob)):
        return _rigid(_played(context, ob, frames))
    if ob.parent is not None:
        if curves or solver or not _rests(ob.parent):
            return _rigid(_played(context, ob, frames))
        return _rigid(np.repeat(np.array(ob.matrix_world)[None], len(frames), axis=0))
    own = _basis(ob, curves, frames)
    if solver is not None:
        cameras = {camera.frame: camera.matrix for camera in solver.tracking.reconstruction.cameras}
        unknown = Matrix([[float("nan")] * 4] * 4)
        wanted = frames - solver.frame_start + 1
        own = own @ np.array([cameras.get(int(frame), unknown) for frame in wanted])
    return _rigid(own)


def _solver(
    ob: bpy.types.Object, scene: bpy.types.Scene
) -> tuple[bpy.types.MovieClip | None, bool]:
    """The clip whose solved camera `ob` follows, and whether nothing else constrains it."""
    active = [c for c in ob.constraints if c.enabled and not c.mute and c.influence > 0]
    if not active:
        return None, True
    only = active[0]
    if len(active) > 1 or only.type != "CAMERA_SOLVER" or only.influence < 1:
        return None, False
    clip = scene.active_clip if only.use_active_clip else only.clip
    return clip, clip is not None


def _curves(owner: bpy.types.ID) -> Sequence[bpy.types.FCurve] | None:
    """The F-curves that alone animate `owner`; None where there is more than an action."""
    animation = owner.animation_data
    if animation is None:
        return ()
    if animation.drivers or (animation.use_nla and len(animation.nla_tracks)):
        return None
    if animation.action is None or animation.action_slot is None:
        return ()
    if animation.action_influence < 1 or animation.action_blend_type != "REPLACE":
        return None
    return [
        curve
        for layer in animation.action.layers
        for strip in layer.strips
        for bag in [strip.channelbag(animation.action_slot)]
        if bag is not None
        for curve in bag.fcurves
        if not curve.mute and not (curve.group and curve.group.mute)
    ]


def _rests(ob: bpy.types.Object) -> bool:
    """Whether neither `ob` nor anything that it is attached to is animated."""
    alone = ob.animation_data is None and not len(ob.constraints) and ob.type != "ARMATURE"
    return alone and (ob.parent is None or _rests(ob.parent))


def _has_deltas(ob: bpy.types.Object) -> bool:
    turned = ob.delta_rotation_quaternion.angle > 0 or any(ob.delta_rotation_euler)
    return turned or any(ob.delta_location) or tuple(ob.delta_scale) != (1.0, 1.0, 1.0)


def _basis(
    ob: bpy.types.Object, curves: Sequence[bpy.types.FCurve], frames: np.ndarray
) -> np.ndarray:
    """(F, 4, 4) matrices of the animated location, rotation and scale of `ob`, without parent."""
    if not curves:
        return np.repeat(np.array(ob.matrix_basis)[None], len(frames), axis=0)
    values = {
        name: np.repeat(np.array(getattr(ob, name))[None], len(frames), axis=0) for name in CHANNELS
    }
    for curve in curves:
        if curve.data_path in CHANNELS:
            values[curve.data_path][:, curve.array_index] = [curve.evaluate(f) for f in frames]
    mode = ob.rotation_mode
    if mode == "QUATERNION":
        turns = [Quaternion(q).normalized() for q in values["rotation_quaternion"]]
    elif mode == "AXIS_ANGLE":
        turns = [Quaternion(v[1:], v[0]) for v in values["rotation_axis_angle"]]
    else:
        turns = [Euler(v, mode) for v in values["rotation_euler"]]
    parts = zip(values["location"], turns, values["scale"], strict=True)
    return np.array([Matrix.LocRotScale(place, turn, size) for place, turn, size in parts])


def _played(context: bpy.types.Context, ob: bpy.types.Object, frames: np.ndarray) -> np.ndarray:
    """(F, 4, 4) by playing the scene: slow, but right whatever moves the camera."""
    scene = context.scene
    before = scene.frame_current, scene.frame_subframe
    try:
        matrices = []
        for frame in frames:
            scene.frame_set(int(frame))
            matrices.append(ob.evaluated_get(context.evaluated_depsgraph_get()).matrix_world.copy())
    finally:
        scene.frame_set(before[0], subframe=before[1])
    return np.array(matrices)


def _rigid(matrices: np.ndarray) -> np.ndarray:
    """`matrices` (F, 4, 4) without scale, as renderers see cameras."""
    result = matrices.copy()
    result[:, :3, :3] /= np.linalg.norm(result[:, :3, :3], axis=1, keepdims=True)
    return result
