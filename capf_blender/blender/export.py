# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for other programs: of a solved motion by our own writers, of a character by Blender's."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from ..core.bvh import bvh_text
from ..core.errors import CaptureError
from ..core.joint_files import csv_text, npz_bytes
from ..core.motion import Motion
from ..core.take import Take, write_atomically
from .selection import kept

MOTION_FORMATS = ("BVH", "CSV", "NPZ")
CHARACTER_FORMATS = ("FBX", "GLB")


def export_motion(path: Path, file_format: str, motion: Motion, take: Take) -> str:
    """Writes `motion` to `path` and says what is in it. `file_format` is of `MOTION_FORMATS`.

    Raises CaptureError `no_folder`, `disk_full` or `not_writable`.
    """
    held = 0
    if file_format == "BVH":
        text, held = bvh_text(motion)
        data = text.encode("ascii")
    elif file_format == "CSV":
        data = csv_text(motion, take).encode("ascii")
    else:
        data = npz_bytes(motion, take)
    _write(path, data)
    unknown = f"; {held} frames without the person hold the last pose" if held else ""
    return f"Wrote {int(motion.present.sum())} frames to {path.name}{unknown}"


def _write(path: Path, data: bytes) -> None:
    _check_folder(path)
    try:
        write_atomically(path, lambda file: file.write(data))
    except CaptureError as error:
        hint = "Free some space." if error.code == "disk_full" else error.hint
        raise CaptureError(error.code, error.message, hint) from error


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise CaptureError(
            "no_folder", f"There is no folder {path.parent}.", "Choose one that exists."
        )
    if path.is_dir():
        raise CaptureError(
            "not_writable", f"{path} is a folder.", "Give the file a name of its own."
        )


def export_character(
    context: bpy.types.Context, path: Path, file_format: str, armature: bpy.types.Object
) -> str:
    """Writes `armature`, the meshes that it moves and its animation to `path` and says what is in
    it. `file_format` is of `CHARACTER_FORMATS`. Selection, modes and the frame range are kept.

    Raises CaptureError `no_keys`, `hidden_armature`, `no_exporter`, `no_folder` or `not_writable`.
    """
    _check_folder(path)
    first, last = animated_range(armature)
    view_layer = context.view_layer
    if armature.name not in view_layer.objects:
        raise CaptureError(
            "hidden_armature",
            f"{armature.name} is in another scene, or in a collection that is excluded here.",
            "Show that collection.",
        )
    meshes = meshes_of(armature, view_layer)
    with kept(context), _shown([armature, *meshes], view_layer), _range(context, first, last):
        for ob in view_layer.objects:
            ob.select_set(ob == armature or ob in meshes, view_layer=view_layer)
        view_layer.objects.active = armature
        try:
            _EXPORTERS[file_format](path)
        except AttributeError as error:
            raise CaptureError(
                "no_exporter", f"Blender's {file_format} exporter is turned off.",
                "Enable it under Add-ons in the preferences.",
            ) from error  # fmt: skip
        except (RuntimeError, OSError) as error:
            reason = str(error).strip().splitlines()[-1].removeprefix("Error: ")
            raise CaptureError(
                "not_writable", f"{path} could not be written ({reason}).",
                "Choose a folder that you may write to.",
            ) from error  # fmt: skip
    count = f"{len(meshes)} meshes" if len(meshes) != 1 else "1 mesh"
    return f"Wrote {armature.name} with {count}, frames {first} to {last}, to {path.name}"


def animated_range(armature: bpy.types.Object) -> tuple[int, int]:
    """First and last scene frame of the keys of `armature`, its NLA strips included.

    Raises CaptureError `no_keys`.
    """
    animation = armature.animation_data
    ranges = []
    if animation is not None and animation.action is not None:
        ranges.append(tuple(animation.action.frame_range))
    if animation is not None and animation.use_nla:
        strips = (s for t in animation.nla_tracks if not t.mute for s in t.strips if not s.mute)
        ranges += [(strip.frame_start, strip.frame_end) for strip in strips]
    if not ranges:
        raise CaptureError(
            "no_keys", f"{armature.name} has no keys.",
            "Apply a take to it first, or choose another armature.",
        )  # fmt: skip
    return math.floor(min(r[0] for r in ranges)), math.ceil(max(r[1] for r in ranges))


def meshes_of(
    armature: bpy.types.Object, view_layer: bpy.types.ViewLayer
) -> list[bpy.types.Object]:
    """The meshes in `view_layer` that `armature` deforms or carries."""
    return [
        ob
        for ob in view_layer.objects
        if ob.type == "MESH"
        and (
            any(m.type == "ARMATURE" and m.object == armature for m in ob.modifiers)
            or _carried(ob, armature)
        )
        and not _shapes_a_bone(ob, armature)
    ]


def _carried(ob: bpy.types.Object, armature: bpy.types.Object) -> bool:
    return ob.parent is not None and (ob.parent == armature or _carried(ob.parent, armature))


def _shapes_a_bone(ob: bpy.types.Object, armature: bpy.types.Object) -> bool:
    return any(bone.custom_shape == ob for bone in armature.pose.bones)


@contextmanager
def _shown(objects: list[bpy.types.Object], view_layer: bpy.types.ViewLayer) -> Iterator[None]:
    """What is hidden cannot be selected, and is not exported."""
    hidden = [(ob, ob.hide_get(view_layer=view_layer), ob.hide_viewport) for ob in objects]
    for ob, _, _ in hidden:
        ob.hide_viewport = False
        ob.hide_set(False, view_layer=view_layer)
    try:
        yield
    finally:
        for ob, eye, viewport in hidden:
            ob.hide_set(eye, view_layer=view_layer)
            ob.hide_viewport = viewport


@contextmanager
def _range(context: bpy.types.Context, first: int, last: int) -> Iterator[None]:
    """Both exporters take the scene's frames; they leave it at another one."""
    scene = context.scene
    before = scene.frame_start, scene.frame_end, scene.frame_current, scene.frame_subframe
    scene.frame_start, scene.frame_end = first, last
    try:
        yield
    finally:
        scene.frame_start, scene.frame_end = before[:2]
        scene.frame_set(before[2], subframe=before[3])


def _fbx(path: Path) -> None:
    bpy.ops.export_scene.fbx(
        filepath=str(path),
        use_selection=True,
        object_types={"ARMATURE", "MESH"},
        add_leaf_bones=False,
        # the scene as it plays, whatever drives the bones; not every action of the file
        bake_anim=True,
        bake_anim_use_all_actions=False,
        bake_anim_use_nla_strips=False,
        bake_anim_simplify_factor=0.0,
    )


def _glb(path: Path) -> None:
    bpy.ops.export_scene.gltf(
        filepath=str(path),
        export_format="GLB",
        use_selection=True,
        export_animations=True,
        export_animation_mode="SCENE",
        export_anim_scene_split_object=False,
        export_frame_range=True,
        export_force_sampling=True,
        export_yup=True,
    )


_EXPORTERS = {"FBX": _fbx, "GLB": _glb}
