# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The character lines up with the footage: through a made camera, and through the user's own."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_motion import body, look_at, take_of, walking_joints

from capf_blender.core.camera import Intrinsics
from capf_blender.core.skeleton import JOINT, JOINT_NAMES
from capf_blender.core.take import Take, save_take

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender
world_to_camera_view = pytest.importorskip("bpy_extras.object_utils").world_to_camera_view

from mathutils import Matrix, Vector  # noqa: E402

FPS = 30
TIMES = np.arange(90) / FPS
BLENDER_FROM_CAMERA = np.diag([1.0, -1.0, -1.0, 1.0])
HEADS = {
    f"{bone}{end}": JOINT[f"{side}_{joint}"]
    for side, end in (("l", ".L"), ("r", ".R"))
    for bone, joint in {
        "thigh": "hip", "shin": "knee", "foot": "ankle",
        "upper_arm": "shoulder", "forearm": "elbow", "hand": "wrist",
    }.items()
}  # fmt: skip


def planted_walk() -> np.ndarray:
    """(F, J, 3) of a person who stays in one place and moves all limbs."""
    return walking_joints(TIMES)


def prepare(take: Take, folder: Path, source: str = "", height: float = 0.0):
    """The scene's settings, with `take` chosen."""
    save_take(folder, take)
    (folder / "request.json").write_text(json.dumps({"request": {"source": source}}))
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = FPS, 1.0
    settings = scene.capf
    settings.take_folder = str(folder)
    settings.height = height or body().height
    settings.live = False
    settings.contact_mode = "NEVER"  # feet that are held are not quite where they were seen
    return settings


def pixel_errors(ob, take: Take, frames: range) -> np.ndarray:
    """(N,) pixels between the heads of bones, seen by Blender through the scene's camera in the
    footage's frame, and where the take has them."""
    scene = bpy.context.scene
    render, size = scene.render, take.image_size
    frame_size = np.array([render.resolution_x, render.resolution_y], float)
    errors = []
    for frame in frames:
        scene.frame_set(frame)
        posed = ob.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for bone, joint in HEADS.items():
            head = posed.matrix_world @ posed.pose.bones[bone].head
            view = world_to_camera_view(scene, scene.camera, Vector(head))
            place = (np.array([view.x, 1 - view.y]) - 0.5) * frame_size
            pixel = place / (frame_size / size).min() + 0.5 * size
            errors.append(np.linalg.norm(pixel - take.joints_2d[frame - 1, joint]))
    return np.array(errors)


@pytest.mark.parametrize("size", [(1280, 960), (720, 1281)])
@pytest.mark.parametrize("set_resolution", [True, False])
def test_the_character_lines_up_through_a_matched_camera(scene, tmp_path, size, set_resolution):
    seen = Intrinsics(1300.0, *size)
    matrix = look_at((0.3, -4.5, 1.6), 0.15, 0.05, -0.06)
    take = take_of(planted_walk(), TIMES, matrix, seen, noise_m=0.01, noise_px=1.0)
    settings = prepare(take, tmp_path)
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    for _ in range(2):  # once more updates it
        result = bpy.ops.capf.match_camera(set_resolution=set_resolution, show_footage=False)
        assert result == {"FINISHED"}
    assert [ob.type for ob in scene.objects].count("CAMERA") == 1
    assert scene.camera == settings.capture_camera
    errors = pixel_errors(settings.armature, take, range(1, 90, 8))
    assert errors.mean() < 2.0 and np.percentile(errors, 95) < 5.0
    assert ((scene.render.resolution_x, scene.render.resolution_y) == size) == set_resolution


def test_a_matched_camera_follows_the_settings(scene, tmp_path):
    take = take_of(planted_walk(), TIMES, look_at((0.0, -4.5, 1.6), 0.15))
    settings = prepare(take, tmp_path)
    assert bpy.ops.capf.match_camera(show_footage=False) == {"FINISHED"}
    ob = scene.camera
    before = np.array(ob.matrix_world)
    settings.use_tilt, settings.pitch, settings.roll = True, 0.4, -0.1
    settings.yaw, settings.floor_m = 0.5, 0.25
    assert bpy.ops.capf.match_camera(show_footage=False, make_active=False) == {"FINISHED"}
    assert scene.camera == ob
    after = np.array(ob.matrix_world) @ BLENDER_FROM_CAMERA
    assert not np.allclose(before, after, atol=0.01)
    up = after[2, :3]
    assert np.degrees(np.arcsin(-up[2])) == pytest.approx(np.degrees(0.4), abs=3.0)


