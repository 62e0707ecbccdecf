# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene's camera, a clip's camera solve and footage behind a camera, as Blender has them."""

import numpy as np
import pytest
from camera_solve import FOCAL, FRAMES, PATH, SHIFT, solved_clip
from synthetic_motion import look_at

from capf_blender.core.camera import Intrinsics, project
from capf_blender.core.errors import CaptureError
from capf_blender.core.timing import TimeMap

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender
world_to_camera_view = pytest.importorskip("bpy_extras.object_utils").world_to_camera_view

from mathutils import Matrix, Vector  # noqa: E402

from capf_blender.blender import background, camera, camera_source  # noqa: E402
from capf_blender.blender.camera import CAMERA_FROM_BLENDER  # noqa: E402

MATRIX = look_at((0.5, -4.0, 1.7), 0.2, 0.1, 0.3)
# footage, then the render frame: size and pixel aspect
SIZES = [
    ((1280, 720), (1920, 1080), (1, 1)),
    ((720, 1280), (1920, 1080), (1, 1)),
    ((1080, 1920), (1080, 1920), (1, 1)),
    ((1921, 1081), (641, 479), (1, 1)),
    ((1280, 720), (1440, 1080), (4, 3)),
    ((1000, 1000), (720, 576), (1, 1.5)),
]


@pytest.fixture(autouse=True)
def empty():
    bpy.ops.wm.read_homefile(use_empty=True)


