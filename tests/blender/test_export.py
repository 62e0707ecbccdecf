# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is exported, read again by Blender's own importers."""

import os
from pathlib import Path

import numpy as np
import pytest
from synthetic_motion import about, body, look_at, take_of, walk, walking_joints

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender


from capf_blender.blender import armature as armatures  # noqa: E402
from capf_blender.blender import camera, export, mannequin  # noqa: E402
from capf_blender.core.armature import BONE_NAMES  # noqa: E402
from capf_blender.core.bvh import NAMES, since_rest  # noqa: E402
from capf_blender.core.errors import CaptureError  # noqa: E402
from capf_blender.core.skeleton import JOINT  # noqa: E402
from capf_blender.core.solve import solve  # noqa: E402

TIMES = np.arange(60) / 30
TAKE = take_of(walking_joints(TIMES, 0.5), TIMES, look_at((0.0, -4.0, 1.4), 0.1))
# names that importers give what they import
IMPORTED = {
    "Hips": "pelvis", "Spine1": "spine", "Neck": "thorax", "Head": "neck",
    "LeftUpLeg": "l_hip", "LeftLeg": "l_knee", "LeftFoot": "l_ankle", "RightUpLeg": "r_hip",
    "RightLeg": "r_knee", "RightFoot": "r_ankle", "LeftArm": "l_shoulder", "LeftForeArm": "l_elbow",
    "LeftHand": "l_wrist", "RightArm": "r_shoulder", "RightForeArm": "r_elbow",
    "RightHand": "r_wrist",
}  # fmt: skip


@pytest.fixture(autouse=True)
def empty():
    bpy.ops.wm.read_homefile(use_empty=True)
    render = bpy.context.scene.render
    render.fps, render.fps_base = 30, 1.0


def pose_at(ob, frame: float) -> dict[str, np.ndarray]:
    """World matrices of the pose bones."""
    bpy.context.scene.frame_set(int(frame), subframe=frame % 1)
    posed = ob.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {b.name: np.array(posed.matrix_world @ b.matrix) for b in posed.pose.bones}


def test_a_bvh_comes_back(tmp_path):
    motion = solve(TAKE)
    path = tmp_path / "walk.bvh"
    sentence = export.export_motion(path, "BVH", motion, TAKE)
    assert sentence == "Wrote 60 frames to walk.bvh"
    bpy.ops.import_anim.bvh(
        filepath=str(path), global_scale=0.01, rotate_mode="QUATERNION", update_scene_fps=True
    )
    ob = bpy.context.object
    assert set(ob.data.bones.keys()) == set(NAMES.values())
    assert abs(bpy.context.scene.render.fps / bpy.context.scene.render.fps_base - 30) < 0.01
    rest = motion.rest
    turns = since_rest(motion.joints, motion.time_s, rest)
    resting = {bone.name: np.array(ob.matrix_world @ bone.matrix_local) for bone in ob.data.bones}
    for name, joint in IMPORTED.items():
        np.testing.assert_allclose(resting[name][:3, 3], rest.joints[JOINT[joint]], atol=1e-4)
    worst_m = worst_degrees = 0.0
    for frame in range(60):
        pose = pose_at(ob, frame + 1)
        for name, joint in IMPORTED.items():
            off = pose[name][:3, 3] - motion.joints[frame, JOINT[joint]]
            worst_m = max(worst_m, float(np.linalg.norm(off)))
        for index, bone in enumerate(BONE_NAMES):
            name = NAMES[bone]
            turn = pose[name][:3, :3] @ resting[name][:3, :3].T @ turns[frame, index].T
            angle = np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))
            worst_degrees = max(worst_degrees, float(np.degrees(angle)))
    assert worst_m < 1e-4 and worst_degrees < 0.1


def keyed_person() -> "tuple[bpy.types.Object, bpy.types.Object]":
    """An armature of ours that walks over frames 11 to 70, and its mannequin."""
    ob = armatures.create(bpy.context, body(), "Person")
    shape = mannequin.create(bpy.context, ob, body())
    bpy.context.view_layer.update()
    rotations, pelvis = walk(TIMES, 0.5)
    frames = np.arange(11.0, 71.0)
    channels = {
        f'pose.bones["{name}"].rotation_quaternion': rotations[:, index]
        for index, name in enumerate(BONE_NAMES)
    }
    moved = (pelvis - body().heads[0]) @ body().matrices[0]
    channels['pose.bones["hips"].location'] = moved
    camera.animate(ob, "OBJECT", "Walk", frames, channels)
    return ob, shape