def test_footage_lies_behind_the_matched_camera(scene, addon, synthetic_clip, tmp_path):
    truth = synthetic_clip.truth
    take = truth_take(truth)
    settings = prepare(take, tmp_path, str(synthetic_clip.video), float(truth["stature"]))
    strip = addon.add_movie_strip(synthetic_clip.video)
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    assert bpy.ops.capf.match_camera() == {"FINISHED"}
    data = scene.camera.data
    assert len(data.background_images) == 1
    behind = data.background_images[0]
    assert Path(bpy.path.abspath(behind.image.filepath)) == synthetic_clip.video
    assert behind.alpha == 0.5 and data.show_background_images
    start = strip.left_handle if bpy.app.version >= (5, 2) else strip.frame_final_start
    assert behind.image_user.frame_start == start and behind.image_user.frame_offset == 0
    errors = pixel_errors(settings.armature, take, range(1, 112, 10))
    assert errors.mean() < 1.5
    assert bpy.ops.capf.show_footage(alpha=0.8) == {"FINISHED"}
    assert len(data.background_images) == 1 and behind.alpha == pytest.approx(0.8)


def truth_take(truth: dict[str, np.ndarray]) -> Take:
    """What a perfect detector makes of the synthetic clip."""
    camera = Intrinsics(float(truth["K"][0, 0]), 1280, 720)
    times = np.arange(len(truth["joints"])) / float(truth["fps"])
    return take_of(truth["joints"], times, np.eye(4), camera)


def put_camera(matrix: np.ndarray, focal_px: float, width: int):
    data = bpy.data.cameras.new("Mine")
    data.sensor_width, data.lens = 36.0, focal_px * 36.0 / width
    ob = bpy.data.objects.new("Mine", data)
    ob.matrix_world = Matrix((matrix @ BLENDER_FROM_CAMERA).tolist())
    bpy.context.scene.collection.objects.link(ob)
    bpy.context.scene.camera = ob
    return ob


def test_the_character_goes_where_the_users_camera_sees_it(scene, synthetic_clip, tmp_path):
    truth = synthetic_clip.truth
    take = replace(truth_take(truth), focal_px=float("nan"))
    settings = prepare(take, tmp_path, height=float(truth["stature"]))
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    camera_from_world = np.vstack([truth["camera_from_world"], [0, 0, 0, 1]])
    mine = put_camera(np.linalg.inv(camera_from_world), float(truth["K"][0, 0]), 1280)
    bpy.context.view_layer.update()
    placed = np.array(mine.matrix_world)
    settings.camera_source = "SCENE"
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    np.testing.assert_array_equal(np.array(mine.matrix_world), placed)
    errors = pixel_errors(settings.armature, take, range(1, 112, 10))
    assert errors.mean() < 1.5
    off = []
    for frame in range(1, 112, 10):
        scene.frame_set(frame)
        posed = settings.armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        heads = [posed.matrix_world @ posed.pose.bones[bone].head for bone in HEADS]
        off.append(np.array(heads) - truth["world"][frame - 1, list(HEADS.values())])
    assert np.linalg.norm(off, axis=-1).mean() < 0.10  # the stature is given, depth follows
    with pytest.raises(RuntimeError, match="Show Footage"):
        bpy.ops.capf.match_camera()


def test_a_scene_of_another_scale_gives_the_height_that_stands(scene, tmp_path):
    matrix = look_at((0.3, -4.5, 1.6), 0.15)
    take = take_of(planted_walk(), TIMES, matrix)
    settings = prepare(take, tmp_path)
    scene.render.resolution_x, scene.render.resolution_y = 1280, 960
    matrix[:3, 3] *= 0.5
    put_camera(matrix, 1200.0, 1280)
    settings.camera_source = "SCENE"
    assert bpy.ops.capf.height_from_camera() == {"FINISHED"}
    assert settings.height == pytest.approx(0.5 * body().height, rel=0.03)
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    assert pixel_errors(settings.armature, take, range(1, 90, 10)).mean() < 1.5