def seen_by_blender(ob, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(N, 2) pixels of footage that lies in the render frame with the method Fit, from Blender's
    own projection of `points` (N, 3)."""
    scene = bpy.context.scene
    bpy.context.view_layer.update()
    views = np.array([world_to_camera_view(scene, ob, Vector(p)) for p in points])
    render = scene.render
    frame = np.array(
        [
            render.resolution_x * render.pixel_aspect_x,
            render.resolution_y * render.pixel_aspect_y,
        ]
    )
    flipped = np.stack([views[:, 0], 1 - views[:, 1]], axis=1)
    place = (flipped - 0.5) * frame
    return place / (frame / size).min() + 0.5 * np.array(size)


def some_points(matrix: np.ndarray) -> np.ndarray:
    points = np.random.default_rng(0).uniform([-1.5, -1.5, 3], [1.5, 1.5, 7], (30, 3))
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def set_frame(size: tuple[int, int], aspect: tuple[float, float]) -> None:
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = size
    render.pixel_aspect_x, render.pixel_aspect_y = aspect


@pytest.mark.parametrize(("footage", "frame", "aspect"), SIZES)
@pytest.mark.parametrize("set_resolution", [False, True])
def test_a_made_camera_sees_as_the_footage(footage, frame, aspect, set_resolution):
    set_frame(frame, aspect)
    wanted = Intrinsics(1300.0, footage[0], footage[1], (37.0, -21.0))
    ob = camera.create(bpy.context, wanted, MATRIX, set_resolution)
    points = some_points(MATRIX)
    pixels = project((points - MATRIX[:3, 3]) @ MATRIX[:3, :3], wanted)
    assert np.abs(seen_by_blender(ob, points, footage) - pixels).max() < 0.02
    found = camera.intrinsics_of(bpy.context.scene, ob.data, np.array(footage))
    assert abs(found.focal_px - 1300.0) < 0.01
    np.testing.assert_allclose(found.shift_px, (37.0, -21.0), atol=0.01)


@pytest.mark.parametrize(("footage", "frame", "aspect"), SIZES)
@pytest.mark.parametrize("fit", ["AUTO", "HORIZONTAL", "VERTICAL"])
def test_a_users_camera_is_read(footage, frame, aspect, fit):
    set_frame(frame, aspect)
    data = bpy.data.cameras.new("Mine")
    data.sensor_fit, data.sensor_width, data.sensor_height, data.lens = fit, 23.0, 17.0, 28.0
    data.shift_x, data.shift_y = 0.07, -0.04
    ob = bpy.data.objects.new("Mine", data)
    bpy.context.scene.collection.objects.link(ob)
    scaled = MATRIX @ CAMERA_FROM_BLENDER @ np.diag([3.0, 3.0, 3.0, 1.0])
    ob.matrix_world = Matrix(scaled.tolist())  # renderers ignore a camera's scale
    bpy.context.scene.camera = ob
    time_map = TimeMap(1.0, 0.0, 1 / 24)
    path = camera_source.scene_path(bpy.context, np.arange(20) / 24, time_map, np.array(footage))
    assert len(path.time_s) == 1  # at rest
    np.testing.assert_allclose(path.world_from_camera[0], MATRIX, atol=1e-5)
    points = some_points(MATRIX)
    pixels = project((points - MATRIX[:3, 3]) @ MATRIX[:3, :3], path.intrinsics)
    assert np.abs(seen_by_blender(ob, points, footage) - pixels).max() < 0.02


def moving_camera() -> "bpy.types.Object":
    ob = camera.new(bpy.context)
    camera.match_place(ob, PATH, np.arange(1, FRAMES + 1))
    bpy.context.scene.camera = ob
    return ob


def evaluated(ob, frames) -> np.ndarray:
    matrices = []
    for frame in frames:
        bpy.context.scene.frame_set(int(frame))
        depsgraph = bpy.context.evaluated_depsgraph_get()
        matrices.append(np.array(ob.evaluated_get(depsgraph).matrix_world))
    matrices = np.array(matrices)
    matrices[:, :3, :3] /= np.linalg.norm(matrices[:, :3, :3], axis=1, keepdims=True)
    return matrices


@pytest.mark.parametrize("how", ["quaternion", "euler", "axis", "parent", "delta", "nla"])
def test_moving_cameras_are_where_blender_has_them(how):
    ob = moving_camera()
    if how in ("euler", "axis"):
        ob.rotation_mode = "YXZ" if how == "euler" else "AXIS_ANGLE"
        bag = ob.animation_data.action.layers[0].strips[0].channelbags[0]
        for curve in [c for c in bag.fcurves if c.data_path == "rotation_quaternion"]:
            bag.fcurves.remove(curve)
        path = "rotation_euler" if how == "euler" else "rotation_axis_angle"
        curve = bag.fcurves.new(path, index=2)
        curve.keyframe_points.insert(1, 0.3)
        curve.keyframe_points.insert(60, 1.2)
    elif how == "parent":
        boom = bpy.data.objects.new("Boom", None)
        bpy.context.scene.collection.objects.link(boom)
        boom.location = (1, 2, 3)
        boom.keyframe_insert("location", frame=1)
        boom.rotation_euler = (0.1, 0.2, 0.3)
        ob.parent = boom
    elif how == "delta":
        ob.delta_location = (0.0, 0.5, 0.0)
    elif how == "nla":
        action = ob.animation_data.action
        strip = ob.animation_data.nla_tracks.new().strips.new("Move", 11, action)
        ob.animation_data.action = None
        assert strip.frame_start == 11
    frames = np.arange(1, 72)
    bpy.context.scene.frame_set(33)
    found = camera_source.object_matrices(bpy.context, ob, frames)
    assert bpy.context.scene.frame_current == 33
    np.testing.assert_allclose(found, evaluated(ob, frames), atol=2e-6)
    if how == "quaternion":
        wanted = PATH @ CAMERA_FROM_BLENDER
        np.testing.assert_allclose(found[:FRAMES], wanted, atol=1e-5)


def test_a_moving_scene_camera_over_footage_of_another_rate():
    moving_camera()
    time_s = np.arange(50) / 50  # 50 fps footage, in real time in a 24 fps scene, from frame 10 on
    path = camera_source.scene_path(
        bpy.context, time_s, TimeMap(10.0, 0.0, 1 / 24), np.array([1280, 720])
    )
    matrices = path.at(time_s)
    assert np.isfinite(matrices).all()
    shown = 10 + time_s * 24
    for axis in range(3):
        wanted = np.interp(shown, np.arange(1, FRAMES + 1), PATH[:, axis, 3])
        np.testing.assert_allclose(matrices[:, axis, 3], wanted, atol=1e-4)


def test_cameras_that_footage_never_has_are_refused():
    ob = moving_camera()
    args = bpy.context, np.arange(5) / 24, TimeMap(1.0, 0.0, 1 / 24), np.array([1280, 720])
    ob.data.lens = 40
    ob.data.keyframe_insert("lens", frame=1)
    with pytest.raises(CaptureError, match="zooms"):
        camera_source.scene_path(*args)
    ob.data.animation_data_clear()
    ob.data.type = "ORTHO"
    with pytest.raises(CaptureError, match="Set its type to Perspective"):
        camera_source.scene_path(*args)
    bpy.context.scene.camera = None
    with pytest.raises(CaptureError, match="has no camera"):
        camera_source.scene_path(*args)


def test_a_clips_camera_solve(synthetic_clip):
    clip = solved_clip(synthetic_clip.video)
    path = camera_source.clip_path(clip, np.array([1280, 720]))
    assert not path.level and not path.metric
    assert abs(path.intrinsics.focal_px - FOCAL) < 0.1
    np.testing.assert_allclose(path.intrinsics.shift_px, SHIFT, atol=1e-3)
    np.testing.assert_allclose(path.time_s, np.arange(FRAMES) / clip.fps, atol=1e-6)
    # the same path but for where it starts and its unit
    found = np.linalg.inv(path.world_from_camera[0]) @ path.world_from_camera
    true = np.linalg.inv(PATH[0]) @ PATH
    np.testing.assert_allclose(found[:, :3, :3], true[:, :3, :3], atol=1e-4)
    unit = np.linalg.norm(true[-1, :3, 3]) / np.linalg.norm(found[-1, :3, 3])
    np.testing.assert_allclose(unit * found[:, :3, 3], true[:, :3, 3], atol=1e-3)
    # the same footage at twice the size
    double = camera_source.clip_path(clip, np.array([2560, 1440]))
    assert abs(double.intrinsics.focal_px - 2 * FOCAL) < 0.2

    # a scene's camera that follows the solve, where the user has put its world
    ob = camera.new(bpy.context)
    ob.location, ob.rotation_euler, ob.scale = (1, 2, 3), (0.3, 0.1, 0.2), (2, 2, 2)
    constraint = ob.constraints.new("CAMERA_SOLVER")
    constraint.use_active_clip, constraint.clip = False, clip
    clip.frame_start = 10
    frames = np.arange(10, 10 + FRAMES)
    bulk = camera_source.object_matrices(bpy.context, ob, frames)
    np.testing.assert_allclose(bulk, evaluated(ob, frames), atol=1e-5)
    outside = camera_source.object_matrices(bpy.context, ob, np.array([5, 10]))
    assert np.isnan(outside[0]).any() and np.isfinite(outside[1]).all()


def test_a_clip_without_a_solve_is_one_sentence(synthetic_clip):
    with pytest.raises(CaptureError, match="No movie clip"):
        camera_source.clip_path(None, np.array([1280, 720]))
    clip = bpy.data.movieclips.load(str(synthetic_clip.video))
    with pytest.raises(CaptureError, match="has no camera solve"):
        camera_source.clip_path(clip, np.array([1280, 720]))


def behind(data) -> "bpy.types.CameraBackgroundImage":
    found = background.find(data)
    assert found is not None and found.image is not None
    return found


def shown(data, frames: np.ndarray) -> list[int]:
    """The number of the frame that Blender shows behind a camera (image.cc,
    image_user_get_frame_nr)."""
    numbers = []
    for frame in frames:
        bpy.context.scene.frame_set(int(frame))
        user = behind(data).image_user
        number = int(np.clip(frame - user.frame_start + 1, 1, user.frame_duration))
        numbers.append(number + user.frame_offset)
    return numbers


@pytest.mark.parametrize(("fps", "start"), [(24.0, 1), (60.0, 101), (12.5, -5)])
def test_each_source_frame_where_its_strip_shows_it(synthetic_clip, fps, start):
    data = camera.new(bpy.context).data
    frames = np.arange(start, start + 40)
    time_map = TimeMap(float(start - 3), 0.0, 1 / 24)
    source = np.floor(time_map.times_s(frames) * fps + 0.5).astype(int)
    for _ in range(2):  # pressing the button again changes nothing
        background.show(data, synthetic_clip.video, (), np.array([1280, 720]), frames, source)
        assert len(data.background_images) == 1
        assert shown(data, frames) == (source + 1).tolist()
    found = behind(data)
    assert found.image.source == "MOVIE" and found.frame_method == "FIT" and found.alpha == 0.5
    assert data.show_background_images
    keyed = data.animation_data is not None
    assert keyed == (fps != 24.0)
    # another strip's rate leaves no keys of this one
    source = np.arange(len(frames)) + 4
    background.show(data, synthetic_clip.video, (), np.array([1280, 720]), frames, source)
    assert shown(data, frames) == (source + 1).tolist()


def test_numbered_images_and_anamorphic_footage(tmp_path):
    image = bpy.data.images.new("Frame", 64, 48)
    names = tuple(f"shot_{number:04d}.png" for number in range(17, 27))
    for name in names:
        image.save(filepath=str(tmp_path / name))
    data = camera.new(bpy.context).data
    frames = np.arange(5, 13)
    source = np.arange(2, 10)  # two images are cut away
    background.show(data, tmp_path, names, np.array([96, 48]), frames, source)
    found = behind(data)
    assert found.image.source == "SEQUENCE"
    assert shown(data, frames) == list(range(19, 27))
    assert found.image.display_aspect[0] / found.image.display_aspect[1] == pytest.approx(1.5)
    with pytest.raises(CaptureError, match="not numbered"):
        background.show(data, tmp_path, names[:3] + names[5:], np.array([64, 48]), frames, source)
    with pytest.raises(CaptureError, match="missing"):
        background.show(data, tmp_path / "no.mp4", (), np.array([64, 48]), frames, source)
    background.show(data, tmp_path / names[0], (), np.array([64, 48]), frames, source)
    assert behind(data).image.source == "FILE"
    assert len(data.background_images) == 1
