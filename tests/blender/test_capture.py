# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the button to keys, in Blender, with the real worker on real footage."""

import os
import signal
import time

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender

FIRST, LAST = 31, 54  # scene frames of the demo clip that show the walking woman
LONGEST_PUMP_S = 0.020


@pytest.fixture
def ready(scene, addon, demo_video, worker_home, tmp_path):
    """A saved scene with the demo clip on a strip, and the worker's home in the preferences."""
    addon.module("preferences").preferences(bpy.context).home = str(worker_home)
    addon.add_movie_strip(demo_video)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    settings = scene.capf
    settings.use_range, settings.frame_start, settings.frame_end = True, FIRST, LAST
    settings.device = "cpu"
    return settings


def pump_to_the_end(addon, until=lambda job: False) -> np.ndarray:
    """(N, 2) seconds that each pump took by the clock and of this process's own time; stops early
    when `until(job)`."""
    session = addon.module("blender.session")
    took = []
    deadline = time.monotonic() + 120
    while session.is_running() and not until(session.current.job):
        assert time.monotonic() < deadline, "the capture does not end"
        started = time.perf_counter(), time.process_time()
        session.pump()
        took.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        time.sleep(0.02)
    return np.array(took)


def refused(operator) -> str:
    """The sentence with which an operator reports its error."""
    with pytest.raises(RuntimeError) as caught:
        operator()
    return str(caught.value).removeprefix("Error: ").strip()


def test_button_to_keys(ready, addon):
    assert bpy.ops.capf.capture_pose() == {"FINISHED"}
    took = pump_to_the_end(addon)
    session = addon.module("blender.session")
    assert not session.current.failed, session.current.message
    assert f"of {LAST - FIRST + 1} frames" in session.current.message
    by_the_clock, own = took.T
    assert own.max() < LONGEST_PUMP_S
    # the worker computes on every core, so the system may take this one away for a moment
    assert np.quantile(by_the_clock, 0.98) < LONGEST_PUMP_S
    assert ready.take_folder.startswith(os.path.dirname(bpy.data.filepath))

    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    armature = ready.armature
    (bag,) = [
        bag
        for layer in armature.animation_data.action.layers
        for strip in layer.strips
        for bag in strip.channelbags
    ]
    keyed = {
        tuple(round(key.co.x, 3) for key in curve.keyframe_points)
        for curve in bag.fcurves
        if curve.data_path.startswith("pose.bones")
    }
    (frames,) = keyed
    assert frames == tuple(float(frame) for frame in range(FIRST, LAST + 1))

    take = addon.module("core.take").load_take(ready.take_folder)
    assert take.time_s[0] == pytest.approx((FIRST - 1) / 30, abs=1e-3)
    assert take.present.mean() > 0.9

    # the strip moves, the keys follow, without another capture
    strip = bpy.context.scene.sequence_editor.strips[0]
    compat = addon.module("blender.compat")
    if compat._NEW_HANDLE_NAMES:
        strip.content_start += 100
    else:
        strip.frame_start += 100
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    assert tuple(ready.armature.animation_data.action.frame_range) == (FIRST + 100, LAST + 100)

    # a renamed strip is known by its footage; without any the scene's first frame is the start
    strip.name = "Renamed"
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    assert tuple(ready.armature.animation_data.action.frame_range) == (FIRST + 100, LAST + 100)
    bpy.context.scene.sequence_editor.strips.remove(strip)
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    assert tuple(ready.armature.animation_data.action.frame_range) == (1, LAST - FIRST + 1)


def test_undo_does_not_take_the_take_away(ready, addon):
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.capf.capture_pose()
    pump_to_the_end(addon)
    bpy.ops.capf.apply_take()
    bpy.ops.ed.undo_push(message="Apply")
    bpy.ops.ed.undo()
    settings = bpy.context.scene.capf
    assert settings.take_folder and settings.armature is None


def test_a_file_opened_meanwhile_does_not_get_the_take(ready, addon):
    bpy.ops.capf.capture_pose()
    pump_to_the_end(addon, until=lambda job: job.done > 0)
    bpy.ops.wm.read_homefile(use_empty=True)
    pump_to_the_end(addon)
    session = addon.module("blender.session")
    assert not session.current.failed, session.current.message
    assert "the take is in" in session.current.message
    assert bpy.context.scene.capf.take_folder == ""


def test_a_strip_within_a_meta_strip(ready, addon):
    editor = bpy.context.scene.sequence_editor
    strip = editor.strips[0]
    strip.move_to_meta(editor.strips.new_meta("Meta", 3, 1))
    for ready.strip in (strip.name, ""):
        assert addon.module("blender.footage").find_strip(bpy.context, ready.strip) == strip


def test_killed_worker_becomes_a_sentence_and_the_capture_goes_on(ready, addon):
    session = addon.module("blender.session")
    bpy.ops.capf.capture_pose()
    pump_to_the_end(addon, until=lambda job: job.done > 0)
    os.kill(session.current.job.pid, signal.SIGKILL)
    pump_to_the_end(addon)
    assert session.current.failed
    assert "ended early" in session.current.message
    assert "continues where it stopped" in session.current.message
    bpy.ops.capf.capture_pose()
    pump_to_the_end(addon)
    assert not session.current.failed, session.current.message


def test_cancel(ready, addon):
    session = addon.module("blender.session")
    bpy.ops.capf.capture_pose()
    pump_to_the_end(addon, until=lambda job: job.done > 0)
    bpy.ops.capf.cancel()
    pump_to_the_end(addon)
    assert session.current.message.startswith("Cancelled.")
    assert not session.is_running()


def test_no_strip(scene, addon):
    assert "No strip is chosen." in refused(bpy.ops.capf.capture_pose)


def test_worker_not_set_up(ready, addon, tmp_path):
    addon.module("preferences").preferences(bpy.context).home = str(tmp_path / "nothing here")
    sentence = refused(bpy.ops.capf.capture_pose)
    assert "no capture worker" in sentence and "Set Up" in sentence


def test_missing_file(ready, addon, tmp_path):
    bpy.context.scene.sequence_editor.strips[0].filepath = str(tmp_path / "gone.mp4")
    assert "gone.mp4" in refused(bpy.ops.capf.capture_pose)


def test_corrupt_file(ready, addon, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(np.random.default_rng(0).bytes(20_000))
    bpy.context.scene.sequence_editor.strips[0].filepath = str(broken)
    bpy.ops.capf.capture_pose()
    pump_to_the_end(addon)
    session = addon.module("blender.session")
    assert session.current.failed and "broken.mp4 is damaged" in session.current.message


def test_offline_set_up_is_refused_before_it_starts(scene, addon):
    bpy.context.preferences.system.use_online_access = False
    try:
        assert "Allow Online Access" in refused(bpy.ops.capf.set_up)
    finally:
        bpy.context.preferences.system.use_online_access = True


def test_no_take(ready, addon, tmp_path):
    ready.take_folder = str(tmp_path)
    assert "no finished take" in refused(bpy.ops.capf.apply_take)
