# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on an armature: in whose action, on which bones, how many, and how far from the pose."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from synthetic_motion import about, body, walk  # noqa: E402

from capf_blender.blender import armature as armatures  # noqa: E402
from capf_blender.blender import bake_record, channels  # noqa: E402
from capf_blender.blender.bake import Bake, BakeSettings, bake  # noqa: E402
from capf_blender.blender.rigs import read_rig  # noqa: E402
from capf_blender.core.armature import BONE_NAMES  # noqa: E402
from capf_blender.core.errors import CaptureError  # noqa: E402
from capf_blender.core.rig import BoneChannels, RigPose  # noqa: E402
from capf_blender.core.timing import TimeMap  # noqa: E402

pytestmark = pytest.mark.blender

FRAMES = np.arange(11.0, 101.0)
MODES = ("QUATERNION", "XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE")


@pytest.fixture
def person():
    bpy.ops.wm.read_homefile(use_empty=True)
    ob = armatures.create(bpy.context, body(), "Person")
    bpy.context.view_layer.update()
    return ob


def pose_of(bones=BONE_NAMES, frames=FRAMES, bent: float = 0.0) -> RigPose:
    """A walk, without the retargeting; the right upper arm turned by `bent` radians more."""
    rotations, pelvis = walk((frames - frames[0]) / 30, 0.4)
    moved = pelvis - body().heads[0]
    arm = BONE_NAMES.index("upper_arm.R")
    rotations[:, arm] = about("z", np.full(len(frames), bent - 0.3))
    return RigPose(
        {
            name: BoneChannels(
                rotations[:, index], moved @ body().matrices[0] if index == 0 else None
            )
            for index, name in enumerate(BONE_NAMES)
            if name in bones
        },
        roles={name: name for name in bones},
    )


def baked(ob, pose, settings=None, frames=FRAMES, take="walk", switches=None):
    settings = settings or BakeSettings()
    values = channels.bone_values(ob, pose)
    if settings.reduced:
        allowed = np.full((len(values), len(frames)), settings.tolerance_m)
        edges = np.zeros(allowed.shape, bool)
        keys = channels.reduced(values, frames, read_rig(ob), allowed, edges)
    else:
        keys = channels.straight(values, frames)
    what = Bake(take, TimeMap(frames[0], 0.0, 1 / 30), keys, switches or {})
    return bake(ob, what, settings)


def curves(ob, action):
    bag = bake_record.channelbag(action, bake_record.slot_of(action, ob))
    assert bag is not None
    return list(bag.fcurves)


def heads_and_tails(ob, frames) -> np.ndarray:
    """(N, B, 2, 3) as Blender evaluates them."""
    result = np.empty((len(frames), len(BONE_NAMES), 2, 3))
    for row, frame in enumerate(frames):
        bpy.context.scene.frame_set(int(frame), subframe=float(frame % 1))
        bones = ob.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
        result[row] = [(bones[name].head, bones[name].tail) for name in BONE_NAMES]
    return result


def user_action(ob, bone="thigh.L", value=0.25):
    """An action of the user's that holds one bone still."""
    action = bpy.data.actions.new("Mine")
    slot = action.slots.new(id_type="OBJECT", name=ob.name)
    bag = action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(slot, ensure=True)
    for index, component in enumerate((np.cos(value), np.sin(value), 0.0, 0.0)):
        curve = bag.fcurves.new(f'pose.bones["{bone}"].rotation_quaternion', index=index)
        for frame in (1, 60, 200):
            curve.keyframe_points.insert(frame, component)
    ob.animation_data_create().action = action
    ob.animation_data.action_slot = slot
    return action


def test_all_rotation_modes_say_the_same_and_are_kept(person):
    baked(person, pose_of())
    expected = heads_and_tails(person, FRAMES[::7])
    for index, bone in enumerate(person.pose.bones):
        bone.rotation_mode = MODES[index % len(MODES)]
    result = baked(person, pose_of())
    np.testing.assert_allclose(heads_and_tails(person, FRAMES[::7]), expected, atol=2e-5)
    for index, bone in enumerate(person.pose.bones):
        assert bone.rotation_mode == MODES[index % len(MODES)]
    for curve in curves(person, result.action):
        values = np.array([point.co.y for point in curve.keyframe_points])
        assert np.abs(np.diff(values)).max() < 1.0, curve.data_path  # no jump of half a turn


@pytest.mark.parametrize("tolerance_m", [0.002, 0.005, 0.02])
def test_fewer_keys_stay_within_the_tolerance(person, tolerance_m):
    for index, bone in enumerate(person.pose.bones):
        bone.rotation_mode = MODES[index % len(MODES)]
    every = baked(person, pose_of())
    exact = heads_and_tails(person, FRAMES)
    fewer = baked(person, pose_of(), BakeSettings(reduced=True, tolerance_m=tolerance_m))
    error = np.linalg.norm(heads_and_tails(person, FRAMES) - exact, axis=-1)
    assert error.max() < tolerance_m + 1e-5
    assert fewer.keys < every.keys / 2
    assert fewer.action == every.action


