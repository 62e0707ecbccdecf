# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import time
from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
bmesh = pytest.importorskip("bmesh")
Vector = pytest.importorskip("mathutils").Vector
world_to_camera_view = pytest.importorskip("bpy_extras.object_utils").world_to_camera_view

from synthetic_motion import look_at, mediapipe_take, take_of, walking_joints  # noqa: E402

from capf_blender.blender import armature as armatures  # noqa: E402
from capf_blender.blender import camera as cameras  # noqa: E402
from capf_blender.blender.apply import apply_take  # noqa: E402
from capf_blender.core.armature import BONE_NAMES  # noqa: E402
from capf_blender.core.camera import project  # noqa: E402
from capf_blender.core.errors import CaptureError  # noqa: E402
from capf_blender.core.motion import sample  # noqa: E402
from capf_blender.core.rotations import angle_between  # noqa: E402
from capf_blender.core.settings import SolveSettings  # noqa: E402
from capf_blender.core.skeleton import JOINT  # noqa: E402
from capf_blender.core.solve import solve  # noqa: E402

pytestmark = pytest.mark.blender

TIMES = np.arange(60) / 30
VIEW = look_at((0.2, -4.5, 1.3), pitch=0.12, roll=0.05)
# pose bone: its head's and tail's joint
ENDS = {
    "spine": ("pelvis", "spine"), "chest": ("spine", "thorax"), "neck": ("thorax", "neck"),
    "head": ("neck", "head_top"), "clavicle.L": ("thorax", "l_shoulder"),
    "clavicle.R": ("thorax", "r_shoulder"), "upper_arm.L": ("l_shoulder", "l_elbow"),
    "upper_arm.R": ("r_shoulder", "r_elbow"), "forearm.L": ("l_elbow", "l_wrist"),
    "forearm.R": ("r_elbow", "r_wrist"), "thigh.L": ("l_hip", "l_knee"),
    "thigh.R": ("r_hip", "r_knee"), "shin.L": ("l_knee", "l_ankle"),
    "shin.R": ("r_knee", "r_ankle"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def empty_scene():
    bpy.ops.wm.read_homefile(use_empty=True)


def walker(frames: int = 60):
    times = np.arange(frames) / 30
    return take_of(walking_joints(times, 0.3), times, VIEW)


def applied(take, first: int = 1, armature=None, **settings):
    frames = first + np.arange(len(take.time_s))
    return apply_take(bpy.context, take, SolveSettings(**settings), frames, take.time_s, armature)


def curves(action):
    """Of the bones; the feet's contacts have others."""
    found = action.layers[0].strips[0].channelbags[0].fcurves
    return [curve for curve in found if curve.data_path.startswith("pose.bones")]


def evaluated(ob, frame: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """World positions of the heads and tails of the pose bones."""
    bpy.context.scene.frame_set(frame)
    posed = ob.evaluated_get(bpy.context.evaluated_depsgraph_get())
    matrix = posed.matrix_world
    return {
        bone.name: (np.array(matrix @ bone.head), np.array(matrix @ bone.tail))
        for bone in posed.pose.bones
    }


def test_bones_point_where_the_filtered_joints_do_on_juggle(shared):
    take = mediapipe_take(shared / "golden" / "mediapipe_juggle.npz", 24, (1280, 720))
    result = applied(take, first=11)
    assert result.frames == 247
    for frame in range(11, 11 + 247, 13):
        joints = result.motion.joints[frame - 11]
        bones = evaluated(result.armature, frame)
        for bone, (a, b) in ENDS.items():
            head, tail = bones[bone]
            off = angle_between(tail - head, joints[JOINT[b]] - joints[JOINT[a]])
            assert np.degrees(off) < 1.0, (frame, bone)
            np.testing.assert_allclose(tail, joints[JOINT[b]], atol=1e-3)
        for p, side in (("l_", ".L"), ("r_", ".R")):
            toe = bones["toe" + side][1]
            np.testing.assert_allclose(toe, joints[JOINT[p + "toe"]], atol=1e-3)


def test_footage_slower_than_the_scene_is_keyed_on_every_frame():
    take = walker()
    frames = np.arange(5, 100)
    times = (frames - 5) / 48
    result = apply_take(bpy.context, take, SolveSettings(), frames, times)
    moments = sample(result.motion, times)
    for frame in (5, 6, 50, 99):
        head, tail = evaluated(result.armature, frame)["forearm.R"]
        joints = moments.joints[frame - 5]
        wanted = joints[JOINT["r_wrist"]] - joints[JOINT["r_elbow"]]
        assert np.degrees(angle_between(tail - head, wanted)) < 0.1


def test_bones_in_any_rotation_mode_move_alike():
    take = walker(20)
    first = applied(take)
    expected = evaluated(first.armature, 12)
    modes = ("XYZ", "ZXY", "AXIS_ANGLE", "QUATERNION")
    for index, name in enumerate(BONE_NAMES):
        first.armature.pose.bones[name].rotation_mode = modes[index % len(modes)]
    applied(take, armature=first.armature, height_m=1.5)
    applied(take, armature=first.armature)
    assert first.armature.pose.bones["spine"].rotation_mode == "ZXY"  # kept, whatever is fitted
    found = evaluated(first.armature, 12)
    for name in BONE_NAMES:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


def test_keys_are_linear_and_on_the_right_frames():
    result = applied(walker(), first=101)
    found = curves(result.action)
    assert len(found) == 4 * len(BONE_NAMES) + 3
    assert sum(len(curve.keyframe_points) for curve in found) == 60 * len(found)
    for curve in found:
        frames = [point.co.x for point in curve.keyframe_points]
        np.testing.assert_array_equal(frames, 101 + np.arange(60))
        assert {point.interpolation for point in curve.keyframe_points} == {"LINEAR"}
        assert curve.group.name in BONE_NAMES
    assert result.armature.animation_data.action_slot.name_display == result.armature.name


def test_frames_without_the_person_get_no_keys():
    take = walker()
    arrays = {}
    for name in ("bbox", "keypoints_2d", "confidence", "joints", "joints_2d", "joints_confidence"):
        arrays[name] = getattr(take, name).copy()
        arrays[name][20:45] = np.nan
    result = applied(replace(take, **arrays))
    frames = [point.co.x for point in curves(result.action)[0].keyframe_points]
    np.testing.assert_array_equal(frames, [*range(1, 21), *range(46, 61)])
    assert result.frames == 35
    with pytest.raises(CaptureError) as caught:
        apply_take(bpy.context, take, SolveSettings(), np.array([1]), np.array([99.0]))
    assert caught.value.code == "no_frames"


def test_a_still_image():
    result = applied(walker(1))
    assert result.frames == 1
    head, tail = evaluated(result.armature, 1)["shin.L"]
    assert head[2] > tail[2]


def test_applying_again_refits_our_armature_and_rewrites_its_keys():
    take = walker()
    first = applied(take)
    objects = set(bpy.data.objects)
    second = applied(take, armature=first.armature, height_m=1.5)
    assert set(bpy.data.objects) == objects
    assert second.armature == first.armature
    assert list(bpy.data.actions) == [second.action] == [first.action]
    assert not first.action.use_fake_user
    other = applied(walker(40), armature=first.armature, height_m=1.5)
    assert other.action != first.action and first.action.use_fake_user
    assert second.mannequin is not None
    height = max(vertex.co.z for vertex in second.mannequin.data.vertices)
    assert abs(height - 1.5) < 0.02
    assert abs(second.armature.data.bones["head"].tail_local.z - 1.5) < 1e-3
    bpy.data.objects.remove(second.mannequin)
    assert applied(take, armature=first.armature).mannequin is None


def test_what_is_no_human_is_left_alone():
    data = bpy.data.armatures.new("Crane")
    crane = bpy.data.objects.new("Crane", data)
    bpy.context.scene.collection.objects.link(crane)
    with pytest.raises(CaptureError) as caught:
        applied(walker(), armature=crane)
    assert caught.value.code == "no_bones"
    bpy.context.view_layer.objects.active = crane
    bpy.ops.object.mode_set(mode="EDIT")
    for name in ("base", "jib", "hook"):
        data.edit_bones.new(name).tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(CaptureError) as caught:
        applied(walker(), armature=crane)
    assert caught.value.code == "not_humanoid"
    assert crane.animation_data is None
    assert len(bpy.data.objects) == 1 and not bpy.data.actions


def test_a_deleted_armature_is_replaced_and_an_excluded_one_named():
    first = applied(walker(5)).armature
    bpy.data.scenes[0].collection.objects.unlink(first)  # as deleting does while others refer to it
    second = applied(walker(5), armature=first).armature
    assert second != first and second.name in bpy.context.scene.objects
    excluded = bpy.data.collections.new("Excluded")
    bpy.context.scene.collection.children.link(excluded)
    bpy.context.scene.collection.objects.unlink(second)
    excluded.objects.link(second)
    bpy.context.view_layer.layer_collection.children["Excluded"].exclude = True
    with pytest.raises(CaptureError) as caught:
        applied(walker(5), armature=second, height_m=1.5)
    assert caught.value.code == "hidden_armature"


def test_mode_selection_and_active_object_are_kept():
    scene = bpy.context.scene
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    other = bpy.data.objects.new("Other", None)
    for ob in (cube, other):
        scene.collection.objects.link(ob)
    cube.select_set(True)
    other.select_set(False)
    bpy.context.view_layer.objects.active = cube
    bpy.ops.object.mode_set(mode="EDIT")
    applied(walker(5))
    assert bpy.context.view_layer.objects.active == cube
    assert cube.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")
    assert [ob.name for ob in scene.objects if ob.select_get()] == ["Cube"]


def test_a_hidden_active_collection_does_not_matter():
    scene = bpy.context.scene
    hidden = bpy.data.collections.new("Hidden")
    scene.collection.children.link(hidden)
    layer = bpy.context.view_layer.layer_collection.children["Hidden"]
    bpy.context.view_layer.active_layer_collection = layer
    layer.exclude = True
    assert applied(walker(5)).frames == 5


def test_rolls_survive_blender_and_mirror():
    rest = solve(walker()).rest
    ob = armatures.create(bpy.context, rest, "Person")
    read = armatures.rest_of(ob)
    np.testing.assert_allclose(read.matrices, rest.matrices, atol=1e-5)
    np.testing.assert_allclose(read.tails, rest.tails, atol=1e-6)
    assert armatures.is_ours(ob)
    assert armatures.fits(ob, rest)
    for index, name in enumerate(BONE_NAMES):
        assert bpy.utils.flip_name(bpy.utils.flip_name(name)) == name
        if name.endswith(".L"):
            other = BONE_NAMES.index(bpy.utils.flip_name(name))
            flip = np.diag([-1, 1, 1])
            flipped = flip @ read.matrices[index] @ flip
            np.testing.assert_allclose(read.matrices[other], flipped, atol=1e-5)


def test_the_camera_sees_what_the_maths_says():
    for image_size in ((1280, 960), (720, 1280)):
        take = replace(walker(), image_size=np.array(image_size))
        result = applied(take)
        motion = result.motion
        camera = cameras.create(
            bpy.context, motion.camera, motion.world_from_camera, set_resolution=True
        )
        scene = bpy.context.scene
        scene.camera = camera
        world = motion.world_from_camera
        for frame in (1, 30, 60):
            bones = evaluated(result.armature, frame)
            seen = (motion.joints[frame - 1] - world[:3, 3]) @ world[:3, :3]
            pixels = project(seen, motion.camera)
            for bone, (_, joint) in ENDS.items():
                view = world_to_camera_view(scene, camera, Vector(bones[bone][1]))
                found = np.array([view.x * image_size[0], (1 - view.y) * image_size[1]])
                assert np.abs(found - pixels[JOINT[joint]]).max() < 0.5, (frame, bone)


def test_the_mannequin_moves_with_the_bones_and_stands_on_the_floor():
    result = applied(walker())
    mannequin = result.mannequin
    assert mannequin is not None
    scene = bpy.context.scene
    lows = []
    for frame in range(1, 61, 4):
        scene.frame_set(frame)
        mesh = mannequin.evaluated_get(bpy.context.evaluated_depsgraph_get())
        points = np.array([mesh.matrix_world @ v.co for v in mesh.data.vertices])
        lows.append(points[:, 2].min())
        wrist = evaluated(result.armature, frame)["hand.R"][0]
        assert np.linalg.norm(points - wrist, axis=1).min() < 0.05
    assert abs(np.median(lows)) < 0.06
    for vertex in mannequin.data.vertices:
        assert len(vertex.groups) == 1


def test_normals_look_outwards():
    mannequin = applied(walker(1)).mannequin
    assert mannequin is not None
    mesh = bmesh.new()
    mesh.from_mesh(mannequin.data)
    assert mesh.calc_volume(signed=True) > 0.04  # cubic metres: a body has about 0.07
    mesh.free()


def test_a_thousand_frames_take_less_than_two_seconds():
    take = walker(1000)
    start = time.process_time()  # whatever else the machine does meanwhile
    applied(take)
    assert time.process_time() - start < 2.0