def test_a_moving_camera_is_keyed(scene, tmp_path):
    """A camera that the user has keyed: the take is solved through it, frame by frame."""
    from capf_blender.blender import camera

    path = np.array(
        [look_at((4 * np.sin(a), -5 * np.cos(a), 1.6), 0.1, 0.02, a) for a in 0.3 * TIMES - 0.4]
    )
    joints = planted_walk()
    seen = np.einsum("fji,fkj->fki", path[:, :3, :3], joints - path[:, None, :3, 3])
    take = take_of(seen, TIMES, np.eye(4))
    settings = prepare(take, tmp_path)
    scene.render.resolution_x, scene.render.resolution_y = 1280, 960
    scene.frame_start = 1
    mine = put_camera(path[0], 1200.0, 1280)
    camera.match_place(mine, path, np.arange(1.0, 91.0))
    settings.camera_source = "SCENE"
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    errors = pixel_errors(settings.armature, take, range(1, 90, 8))
    assert errors.mean() < 1.5
    scene.frame_set(45)
    posed = settings.armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    head = np.array(posed.matrix_world @ posed.pose.bones["head"].tail)
    assert np.linalg.norm(head - joints[44, JOINT["head_top"]]) < 0.06


def test_a_clips_solve_becomes_a_camera_that_moves(scene, synthetic_clip, tmp_path):
    from camera_solve import FOCAL, FRAMES, PATH, SHIFT, solved_clip

    joints = planted_walk()[:FRAMES]
    seen = np.einsum("fji,fkj->fki", PATH[:, :3, :3], joints - PATH[:, None, :3, 3])
    camera = Intrinsics(FOCAL, 1280, 720, SHIFT)
    take = take_of(seen, TIMES[:FRAMES], np.eye(4), camera)
    settings = prepare(take, tmp_path)
    settings.clip = solved_clip(synthetic_clip.video)
    settings.camera_source = "CLIP"
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    assert bpy.ops.capf.match_camera(show_footage=False) == {"FINISHED"}
    errors = pixel_errors(settings.armature, take, range(1, FRAMES, 8))
    assert errors.mean() < 1.5
    # its path is as long as the true one: the unit follows from the person's height
    scene.frame_set(1)
    first = scene.camera.matrix_world.translation.copy()
    scene.frame_set(FRAMES)
    length = (scene.camera.matrix_world.translation - first).length
    assert length == pytest.approx(np.linalg.norm(PATH[-1, :3, 3] - PATH[0, :3, 3]), rel=0.15)


def test_cameras_that_are_missing_are_one_sentence(scene, tmp_path):
    take = take_of(planted_walk(), TIMES, look_at((0.0, -4.5, 1.6), 0.15))
    settings = prepare(take, tmp_path)
    settings.camera_source = "SCENE"
    with pytest.raises(RuntimeError, match="The scene has no camera"):
        bpy.ops.capf.apply_take()
    settings.camera_source = "CLIP"
    with pytest.raises(RuntimeError, match="No movie clip is chosen"):
        bpy.ops.capf.match_camera()
    settings.camera_source = "FOOTAGE"
    with pytest.raises(RuntimeError, match="The footage is missing"):
        bpy.ops.capf.match_camera()
    settings.take_folder = ""
    with pytest.raises(RuntimeError, match="Capture footage first"):
        bpy.ops.capf.match_camera()


@pytest.mark.parametrize("file_format", ["BVH", "CSV", "NPZ"])
def test_a_take_is_exported_without_an_armature(scene, tmp_path, file_format):
    take = take_of(planted_walk(), TIMES, look_at((0.0, -4.5, 1.6), 0.15))
    settings = prepare(take, tmp_path)
    result = bpy.ops.capf.export(file_format=file_format, filepath=str(tmp_path / "walk"))
    assert result == {"FINISHED"} and settings.armature is None
    written = tmp_path / f"walk.{file_format.lower()}"
    if file_format == "BVH":
        assert "Frames: 90" in written.read_text()
    elif file_format == "CSV":
        assert len(written.read_text().splitlines()) == 91
    else:
        with np.load(written) as data:
            assert tuple(data["names"]) == JOINT_NAMES and data["joints"].shape == (90, 28, 3)


def test_a_character_is_exported_by_one_button(scene, tmp_path):
    take = take_of(planted_walk(), TIMES, look_at((0.0, -4.5, 1.6), 0.15))
    settings = prepare(take, tmp_path)
    with pytest.raises(RuntimeError, match="no armature to write as GLB"):
        bpy.ops.capf.export(file_format="GLB", filepath=str(tmp_path / "walk.glb"))
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    for file_format in ("GLB", "FBX"):
        # the ending of another format is replaced
        result = bpy.ops.capf.export(file_format=file_format, filepath=str(tmp_path / "walk.bvh"))
        assert result == {"FINISHED"}
        assert (tmp_path / f"walk.{file_format.lower()}").stat().st_size > 10_000
    assert settings.armature.animation_data.action is not None
    with pytest.raises(RuntimeError, match="There is no folder"):
        bpy.ops.capf.export(file_format="BVH", filepath=str(tmp_path / "no" / "walk.bvh"))
