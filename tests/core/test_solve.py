# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import fields, replace

import numpy as np
import pytest
from synthetic_motion import (
    CAMERA,
    LENGTHS,
    body,
    look_at,
    mediapipe_take,
    take_of,
    walking_joints,
)

from capf_blender.core.anatomy import SEGMENTS, anatomical_frames
from capf_blender.core.camera import project
from capf_blender.core.cleaning import with_lengths
from capf_blender.core.errors import CaptureError
from capf_blender.core.motion import sample
from capf_blender.core.rotations import angle_between
from capf_blender.core.settings import SolveSettings
from capf_blender.core.skeleton import JOINT, JOINT_PARENTS
from capf_blender.core.solve import solve
from capf_blender.core.take import Take

TIMES = np.arange(180) / 30
VIEW = look_at((0.2, -4.5, 1.3), pitch=0.12, roll=0.05)
BONES = [(joint, parent) for joint, parent in enumerate(JOINT_PARENTS) if parent >= 0]
# the feet of these walks slide
OWN_HEIGHT = SolveSettings(height_m=None, contact_mode="NEVER")


def walker(noise_m: float = 0.0, noise_px: float = 0.0, times: np.ndarray = TIMES) -> Take:
    return take_of(walking_joints(times, 0.3), times, VIEW, noise_m=noise_m, noise_px=noise_px)


def without(take: Take, frames) -> Take:
    """`take` with the person not found in `frames`."""
    arrays = {}
    for name in ("bbox", "keypoints_2d", "confidence", "joints", "joints_2d", "joints_confidence"):
        arrays[name] = getattr(take, name).copy()
        arrays[name][frames] = np.nan
    return replace(take, **arrays)


def bone_lengths(joints: np.ndarray) -> np.ndarray:
    """(F, B)"""
    return np.stack([np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in BONES], 1)


def test_a_clean_take_comes_back_in_place_and_size():
    joints = walking_joints(TIMES)  # on the spot: a walk's direction hangs on the first pelvis
    motion = solve(take_of(joints, TIMES, VIEW), OWN_HEIGHT)
    np.testing.assert_allclose(motion.bone_lengths, LENGTHS, atol=2e-3)
    foot = body().joints[JOINT["l_toe"]] - body().joints[JOINT["l_heel"]]
    assert abs(motion.foot_length - np.linalg.norm(foot)) < 1e-3
    # the same world but for a small turn of the whole, as the true one is not known
    expected = joints - [*joints[0, 0, :2], 0.0]
    away = np.linalg.norm(motion.joints - expected, axis=-1)
    assert away.mean() < 0.05
    assert motion.reprojection_px.mean() < 2.0
    assert motion.present.all()


def test_noise_is_smoothed_and_bones_are_constant():
    motion = solve(walker(0.03, 3.0), OWN_HEIGHT)
    lengths = bone_lengths(motion.joints)
    assert np.ptp(lengths, axis=0).max() < 1e-9
    np.testing.assert_allclose(lengths[0], motion.bone_lengths[1:], atol=1e-12)
    truth, noise = walking_joints(TIMES, 0.3), walker(0.03, 3.0).joints @ VIEW[:3, :3].T
    limbs = [b for b in BONES if np.linalg.norm(LENGTHS[b[0]]) > 0.2]

    def direction_error(joints):
        return np.mean([
            angle_between(joints[:, a] - joints[:, b], truth[:, a] - truth[:, b])
            for a, b in limbs
        ])  # fmt: skip

    assert direction_error(motion.joints) < 0.75 * direction_error(noise)


def test_the_pelvis_is_the_middle_of_the_hips():
    joints = solve(walker(0.03, 3.0)).joints
    middle = 0.5 * (joints[:, JOINT["l_hip"]] + joints[:, JOINT["r_hip"]])
    np.testing.assert_allclose(middle, joints[:, JOINT["pelvis"]], atol=1e-9)


def test_left_and_right_bones_are_equal():
    lengths = solve(walker(0.03)).bone_lengths
    for name, joint in JOINT.items():
        if name.startswith("l_"):
            assert lengths[joint] == lengths[JOINT["r" + name[1:]]]


def test_height_scales_body_and_motion_alike():
    tall, small = (solve(walker(), replace(OWN_HEIGHT, height_m=h)) for h in (1.9, 1.3))
    assert abs(tall.rest.height - 1.9) < 1e-6
    assert abs(small.rest.height - 1.3) < 1e-6
    # not the same: what counts as a step or as balance is so many metres
    np.testing.assert_allclose(tall.joints / 1.9, small.joints / 1.3, atol=8e-3)
    np.testing.assert_allclose(tall.reprojection_px, small.reprojection_px, atol=0.1)


def test_projecting_the_motion_through_its_camera_gives_the_reprojection_error():
    take = walker(0.02, 2.0)
    motion = solve(take)
    world = motion.world_from_camera
    pixels = project((motion.joints - world[:3, 3]) @ world[:3, :3], motion.camera)
    expected = np.linalg.norm(pixels - take.joints_2d, axis=-1).mean(axis=1)
    np.testing.assert_allclose(motion.reprojection_px, expected, atol=1e-6)
    assert motion.camera == CAMERA