def others() -> "list[bpy.types.Object]":
    """What must not be exported: a second character, a mesh, a camera."""
    second = armatures.create(bpy.context, body(), "Second")
    bpy.context.view_layer.update()
    camera.animate(
        second, "OBJECT", "Other", np.arange(2.0),
        {'pose.bones["head"].rotation_quaternion': about("x", np.array([0.0, 1.0]))},
    )  # fmt: skip
    mesh = bpy.data.objects.new("Prop", bpy.data.meshes.new("Prop"))
    bpy.context.scene.collection.objects.link(mesh)
    return [second, mesh, camera.new(bpy.context)]


@pytest.mark.parametrize("file_format", ["FBX", "GLB"])
def test_a_character_comes_back(tmp_path, file_format):
    ob, shape = keyed_person()
    unwanted = others()
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 250
    scene.frame_set(17)
    shape.hide_set(True)
    for other in unwanted:
        other.select_set(True)
    bpy.context.view_layer.objects.active = unwanted[0]
    bpy.ops.object.mode_set(mode="POSE")
    wanted = [pose_at(ob, frame) for frame in range(11, 71)]
    scene.frame_set(17)
    path = tmp_path / f"walk.{file_format.lower()}"
    sentence = export.export_character(bpy.context, path, file_format, ob)
    assert sentence == f"Wrote Person with 1 mesh, frames 11 to 70, to {path.name}"
    # as the user had it
    assert (scene.frame_start, scene.frame_end, scene.frame_current) == (1, 250, 17)
    assert bpy.context.mode == "POSE" and bpy.context.view_layer.objects.active == unwanted[0]
    assert shape.hide_get() and not ob.select_get() and all(o.select_get() for o in unwanted)

    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    if file_format == "FBX":
        bpy.ops.import_scene.fbx(filepath=str(path))
    else:
        bpy.ops.import_scene.gltf(filepath=str(path))
    found = {o.name: o for o in bpy.data.objects}
    armature = next(o for o in found.values() if o.type == "ARMATURE")
    assert sum(o.type == "ARMATURE" for o in found.values()) == 1
    assert not {"Prop", "Second", "Capture Camera"} & set(found)
    first, last = armature.animation_data.action.frame_range
    assert abs((last - first) - 59) < 0.01
    for index in (0, 20, 59):
        pose = pose_at(armature, first + index)
        for name, matrix in wanted[index].items():
            np.testing.assert_allclose(pose[name][:3, 3], matrix[:3, 3], atol=1e-3, err_msg=name)
    deformed = next(o for o in found.values() if o.type == "MESH" and len(o.data.vertices) > 100)
    assert any(m.type == "ARMATURE" and m.object == armature for m in deformed.modifiers)


def test_keys_on_top_are_exported_too(tmp_path):
    ob, _ = keyed_person()
    track = ob.animation_data.nla_tracks.new()
    track.strips.new("Walk", 31, ob.animation_data.action)
    ob.animation_data.action = None
    assert export.animated_range(ob) == (31, 90)
    wanted = pose_at(ob, 60)["hand.L"]
    export.export_character(bpy.context, tmp_path / "nla.fbx", "FBX", ob)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    bpy.ops.import_scene.fbx(filepath=str(tmp_path / "nla.fbx"))
    armature = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    first = armature.animation_data.action.frame_range[0]
    found = pose_at(armature, first + 29)["hand.L"]
    np.testing.assert_allclose(found[:3, 3], wanted[:3, 3], atol=1e-3)


def test_failures_are_one_sentence(tmp_path):
    motion = solve(TAKE)
    with pytest.raises(CaptureError, match="There is no folder") as caught:
        export.export_motion(tmp_path / "no" / "walk.bvh", "BVH", motion, TAKE)
    assert caught.value.code == "no_folder"
    with pytest.raises(CaptureError, match="is a folder"):
        export.export_motion(tmp_path, "CSV", motion, TAKE)
    ob = armatures.create(bpy.context, body(), "Person")
    with pytest.raises(CaptureError, match="has no keys"):
        export.export_character(bpy.context, tmp_path / "x.fbx", "FBX", ob)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file_format", ["BVH", "FBX", "GLB"])
def test_no_permission_is_one_sentence(tmp_path, file_format):
    """Whatever rights the tests have: nobody writes into /proc."""
    folder = Path("/proc/self")
    if not folder.is_dir() or os.name != "posix":
        pytest.skip("this system has no folder that nobody can write to")
    with pytest.raises(CaptureError, match="could not be written") as caught:
        if file_format == "BVH":
            export.export_motion(folder / "walk.bvh", "BVH", solve(TAKE), TAKE)
        else:
            ob, _ = keyed_person()
            path = folder / f"walk.{file_format.lower()}"
            export.export_character(bpy.context, path, file_format, ob)
    assert caught.value.code == "not_writable"
    assert "\n" not in str(caught.value)
