# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several people of one capture: listed, switched between, applied in one world."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from synthetic_motion import body, look_at, standing, take_of, walking_joints  # noqa: E402

from capf_blender.core.chunks import PERSON_ARRAYS, load_person  # noqa: E402
from capf_blender.core.skeleton import JOINT  # noqa: E402
from capf_blender.core.take import save_take  # noqa: E402

pytestmark = pytest.mark.blender

PITCH = 0.15
VIEW = look_at((0.2, -4.5, 1.4), pitch=PITCH)
FRAMES = 45
TIMES = np.arange(FRAMES) / 30
CHILD = 0.7  # as tall as the other person
BESIDE = np.array([1.1, 0.6, 0.0])  # metres from the walker's start to the child
BATCH = 20


def child_joints() -> np.ndarray:
    on_the_floor = [0.0, 0.0, body().joints[JOINT["pelvis"], 2]]
    return CHILD * (standing(TIMES, spine=0.2 * np.sin(4 * TIMES)) + on_the_floor) + BESIDE


@pytest.fixture
def folder(tmp_path):
    """A capture of a walker, number 3, and of a child, number 5, who is seen in the last third."""
    walker = take_of(walking_joints(TIMES, 0.3), TIMES, VIEW)
    child = take_of(child_joints(), TIMES, VIEW)
    seen = np.arange(FRAMES) >= 2 * FRAMES // 3
    child_bbox = np.where(seen[:, None], child.bbox, np.nan)
    (tmp_path / "frames").mkdir()
    for start in range(0, FRAMES, BATCH):
        frames = np.arange(start, min(FRAMES, start + BATCH))
        rows = [(take, number, f) for f in frames for take, number in ((walker, 3), (child, 5))
                if number == 3 or seen[f]]  # fmt: skip
        arrays: dict[str, Any] = {
            f"people.{name}": np.array([getattr(take, name)[f] for take, _number, f in rows])
            for name in PERSON_ARRAYS
        }
        np.savez(
            tmp_path / "frames" / f"{start:06d}.npz",
            time_s=TIMES[frames],
            last_image=0,
            keypoint_names=walker.keypoint_names,
            frame=np.array([f - start for _take, _number, f in rows]),
            person=np.array([number for _take, number, _f in rows]),
            **arrays,
        )
    both = np.stack([walker.bbox, child_bbox])
    save_take(tmp_path, replace(walker, person=3, people_ids=np.array([3, 5]), people_bbox=both))
    return tmp_path


@pytest.fixture
def settings(scene, folder):
    scene.render.fps = 30
    scene.capf.use_field_of_view = False
    scene.capf.take_folder = str(folder)
    return scene.capf


def pelvis(ob, frame: int) -> np.ndarray:
    bpy.context.scene.frame_set(frame)
    evaluated = ob.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array(evaluated.matrix_world @ evaluated.pose.bones["hips"].head)


def test_listed_with_their_share_of_the_frames(settings):
    assert [(row.person, row.use) for row in settings.people] == [(3, True), (5, True)]
    assert [row.coverage for row in settings.people] == pytest.approx([1.0, 1 / 3])
    assert settings.active_person == 0 and not settings.choose_person
    assert [row.name for row in settings.people] == ["Person 4", "Person 6"]


def test_people_are_counted_from_one_in_the_panel(scene):
    assert scene.capf.person_number == scene.capf.person + 1 == 1
    scene.capf.person_number = 4
    assert scene.capf.person == 3


def test_the_list_is_saved_with_the_file(settings, tmp_path):
    settings.active_person = 1
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "people.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "people.blend"))
    settings = bpy.context.scene.capf
    assert [row.person for row in settings.people] == [3, 5]
    assert settings.choose_person and settings.person == 5


def test_another_person_needs_no_capture(settings, folder):
    take = load_person(folder, 5)
    assert take.person == 5
    assert np.flatnonzero(take.present).tolist() == list(range(2 * FRAMES // 3, FRAMES))
    settings.active_person = 1
    bpy.ops.capf.apply_take()
    frames = settings.armature.animation_data.action.frame_range
    assert tuple(frames) == (2 * FRAMES // 3 + 1, FRAMES)


def test_without_the_frames_only_the_captured_person_is_there(settings, folder):
    for file in (folder / "frames").iterdir():
        file.unlink()
    settings.active_person = 1
    with pytest.raises(RuntimeError, match="holds only the person it was made of"):
        bpy.ops.capf.apply_take()
    settings.active_person = 0
    assert bpy.ops.capf.apply_take() == {"FINISHED"}


def test_everyone_in_one_world(settings):
    settings.use_tilt, settings.pitch, settings.roll = True, PITCH, 0.0
    assert bpy.ops.capf.apply_everyone() == {"FINISHED"}
    walker, child = (row.armature for row in settings.people)
    assert walker and child and walker != child
    assert settings.active_person == 0 and settings.armature == walker
    assert settings.people[1].height / settings.people[0].height == pytest.approx(CHILD, abs=0.03)

    frame = FRAMES - 5
    true = child_joints()[frame - 1, 0] - walking_joints(TIMES, 0.3)[frame - 1, 0]
    found = pelvis(child, frame) - pelvis(walker, frame)
    assert found[2] == pytest.approx(true[2], abs=0.04)
    size = settings.height / body().height
    assert np.linalg.norm(found[:2]) == pytest.approx(np.linalg.norm(true[:2]) * size, rel=0.1)

    # each alone again: nobody moves
    before = pelvis(child, frame)
    settings.active_person = 1
    assert settings.armature == child
    bpy.ops.capf.apply_take()
    assert pelvis(child, frame) == pytest.approx(before, abs=1e-4)


def test_a_chosen_rig_stays_with_the_person_it_was_chosen_for(settings):
    bpy.ops.capf.apply_take()
    rig = settings.armature
    settings.active_person = 1
    assert settings.armature is None
    bpy.ops.capf.apply_take()
    assert settings.armature not in (None, rig)
    settings.active_person = 0
    assert settings.armature == rig


def test_a_deleted_armature_is_replaced(settings):
    bpy.ops.capf.apply_everyone()
    bpy.data.objects.remove(settings.people[1].armature)
    assert bpy.ops.capf.apply_everyone() == {"FINISHED"}
    assert settings.people[1].armature.users_scene


def test_undo_takes_everyone_back(settings):
    bpy.ops.ed.undo_push(message="Before")
    bpy.ops.capf.apply_everyone()
    bpy.ops.ed.undo_push(message="Apply Everyone")
    bpy.ops.ed.undo()
    rows = bpy.context.scene.capf.people
    assert [(row.person, row.armature) for row in rows] == [(3, None), (5, None)]
