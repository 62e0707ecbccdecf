# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confidence as curves, the way to doubtful frames, and frames that are put right by hand."""

from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
Vector = pytest.importorskip("mathutils").Vector
world_to_camera_view = pytest.importorskip("bpy_extras.object_utils").world_to_camera_view

from synthetic_motion import look_at, take_of, walking_joints  # noqa: E402

from capf_blender.core.camera import inverse, project, transformed  # noqa: E402
from capf_blender.core.skeleton import JOINT  # noqa: E402
from capf_blender.core.take import save_take  # noqa: E402

pytestmark = pytest.mark.blender

TIMES = np.arange(90) / 30
ARM = [JOINT[name] for name in ("l_shoulder", "l_elbow", "l_wrist")]
BADLY_SEEN = range(30, 40)  # of the take; on scene frames 31 to 40
LOST = range(60, 85)


@pytest.fixture
def settings(scene, tmp_path):
    """A take with a badly seen arm and a gap, keyed on an armature of ours from frame 1."""
    scene.render.fps = 30
    take = take_of(walking_joints(TIMES, 0.3), TIMES, look_at((0.2, -4.5, 1.3), pitch=0.12))
    confidence, joints = take.joints_confidence.copy(), take.joints.copy()
    confidence[np.ix_(BADLY_SEEN, ARM)] = 0.2
    joints[LOST] = np.nan
    save_take(tmp_path, replace(take, joints_confidence=confidence, joints=joints))
    scene.capf.take_folder = str(tmp_path)
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    return scene.capf


def curve(ob, name: str):
    animation = ob.animation_data
    bag = animation.action.layers[0].strips[0].channelbag(animation.action_slot)
    return bag.fcurves.find(f'["{name}"]')


def hand_at(ob, frame: int, bone: str = "hand.L") -> np.ndarray:
    bpy.context.scene.frame_set(frame)
    return np.array(ob.matrix_world @ ob.pose.bones[bone].head)


def test_confidence_is_a_curve_of_the_armature(settings):
    ob = settings.armature
    arm, leg = curve(ob, "Left Arm Confidence"), curve(ob, "Left Leg Confidence")
    assert arm.group.name == leg.group.name == "Confidence"
    assert {key.interpolation for key in arm.keyframe_points} == {"LINEAR"}
    assert [round(arm.evaluate(frame), 2) for frame in (5, 31, 35, 40, 50)] == [
        1.0, 0.2, 0.2, 0.2, 1.0,
    ]  # fmt: skip
    assert leg.evaluate(35) == 1.0
    assert arm.evaluate(70) == leg.evaluate(70) == 0.0  # nobody is there
    assert len(arm.keyframe_points) < 12
    ui = ob.id_properties_ui("Left Arm Confidence").as_dict()
    assert (ui["min"], ui["max"]) == (0.0, 1.0)
    bpy.context.scene.frame_set(35)
    assert ob["Left Arm Confidence"] == pytest.approx(0.2, abs=0.01)
    assert isinstance(ob["Left Foot Planted"], int)


def test_doubtful_frames_are_gone_to_in_turn(settings, addon):
    scene = bpy.context.scene
    scene.frame_current = 1
    frames = []
    for _ in range(3):
        assert bpy.ops.capf.next_doubtful() == {"FINISHED"}
        frames.append(scene.frame_current)
    assert frames == [31, 61, 31]
    scene.frame_current = 90
    assert bpy.ops.capf.previous_doubtful() == {"FINISHED"}
    assert scene.frame_current == 61
    settings.confidence_threshold = 0.1
    scene.frame_current = 1
    assert bpy.ops.capf.next_doubtful() == {"FINISHED"}
    assert scene.frame_current == 61
    shown = addon.module("blender.shown").of(bpy.context)
    assert shown.summary(0.4) == ("Left arm below 40 % in 10 frames",)


def test_without_keys_there_is_nothing_to_doubt(settings):
    settings.armature = None
    for name in ("next_doubtful", "previous_doubtful", "correct_joint", "apply_corrections"):
        assert not getattr(bpy.ops.capf, name).poll()


def test_a_joint_is_corrected_and_restored(settings):
    scene, ob = bpy.context.scene, settings.armature
    before = {frame: hand_at(ob, frame) for frame in (5, 18, 20, 22, 35)}
    scene.frame_set(20)
    settings.correction_joint = "l_wrist"
    assert not bpy.ops.capf.apply_corrections.poll()
    assert bpy.ops.capf.correct_joint() == {"FINISHED"}
    handle = bpy.context.view_layer.objects.active
    assert handle.select_get() and handle.name == "Correct Left Wrist"
    np.testing.assert_allclose(handle.location, before[20], atol=2e-3)
    handle.location += Vector((0.05, 0.03, 0.08))
    bpy.context.view_layer.update()
    wanted = np.array(handle.matrix_world.translation)
    actions = set(bpy.data.actions)
    assert bpy.ops.capf.apply_corrections() == {"FINISHED"}
    assert set(bpy.data.actions) == actions and ob.animation_data.action in actions
    assert "Correct Left Wrist" not in bpy.data.objects
    np.testing.assert_allclose(hand_at(ob, 20), wanted, atol=2e-3)
    for frame, least in ((18, 0.01), (22, 0.01)):
        assert np.linalg.norm(hand_at(ob, frame) - before[frame]) > least
    for frame in (5, 35):
        np.testing.assert_allclose(hand_at(ob, frame), before[frame], atol=1e-5)
    (correction,) = settings.corrections
    assert (correction.joint, correction.name) == ("l_wrist", "Left Wrist")

    settings.body_hz = 5.0  # solved again: it stays
    assert np.linalg.norm(hand_at(ob, 20) - wanted) < 0.03
    settings.preset = "DEFAULT"
    assert bpy.ops.capf.remove_correction() == {"FINISHED"}
    assert not settings.corrections and not bpy.ops.capf.remove_correction.poll()
    np.testing.assert_allclose(hand_at(ob, 20), before[20], atol=1e-5)