def test_our_own_bake_is_rewritten_in_place(person):
    first = baked(person, pose_of())
    before = heads_and_tails(person, [50])
    again = baked(person, pose_of(bent=0.5))
    assert again.action == first.action and len(bpy.data.actions) == 1
    assert not first.action.use_fake_user
    moved = np.linalg.norm(heads_and_tails(person, [50]) - before, axis=-1).max(axis=(0, 2))
    arm = {"upper_arm.R", "forearm.R", "hand.R"}
    assert {n for n, m in zip(BONE_NAMES, moved, strict=True) if m > 1e-4} == arm
    fewer = baked(person, pose_of(("head",)))  # bones that are no longer wanted lose their keys
    assert {curve.group.name for curve in curves(person, fewer.action)} == {"head"}
    other = baked(person, pose_of(), take="run")
    assert other.action != first.action and first.action.use_fake_user


def test_keys_edited_by_hand_are_left_alone(person):
    first = baked(person, pose_of())
    point = curves(person, first.action)[5].keyframe_points[20]
    point.co.y += 0.1
    mended = point.co.y
    second = baked(person, pose_of(bent=0.5))
    assert second.action != first.action
    assert second.kept == first.action.name
    assert curves(person, first.action)[5].keyframe_points[20].co.y == mended
    assert person.animation_data.action == second.action


def test_the_users_action_stays_in_the_file(person):
    mine = user_action(person)
    result = baked(person, pose_of(("head",)))
    assert person.animation_data.action == result.action != mine
    assert mine.use_fake_user and len(curves(person, mine)) == 4


def test_on_top_of_the_users_animation_with_a_fade(person):
    user_action(person, "forearm.R", 0.5)
    person.animation_data.action_extrapolation = "HOLD"
    frames = [1, 11, 16, 21, 50, 90, 100, 150]
    alone = heads_and_tails(person, frames)
    upper = ("upper_arm.R", "forearm.R", "hand.R")
    on_top = BakeSettings("NLA", blend_frames=10)
    result = baked(person, pose_of(upper), on_top)
    animation = person.animation_data
    assert animation.action is None
    assert [strip.action.name for track in animation.nla_tracks for strip in track.strips] == [
        "Mine", result.action.name,
    ]  # fmt: skip
    both = heads_and_tails(person, frames)
    hand = BONE_NAMES.index("hand.R")
    off = np.linalg.norm(both - alone, axis=-1)[:, hand].max(axis=1)
    assert off[[0, 1, -2, -1]].max() < 1e-4  # before and after, and where the fade begins
    assert off[2] > 1e-3 and off[4] > off[2]
    legs = [index for index, name in enumerate(BONE_NAMES) if name.startswith(("thigh", "head"))]
    np.testing.assert_allclose(both[:, legs], alone[:, legs], atol=1e-6)
    # inside, it is what the same keys make of the bones without the user's animation
    again = baked(person, pose_of(upper), on_top)  # no second strip
    assert again.action == result.action and len(animation.nla_tracks) == 2
    moved = baked(person, pose_of(upper), BakeSettings("ACTION"))
    assert animation.action == moved.action == result.action
    assert [track.name for track in animation.nla_tracks] == ["Mine"]
    np.testing.assert_allclose(heads_and_tails(person, [50])[0], both[4], atol=1e-5)


def test_into_the_users_action(person):
    mine = user_action(person)
    result = baked(person, pose_of(("thigh.L", "head")), BakeSettings("INTO"))
    assert result.action == mine and len(bpy.data.actions) == 1
    thigh = [curve for curve in curves(person, mine) if "thigh.L" in curve.data_path]
    for curve in thigh:
        frames = [point.co.x for point in curve.keyframe_points]
        assert frames == [1, *FRAMES, 200]  # the one at 60 was within
    # a bake of the same take as an action leaves the user's alone again
    assert baked(person, pose_of(("head",))).action != mine


def test_switches_are_keyed_or_set_and_keep_their_type(person):
    bone = person.pose.bones["hand.L"]
    bone["IK_FK"], bone["pole"] = 0.0, 1
    switches = {("hand.L", "IK_FK"): 1.0, ("hand.L", "pole"): 0.0}
    result = baked(person, pose_of(("head",)), switches=switches)
    assert bone["IK_FK"] == 1.0 and bone["pole"] == 0 and isinstance(bone["pole"], int)
    keyed = {c.data_path for c in curves(person, result.action) if c.group.name == "Switches"}
    assert keyed == {'pose.bones["hand.L"]["IK_FK"]', 'pose.bones["hand.L"]["pole"]'}
    result = baked(person, pose_of(("head",)), BakeSettings(key_switches=False), switches=switches)
    assert not [c for c in curves(person, result.action) if c.group.name == "Switches"]


def test_a_strip_in_tweak_mode_is_refused(person):
    baked(person, pose_of(), BakeSettings("NLA"))
    animation = person.animation_data
    animation.nla_tracks[0].strips[0].select = True
    animation.nla_tracks.active = animation.nla_tracks[0]
    animation.use_tweak_mode = True
    if not animation.use_tweak_mode:
        pytest.skip("this Blender cannot enter tweak mode from a script")
    with pytest.raises(CaptureError) as caught:
        baked(person, pose_of())
    assert caught.value.code == "nla_tweak"
