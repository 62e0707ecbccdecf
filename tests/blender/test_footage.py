# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips to source time, checked against the picture that Blender's own sequencer shows."""

import av
import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender

FPS, FRAMES, STEP = 30, 60, 4


@pytest.fixture(scope="module")
def coded_video(tmp_path_factory):
    """A clip whose frame i is grey of level STEP * i."""
    path = tmp_path_factory.mktemp("video") / "coded clip ä.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "5"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for index in range(FRAMES):
            grey = np.full((64, 64, 3), STEP * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def scene(scene):
    """The empty scene, as the one that the sequencer shows (5.0 renders no other one's strips)."""
    if hasattr(bpy.context, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = scene
    return scene


def add_as_user(video, frame_start):
    """A strip as the Add menu makes it, with the hidden playback rate."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    options = {} if bpy.app.version < (5, 0, 0) else {"move_strips": False}
    with bpy.context.temp_override(window=window, area=area, region=area.regions[-1]):
        bpy.ops.sequencer.movie_strip_add(
            filepath=str(video), frame_start=frame_start, channel=1,
            use_framerate=False, sound=False, **options,
        )  # fmt: skip
    return bpy.context.scene.sequence_editor.strips[0]


def add_by_script(video, frame_start):
    editor = bpy.context.scene.sequence_editor_create()
    return editor.strips.new_movie("clip", str(video), channel=1, frame_start=frame_start)


def shown_source_frame(scene, frame, folder):
    """The source frame in the picture that the sequencer renders at scene `frame`."""
    scene.frame_set(frame)
    scene.render.filepath = str(folder / "shown.png")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    image.colorspace_settings.name = "Non-Color"
    grey = float(np.median(np.array(image.pixels[:]).reshape(-1, 4)[:, 0])) * 255.0
    bpy.data.images.remove(image)
    return round(grey / STEP)


@pytest.mark.parametrize("scene_rate", [24, 30, 60])
@pytest.mark.parametrize("add_strip", [add_as_user, add_by_script])
@pytest.mark.parametrize("trims", [(0, 0, 0), (5, 3, 0), (2, 4, 6)])
def test_time_map_names_the_frame_that_blender_shows(
    scene, addon, coded_video, tmp_path, scene_rate, add_strip, trims
):
    scene.render.fps = scene_rate
    scene.render.resolution_x = scene.render.resolution_y = 64
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "PNG"
    strip = add_strip(coded_video, 10)
    left, right, hard = trims
    compat = addon.module("blender.compat")
    if compat._NEW_HANDLE_NAMES:
        strip.content_trim_start = hard
        strip.left_handle_offset, strip.right_handle_offset = left, right
    else:
        strip.animation_offset_start = hard
        strip.frame_offset_start, strip.frame_offset_end = left, right

    footage = addon.module("blender.footage").read_strip(strip, scene)
    frames = footage.scene_frames()
    assert tuple(frames[[0, -1]] + [0, 1]) == compat.handles(strip)
    assert footage.source == coded_video
    for frame in frames[[0, 1, len(frames) // 2, -2, -1]]:
        expected = footage.time_map.times_s(frame) * FPS
        shown = shown_source_frame(scene, int(frame), tmp_path)
        assert abs(shown - min(expected, FRAMES - 1)) <= 0.51, (frame, shown, expected)


def test_source_range_holds_what_the_frames_show(scene, addon, coded_video):
    scene.render.fps = FPS
    strip = add_by_script(coded_video, 1)
    footage = addon.module("blender.footage").read_strip(strip, scene)
    start_s, end_s = footage.source_range_s(footage.scene_frames(11, 20))
    held = [i for i in range(FRAMES) if start_s <= i / FPS < end_s]
    assert held == list(range(10, 20))


def test_range_beside_the_strip_is_refused_in_a_sentence(scene, addon, coded_video):
    footage_module = addon.module("blender.footage")
    footage = footage_module.read_strip(add_by_script(coded_video, 1), scene)
    with pytest.raises(footage_module.CaptureError, match="visible from frame 1 to 60"):
        footage.scene_frames(100, 120)
    with pytest.raises(footage_module.CaptureError, match="ends at 10, before it starts at 20"):
        footage.scene_frames(20, 10)


def test_strip_whose_time_blender_changes_is_refused(scene, addon, coded_video):
    footage_module = addon.module("blender.footage")
    strip = add_by_script(coded_video, 1)
    strip.use_reverse_frames = True
    with pytest.raises(footage_module.CaptureError, match="plays backwards"):
        footage_module.read_strip(strip, scene)
    strip.use_reverse_frames = False
    strip.use_flip_x = True
    with pytest.raises(footage_module.CaptureError, match="is mirrored"):
        footage_module.read_strip(strip, scene)


def test_a_sequencer_without_a_scene_is_known(scene, addon):
    compat = addon.module("blender.compat")
    assert not compat.sequencer_without_scene(bpy.context)
    if hasattr(bpy.context, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = None
        assert compat.sequencer_without_scene(bpy.context)
        bpy.context.workspace.sequencer_scene = scene


def test_missing_file_is_named(scene, addon, coded_video, tmp_path):
    footage_module = addon.module("blender.footage")
    strip = add_by_script(coded_video, 1)
    strip.filepath = str(tmp_path / "gone.mp4")
    with pytest.raises(footage_module.CaptureError, match=r"gone\.mp4"):
        footage_module.read_strip(strip, scene)


def test_image_sequence_keeps_names_and_rate(scene, addon, tmp_path):
    for index in range(3):
        image = bpy.data.images.new(f"i{index}", 8, 8)
        image.filepath_raw = str(tmp_path / f"i{index}.png")
        image.file_format = "PNG"
        image.save()
    editor = scene.sequence_editor_create()
    strip = editor.strips.new_image("images", str(tmp_path / "i0.png"), channel=1, frame_start=5)
    for name in ("i1.png", "i2.png"):
        strip.elements.append(name)
    footage = addon.module("blender.footage").read_strip(strip, scene)
    assert footage.images == ("i0.png", "i1.png", "i2.png")
    assert footage.source_fps == pytest.approx(24.0)
    assert footage.time_map.times_s(np.array([5, 7])) == pytest.approx([0.0, 2 / 24])