def test_a_frame_that_is_corrected_again_has_one_correction(settings):
    scene = bpy.context.scene
    scene.frame_set(20)
    for _ in range(2):
        bpy.ops.capf.correct_joint()
        bpy.context.view_layer.objects.active.location.z += 0.02
        bpy.ops.capf.apply_corrections()
    assert len(settings.corrections) == 1
    settings.correction_joint = "r_wrist"
    bpy.ops.capf.correct_joint()
    bpy.ops.capf.apply_corrections()
    assert [one.joint for one in settings.corrections] == ["l_wrist", "r_wrist"]


def test_frames_without_the_person_cannot_be_corrected(settings):
    bpy.context.scene.frame_set(72)
    with pytest.raises(RuntimeError, match="not known on this frame"):
        bpy.ops.capf.correct_joint()


def test_corrections_of_another_take_do_nothing(settings, tmp_path):
    bpy.context.scene.frame_set(20)
    bpy.ops.capf.correct_joint()
    bpy.context.view_layer.objects.active.location.z += 0.1
    bpy.ops.capf.apply_corrections()
    other = tmp_path / "other"
    other.mkdir()
    save_take(other, take_of(walking_joints(TIMES, 0.1), TIMES, look_at((0.2, -4.5, 1.3))))
    settings.take_folder = str(other)
    settings.armature = None
    bpy.ops.capf.apply_take()
    after = hand_at(settings.armature, 20)
    settings.corrections.clear()
    bpy.ops.capf.apply_take()
    np.testing.assert_allclose(hand_at(settings.armature, 20), after, atol=1e-6)


def test_what_looks_wrong_is_said_and_forgotten_when_it_is_right(settings):
    assert settings.advice == ""
    settings.use_field_of_view = True
    settings.field_of_view = np.radians(95.0)  # 56 degrees is right
    (line,) = settings.advice.splitlines()
    assert "field of view of about 5" in line and "Known Field of View" in line
    settings.use_field_of_view = False
    assert settings.advice == ""


def test_the_overlay_places_joints_where_the_camera_sees_them(settings, addon):
    overlay, shown = addon.module("blender.overlay"), addon.module("blender.shown")
    cameras = addon.module("blender.camera")
    scene = bpy.context.scene
    bpy.ops.capf.match_camera(show_footage=False)
    # a frame of another shape than the footage, and a lens that is shifted
    scene.render.resolution_x, scene.render.resolution_y = 1000, 1000
    camera = settings.capture_camera
    camera.data.shift_x, camera.data.shift_y = 0.05, -0.03
    now = shown.of(bpy.context)
    size = now.take.image_size
    how = cameras.intrinsics_of(scene, camera.data, size)
    seen = transformed(now.motion.joints[20], inverse(now.motion.world_from_camera))
    shares = cameras.in_frame(scene, project(seen, how), size)
    for name in ("pelvis", "l_wrist", "r_ankle", "nose"):
        place = Vector(now.motion.joints[20, JOINT[name]])
        view = world_to_camera_view(scene, camera, place)
        np.testing.assert_allclose(shares[JOINT[name]], (view.x, 1 - view.y), atol=1e-5)
    corners = np.array([(100.0, 500.0), (900.0, 520.0), (90.0, 50.0)])
    np.testing.assert_allclose(overlay.onto_region(np.eye(2), corners), corners[1:])


def test_lines_of_the_overlay(addon):
    overlay = addon.module("blender.overlay")
    solved = np.random.default_rng(0).uniform(0, 500, (len(JOINT), 2))
    seen = solved + (3.0, 4.0)
    colour = overlay.colours(np.linalg.norm(solved - seen, axis=-1), 10.0)
    np.testing.assert_allclose(colour[0], overlay.MIDDLE_COLOUR)
    ends, shades = overlay.lines(solved, seen, colour, 2.0)
    assert len(ends) == len(shades) == 2 * (len(JOINT) - 1 + 3 * len(JOINT))
    hidden = seen.copy()
    hidden[JOINT["l_wrist"]] = np.nan
    fewer, _ = overlay.lines(solved, hidden, colour, 2.0)
    assert len(fewer) == len(ends) - 2 * 3 and np.isfinite(fewer).all()
    distance = np.full(len(JOINT), 2.0)
    distance[JOINT["l_wrist"]] = 30.0
    assert overlay.distance_text(distance) == (
        "3.0 px from the footage on average, left wrist 30.0 px"
    )


def test_the_overlay_is_off_and_goes_with_the_addon(settings, addon):
    overlay = addon.module("blender.overlay")
    assert not settings.show_joints and overlay._handler is not None
    overlay.stop()
    assert overlay._handler is None
    overlay.start()


def test_another_take_than_the_one_that_is_shown_is_told_apart(settings, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    save_take(other, take_of(walking_joints(TIMES, 0.1), TIMES, look_at((0.2, -4.5, 1.3))))
    settings.take_folder = str(other)
    with pytest.raises(RuntimeError, match="shows another take than the chosen one"):
        bpy.ops.capf.next_doubtful()
