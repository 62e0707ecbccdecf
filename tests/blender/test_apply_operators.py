# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons and sliders from a take to keys, on armatures of ours and of others."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

import rig_zoo  # noqa: E402
from synthetic_motion import look_at, take_of, walking_joints  # noqa: E402

from capf_blender.core.take import save_take  # noqa: E402

pytestmark = pytest.mark.blender

VIEW = look_at((0.2, -4.5, 1.3), pitch=0.12)
FRAMES = 60


@pytest.fixture
def settings(scene, tmp_path):
    """A scene that has a take and no armature yet."""
    bpy.context.scene.render.fps = 30
    times = np.arange(FRAMES) / 30
    save_take(tmp_path, take_of(walking_joints(times, 0.3), times, VIEW))
    scene.capf.take_folder = str(tmp_path)
    return scene.capf


def refused(operator, **options) -> str:
    with pytest.raises(RuntimeError) as caught:
        operator(**options)
    return str(caught.value).removeprefix("Error: ").strip()


def bag_of(ob):
    animation = ob.animation_data
    return animation.action.layers[0].strips[0].channelbag(animation.action_slot)


def values(ob) -> dict[tuple[str, int], np.ndarray]:
    """(K, 2) keys of each curve."""
    found = {}
    for curve in bag_of(ob).fcurves:
        points = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", points)
        found[curve.data_path, curve.array_index] = points.reshape(-1, 2)
    return found


def planted(ob, foot: str) -> list[bool]:
    curve = bag_of(ob).fcurves.find(f'["{foot} Foot Planted"]')
    return [curve.evaluate(frame) > 0.5 for frame in range(1, FRAMES + 1)]


def way_of(ob, bone: str, frames) -> float:
    """Metres that the bone's head covers along the longest axis."""
    heads = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        heads.append(np.array(ob.pose.bones[bone].head))
    return np.ptp(heads, axis=0)[:2].max()


def moved(before, after) -> float:
    """The largest change of a bone's key."""
    bones = [key for key in before if key[0].startswith("pose.bones")]
    return max(np.abs(before[key] - after[key]).max() for key in bones)


def test_a_setting_takes_effect_at_once(settings):
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    ob, before = settings.armature, values(settings.armature)
    action = ob.animation_data.action
    settings.body_hz = 1.5
    assert settings.preset == "CUSTOM"
    smooth = values(ob)
    assert moved(before, smooth) > 1e-3
    settings.preset = "DEFAULT"
    assert settings.body_hz == 6.0
    assert moved(before, values(ob)) == 0.0
    settings.live = False
    settings.body_hz = 1.5
    assert moved(before, values(ob)) == 0.0
    assert list(bpy.data.actions) == [action]
    assert ob.animation_data.action == action


def test_a_new_armature_is_selected_and_an_old_one_is_not(settings):
    objects = bpy.context.view_layer.objects
    mine = bpy.data.objects.new("Mine", None)
    bpy.context.scene.collection.objects.link(mine)
    mine.select_set(True)
    bpy.ops.capf.apply_take()
    assert objects.active == settings.armature and objects.selected[:] == [settings.armature]
    settings.armature.select_set(False)
    mine.select_set(True)
    objects.active = mine
    bpy.ops.capf.apply_take()
    assert objects.active == mine and objects.selected[:] == [mine]


def test_a_good_capture_is_one_short_sentence(settings, capfd):
    bpy.ops.capf.apply_take()
    out, err = capfd.readouterr()
    told = [line for line in (out + err).splitlines() if "Keyed" in line]
    assert len(told) == 1
    assert told[0].startswith(f"Info: Keyed {FRAMES} frames of CAPF Person. No strip shows")


def test_a_slider_never_makes_keys_where_none_are(settings, addon):
    settings.body_hz = 3.0
    assert not bpy.data.actions and not settings.armature
    bpy.ops.capf.apply_take()
    mine = bpy.data.actions.new("Mine")
    settings.armature.animation_data.action = mine
    settings.body_hz = 4.0
    assert settings.armature.animation_data.action == mine and not mine.layers