def test_the_person_leaves_and_comes_back():
    motion = solve(without(walker(), np.r_[50:58, 90:130, 170:180]))
    expected = np.ones(len(TIMES), bool)
    expected[np.r_[90:130, 170:180]] = False  # the 0.3 s gap is filled
    np.testing.assert_array_equal(motion.present, expected)
    assert np.isnan(motion.joints[~expected]).all()
    assert np.isfinite(motion.joints[expected]).all()
    whole = solve(walker())
    assert np.linalg.norm(motion.joints[50:58] - whole.joints[50:58], axis=-1).mean() < 0.08
    assert np.isnan(motion.reprojection_px[50:58]).all()


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_short_takes(frames):
    motion = solve(walker(times=TIMES[:frames]))
    assert motion.present.all()
    assert motion.joints[:, JOINT["thorax"], 2].min() > 1.0


def test_uneven_times():
    rng = np.random.default_rng(0)
    times = TIMES + rng.uniform(-0.01, 0.01, len(TIMES))
    motion = solve(walker(times=times), OWN_HEIGHT)
    expected = walking_joints(times, 0.3)
    relative = motion.joints - motion.joints[:, :1] - (expected - expected[:, :1])
    assert np.linalg.norm(relative, axis=-1).mean() < 0.04


def test_nothing_to_solve_is_one_sentence():
    with pytest.raises(CaptureError) as caught:
        solve(without(walker(), slice(None)))
    assert caught.value.code == "no_pose"
    assert caught.value.message.endswith(".")
    empty = {
        field.name: getattr(walker(), field.name)[:0]
        for field in fields(Take)
        if np.shape(getattr(walker(), field.name))[:1] == TIMES.shape
    }
    with pytest.raises(CaptureError, match="no frame"):
        solve(replace(walker(), people_bbox=np.zeros((1, 0, 4)), **empty))


def test_impossible_settings_are_named():
    with pytest.raises(CaptureError, match="height_m is -1"):
        SolveSettings(height_m=-1)


def test_sampling_at_the_same_times_changes_nothing():
    motion = solve(walker(0.02, 2.0))
    again = sample(motion, motion.time_s)
    np.testing.assert_allclose(again.joints, motion.joints, atol=1e-9)


def test_sampling_between_frames_follows_the_motion():
    motion = solve(walker(), OWN_HEIGHT)
    between = sample(motion, TIMES[:-1] + 0.5 / 30)
    np.testing.assert_allclose(bone_lengths(between.joints)[0], motion.bone_lengths[1:], atol=1e-9)
    assert np.ptp(bone_lengths(between.joints), axis=0).max() < 1e-9
    middle = 0.5 * (motion.joints[1:] + motion.joints[:-1])
    assert np.linalg.norm(between.joints - middle, axis=-1).max() < 0.02


def test_sampling_keeps_gaps_and_ends():
    motion = solve(without(walker(), np.r_[90:130]))
    found = sample(motion, np.array([-0.1, -0.01, 1.0, 89.4 / 30, 95 / 30, 179.4 / 30, 181 / 30]))
    np.testing.assert_array_equal(found.present, [False, True, True, True, False, True, False])
    np.testing.assert_allclose(found.joints[1], motion.joints[0], atol=1e-9)


def test_a_still_image_holds_at_all_times():
    still = solve(walker(times=TIMES[:1]))
    found = sample(still, np.array([0.0, 5.0]))
    np.testing.assert_allclose(found.joints[1], still.joints[0])


def test_restoring_lengths_keeps_directions():
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(20, len(LENGTHS), 3))
    found = with_lengths(joints, LENGTHS)
    np.testing.assert_allclose(bone_lengths(found), np.tile(LENGTHS[1:], (20, 1)), atol=1e-9)
    for a, b in BONES:
        assert angle_between(found[:, a] - found[:, b], joints[:, a] - joints[:, b]).max() < 1e-6


@pytest.mark.parametrize(("clip", "fps", "size"), [("juggle", 24, (1280, 720)),
                                                   ("squats", 5, (720, 1280))])  # fmt: skip
def test_real_clips_stand_upright_on_the_floor(shared, clip, fps, size):
    take = mediapipe_take(shared / "golden" / f"mediapipe_{clip}.npz", fps, size)
    motion = solve(take)
    at = {name: motion.joints[:, index] for name, index in JOINT.items()}
    assert motion.present.all()
    assert np.percentile(at["head_top"][:, 2] - at["pelvis"][:, 2], 5) > 0.4
    lowest = np.minimum(at["l_toe"], at["r_toe"])[:, 2]
    assert -0.1 < np.percentile(lowest, 5) < 0.1
    # facing -Y and not mirrored: left at +X, nose before the ears
    assert at["l_hip"][0, 0] > at["r_hip"][0, 0]
    assert at["nose"][0, 1] < at["l_ear"][0, 1]
    # 2 % of the picture's longer side
    assert motion.reprojection_px.mean() < 0.02 * max(size)
    frames = anatomical_frames(motion.joints, motion.time_s)
    turn = np.einsum("tsij,tsij->ts", frames[1:], frames[:-1])
    angles = np.degrees(np.arccos(np.clip((turn - 1) / 2, -1, 1)))
    assert angles.max() < 90, SEGMENTS[int(np.argmax(angles.max(axis=0)))]
    assert abs(body().height - 1.7) < 0.2
