# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several captures after each other, what is seen meanwhile, and what is left when Blender ends;
with the real worker on real footage."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender

FIRST, LAST = 31, 44  # scene frames of the demo clip that show the walking woman
BOTH = (90, 97)  # and those that show the other person too
LIMIT_S = 120


@pytest.fixture
def ready(scene, addon, demo_video, worker_home, tmp_path):
    """A saved scene with the demo clip on a strip, and the worker's home in the preferences."""
    addon.module("preferences").preferences(bpy.context).home = str(worker_home)
    addon.add_movie_strip(demo_video)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    settings = scene.capf
    settings.use_range, settings.frame_start, settings.frame_end = True, FIRST, LAST
    settings.device = "cpu"
    yield settings
    addon.module("blender.session").close()
    addon.module("blender.queue").close()


def pump(addon, until=lambda job: False) -> None:
    session = addon.module("blender.session")
    deadline = time.monotonic() + LIMIT_S
    while session.is_running() and not until(session.current.job):
        assert time.monotonic() < deadline, "the capture does not end"
        session.pump()
        time.sleep(0.02)


def test_two_in_a_row_and_one_removed(ready, addon, demo_video, tmp_path):
    queue, session = addon.module("blender.queue"), addon.module("blender.session")
    again = tmp_path / "again.mp4"
    shutil.copyfile(demo_video, again)
    bpy.ops.ed.undo_push(message="Before")
    editor = bpy.context.scene.sequence_editor
    second = editor.strips.new_movie("Again", str(again), channel=2, frame_start=1)

    ready.strip = editor.strips[0].name
    assert bpy.ops.capf.capture_pose() == {"FINISHED"}
    assert bpy.ops.capf.capture_pose() == {"CANCELLED"}  # the same once more
    ready.strip = second.name
    assert bpy.ops.capf.capture_pose() == {"FINISHED"}
    ready.frame_end -= 1
    assert bpy.ops.capf.capture_pose() == {"FINISHED"}
    assert [order.title for order in queue.waiting] == ["again.mp4", "again.mp4"]
    assert bpy.ops.capf.unqueue(index=1) == {"FINISHED"}
    bpy.ops.ed.undo_push(message="Something")
    bpy.ops.ed.undo()

    pump(addon)
    assert not queue.waiting and not session.current.failed, session.current.message
    assert [words.split(":")[0] for _outcome, words in queue.ended] == [demo_video.name]
    settings = bpy.context.scene.capf
    assert settings.take_strip == "Again"
    takes = Path(bpy.data.filepath).parent / "capf_takes"
    assert len(list(takes.glob("*/take.npz"))) == 2


def test_a_failure_does_not_stop_the_queue_and_is_told(ready, addon, tmp_path):
    queue, session = addon.module("blender.queue"), addon.module("blender.session")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(np.random.default_rng(0).bytes(20_000))
    editor = bpy.context.scene.sequence_editor
    good = editor.strips[0].name
    bad = editor.strips.new_movie("Broken", editor.strips[0].filepath, channel=2, frame_start=1)
    bad.filepath = str(broken)
    ready.strip = bad.name
    bpy.ops.capf.capture_pose()
    ready.strip = good
    bpy.ops.capf.capture_pose()
    pump(addon)
    assert "broken.mp4 is damaged" in queue.ended[0][1]
    assert not session.current.failed and "captured in" in session.current.message


def test_the_newest_frame_is_shown_meanwhile(ready, addon):
    queue, preview = addon.module("blender.queue"), addon.module("blender.preview")
    bpy.ops.capf.capture_pose()
    pump(addon, until=lambda job: preview.IMAGE in bpy.data.images)
    image = bpy.data.images[preview.IMAGE]
    assert max(image.size) == 512
    width, height = image.size
    pixels = np.array(image.pixels).reshape(height, width, 4)[..., :3]
    box = np.abs(pixels - np.array([64, 200, 255]) / 255).max(axis=2) < 0.25
    assert box.sum() > 100  # somebody is drawn in the first person's colour
    bpy.ops.wm.read_homefile(use_empty=True)  # the image goes with the file, the capture does not
    pump(addon)
    assert queue.running is None and preview.icon() == 0
    assert preview.IMAGE not in bpy.data.images