def test_hand_edited_keys_are_not_lost_to_a_slider(settings, addon):
    bpy.ops.capf.apply_take()
    ob = settings.armature
    first = ob.animation_data.action
    bag_of(ob).fcurves[8].keyframe_points[10].co.y += 0.25
    edited = values(ob)
    settings.body_hz = 2.0
    assert all(np.array_equal(edited[key], now) for key, now in values(ob).items())
    assert "edited by hand" in addon.module("blender.live").status
    bpy.ops.capf.apply_take()
    assert ob.animation_data.action != first and first.use_fake_user
    settings.body_hz = 3.0
    assert addon.module("blender.live").status == ""


def test_a_setting_that_cannot_be_is_a_sentence(settings, addon):
    bpy.ops.capf.apply_take()
    settings.parts = set()
    assert "No part of the body" in addon.module("blender.live").status
    assert "No part of the body" in refused(bpy.ops.capf.apply_take)


def test_parts_range_and_step(settings):
    settings.parts = {"arm.L", "head"}
    settings.use_key_range, settings.key_start, settings.key_end = True, 11, 40
    settings.key_step = 3
    bpy.ops.capf.apply_take()
    bones = {path for path, _ in values(settings.armature) if path.startswith("pose.bones")}
    names = {path.split('"')[1] for path in bones}
    assert names == {"head", "neck", "clavicle.L", "upper_arm.L", "forearm.L", "hand.L"}
    keys = next(v for (path, _), v in values(settings.armature).items() if "head" in path)
    np.testing.assert_array_equal(keys[:, 0], np.arange(11, 41, 3))
    settings.key_start, settings.key_end = 200, 300
    assert "frames 200 to 300" in refused(bpy.ops.capf.apply_take)


def test_contacts_are_keys_that_the_next_solve_reads(settings):
    bpy.ops.capf.apply_take()
    ob = settings.armature
    curve = bag_of(ob).fcurves.find('["Left Foot Planted"]')
    assert {key.interpolation for key in curve.keyframe_points} == {"CONSTANT"}
    detected = planted(ob, "Left")
    before = values(ob)
    assert bpy.ops.capf.lift_foot(foot="l", frame_start=1, frame_end=60) == {"FINISHED"}
    assert not any(planted(ob, "Left"))
    free = way_of(ob, "foot.L", range(34, 44))
    bpy.ops.capf.detect_contacts()
    assert planted(ob, "Left") == detected
    bpy.ops.capf.lift_foot(foot="l", frame_start=1, frame_end=30)
    assert bpy.ops.capf.plant_foot(foot="l", frame_start=31, frame_end=45) == {"FINISHED"}
    wanted = [False] * 30 + [True] * 15 + detected[45:]
    assert planted(ob, "Left") == wanted
    assert moved(before, values(ob)) > 1e-3  # solved again with them, live
    bpy.context.scene.frame_set(40)
    assert ob["Left Foot Planted"] == 1
    assert way_of(ob, "foot.L", range(34, 44)) < 0.5 * free  # its ankle, as it rolls over the toe
    settings.head_hz = 2.0  # other settings keep them, as Apply does
    bpy.ops.capf.apply_take()
    assert planted(ob, "Left") == wanted
    # moved in the Dope Sheet
    settings.live = False
    curve = bag_of(ob).fcurves.find('["Left Foot Planted"]')
    next(key for key in curve.keyframe_points if key.co.x == 31).co.x = 35
    bpy.ops.capf.apply_take()
    assert planted(ob, "Left") == [False] * 34 + wanted[34:]
    settings.preset = "DEFAULT"
    assert bpy.ops.capf.detect_contacts() == {"FINISHED"}
    assert planted(ob, "Left") == detected
    assert moved(before, values(ob)) < 1e-6


def test_contacts_survive_a_moved_start(settings):
    bpy.ops.capf.apply_take()
    bpy.ops.capf.lift_foot(foot="BOTH", frame_start=20, frame_end=60)
    kept = planted(settings.armature, "Right")
    bpy.context.scene.frame_start = 101  # no strip: the take begins there now
    bpy.ops.capf.apply_take()
    curve = bag_of(settings.armature).fcurves.find('["Right Foot Planted"]')
    assert [curve.evaluate(frame) > 0.5 for frame in range(101, 101 + FRAMES)] == kept


def test_anothers_rig_is_checked_then_keyed(settings):
    ob = rig_zoo.build("mixamo")
    settings.armature = ob
    assert bpy.ops.capf.check_rig() == {"FINISHED"}
    assert "20 of 20 bones found" in settings.rig_report and not bpy.data.actions
    rows = {row.role: row for row in settings.roles}
    assert rows["shin.L"].bone == "mixamorig:LeftLeg" and rows["shin.L"].name == "Left Shin"
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    assert settings.armature == ob
    keyed = {path.split('"')[1] for path, _ in values(ob) if path.startswith("pose.bones")}
    assert "mixamorig:LeftLeg" in keyed