def test_another_person_of_a_capture_takes_no_inference(ready, addon):
    session = addon.module("blender.session")
    ready.frame_start, ready.frame_end = BOTH
    bpy.ops.capf.capture_pose()
    pump(addon)
    others = [row.person for row in ready.people][1:]
    assert others
    ready.active_person = 1
    stages = set()
    bpy.ops.capf.capture_pose()
    pump(addon, until=lambda job: stages.add(job.stage))
    assert session.current.message.startswith(f"Person {others[0] + 1} captured")
    assert "Capturing" not in stages


KILLED = """
import os, sys, time
sys.path[:0] = {paths!r}
import bpy, addon
from pathlib import Path
addon.install(Path({archive!r}))
bpy.ops.wm.open_mainfile(filepath={blend!r})
addon.module("preferences").preferences(bpy.context).home = {home!r}
settings = bpy.context.scene.capf
settings.device = "cpu"
bpy.ops.capf.capture_pose()
session = addon.module("blender.session")
while session.current.job.frames_kept < 24:
    session.pump()
    time.sleep(0.02)
    assert session.is_running(), session.current.message
os.kill(os.getpid(), 9)
"""


def test_blender_killed_in_the_middle_offers_the_capture_again(
    ready, addon, repo, worker_home, tmp_path
):
    import build_addon

    ready.use_range = False
    bpy.ops.wm.save_mainfile()
    archive = build_addon.build(tmp_path)
    script = KILLED.format(
        paths=[str(repo), str(repo / "capf_blender" / "headless")],
        archive=str(archive),
        blend=bpy.data.filepath,
        home=str(worker_home),
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=LIMIT_S, check=False)
    assert ended.returncode == -9

    takes, session = addon.module("blender.takes"), addon.module("blender.session")
    scene = bpy.context.scene

    def left():
        takes.look_again()
        captures = takes.interrupted(scene, worker_home)
        return [each for each in captures if tmp_path in each.folder.parents]

    deadline = time.monotonic() + 20
    while not left():  # the orphaned worker ends first
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (capture,) = left()
    assert 24 <= capture.done < capture.expected

    ready.device = "cpu"
    assert bpy.ops.capf.continue_capture(folder=str(capture.folder)) == {"FINISHED"}
    assert not takes.interrupted(scene, worker_home, addon.module("blender.queue").ordered())
    pump(addon, until=lambda job: job.stage == "Capturing" and job.done > capture.done)
    assert session.current.job.done > capture.done  # not from the start
    bpy.ops.capf.cancel()
    pump(addon)
    (capture,) = left()
    (capture.folder / "mine.txt").write_text("not the add-on's")
    assert bpy.ops.capf.discard_capture(folder=str(capture.folder)) == {"FINISHED"}
    assert [file.name for file in capture.folder.iterdir()] == ["mine.txt"]
    assert not left()


def test_load_take(ready, addon, worker_home):
    takes = addon.module("blender.takes")
    bpy.ops.capf.capture_pose()
    pump(addon)
    folder, scene = ready.take_folder, bpy.context.scene
    strip = scene.sequence_editor.strips[0]
    assert takes.finished(scene, strip, worker_home) is None  # it is the chosen one
    bpy.ops.wm.revert_mainfile()  # as after a crash: the file knows nothing of it
    scene = bpy.context.scene
    strip = scene.sequence_editor.strips[0]
    assert not scene.capf.take_folder and not scene.capf.people
    assert str(takes.finished(scene, strip, worker_home).folder) == folder
    assert bpy.ops.capf.load_take(directory=folder) == {"FINISHED"}
    assert scene.capf.take_folder == folder and scene.capf.take_strip == strip.name
    assert len(scene.capf.people) >= 1
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    with pytest.raises(RuntimeError, match="no finished take"):
        bpy.ops.capf.load_take(directory=str(Path(folder) / "frames"))