def test_corrections_stay_with_the_rig_and_can_be_saved(settings, tmp_path):
    ob = rig_zoo.build("mixamo")
    settings.armature = ob
    bpy.ops.capf.check_rig()
    row = next(row for row in settings.roles if row.role == "spine")
    row.bone = "nothing"
    assert row.state == "UNKNOWN"
    row.bone = "mixamorig:Spine, mixamorig:Spine2"
    assert row.state == "USER"
    bpy.ops.capf.apply_take()
    keyed = {path.split('"')[1] for path, _ in values(ob) if path.startswith("pose.bones")}
    assert "mixamorig:Spine1" not in keyed and "mixamorig:Spine2" in keyed
    bpy.ops.capf.check_rig()
    row = next(row for row in settings.roles if row.role == "spine")
    assert (row.bone, row.state) == ("mixamorig:Spine, mixamorig:Spine2", "USER")

    file = str(tmp_path / "map.json")
    bpy.ops.capf.save_role_map(filepath=file)
    bpy.ops.capf.reset_role_map()
    row = next(row for row in settings.roles if row.role == "spine")
    assert "Spine1" in row.bone and row.state == "SURE"
    bpy.ops.capf.load_role_map(filepath=file)
    row = next(row for row in settings.roles if row.role == "spine")
    assert row.bone == "mixamorig:Spine, mixamorig:Spine2"
    (tmp_path / "other.json").write_text("[1]")
    assert "no bone map" in refused(
        bpy.ops.capf.load_role_map, filepath=str(tmp_path / "other.json")
    )


def test_what_is_no_human_can_be_assigned_by_hand(settings):
    data = bpy.data.armatures.new("Crane")
    settings.armature = bpy.data.objects.new("Crane", data)
    bpy.context.scene.collection.objects.link(settings.armature)
    bpy.context.view_layer.objects.active = settings.armature
    bpy.ops.object.mode_set(mode="EDIT")
    data.edit_bones.new("base").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    assert "human" in refused(bpy.ops.capf.check_rig)
    assert "human" in settings.rig_report
    assert len(settings.roles) > 20 and {row.state for row in settings.roles} == {"MISSING"}


def test_a_metarig_leads_to_its_rig(settings):
    with rig_zoo.rigify.silenced():
        metarig = rig_zoo.rigify.metarig("basic_human")
    settings.armature = metarig
    sentence = refused(bpy.ops.capf.apply_take)
    assert "metarig" in sentence and "Generate the rig" in sentence
    assert not bpy.ops.capf.use_generated_rig.poll()
    other = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    bpy.context.scene.collection.objects.link(other)
    metarig.data.rigify_target_rig = other
    assert "Choose rig, which was generated" in refused(bpy.ops.capf.apply_take)
    assert bpy.ops.capf.use_generated_rig() == {"FINISHED"}
    assert settings.armature == other
    assert refused(bpy.ops.capf.apply_take).startswith("rig has no bones")


def test_a_linked_rig_is_named_and_an_override_of_it_is_keyed(settings, tmp_path):
    ob = rig_zoo.build("plain")
    name, file = ob.name, str(tmp_path / "library.blend")
    bpy.data.libraries.write(file, {ob})
    bpy.data.objects.remove(ob)
    with bpy.data.libraries.load(file, link=True) as (_found, wanted):
        wanted.objects = [name]
    linked = wanted.objects[0]
    bpy.context.scene.collection.objects.link(linked)
    settings.armature = linked
    assert "linked from another file" in refused(bpy.ops.capf.apply_take)
    override = linked.override_create(remap_local_usages=True)
    override.override_library.is_system_override = False
    settings.armature = override
    assert bpy.ops.capf.apply_take() == {"FINISHED"}
    assert len(values(override)) > 50
    row_of = {row.role: row for row in settings.roles}
    bpy.ops.capf.check_rig()
    row_of = {row.role: row for row in settings.roles}
    row_of["neck"].bone = ""
    assert row_of["neck"].state == "USER"
    bpy.ops.capf.check_rig()
    assert next(row for row in settings.roles if row.role == "neck").state == "USER"
