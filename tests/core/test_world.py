# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from known_motion import MotionLibrary
from synthetic_motion import body, joints_of, look_at, product, walk, walking_joints

from capf_blender.core.armature import BONE_NAMES
from capf_blender.core.gravity import up_direction
from capf_blender.core.skeleton import JOINT
from capf_blender.core.world import foot_heights, world_from_camera

TIMES = np.arange(120) / 30
SOLES = np.array([body().joints[JOINT["l_heel"], 2]] * 2 + [body().joints[JOINT["l_ankle"], 2]])


def in_camera(joints: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return (joints - matrix[:3, 3]) @ matrix[:3, :3]


def standing(bend: float = 0.0) -> np.ndarray:
    """(F, J, 3) of a person who stands and moves the arms."""
    rotations, pelvis = walk(TIMES)
    for side in (".L", ".R"):
        for bone in ("thigh", "shin", "foot"):
            rotations[:, BONE_NAMES.index(bone + side)] = [1, 0, 0, 0]
    rotations[:, 0] = [np.cos(bend / 2), -np.sin(bend / 2), 0, 0]
    pelvis[:, 2] = body().heads[0, 2]
    return joints_of(body(), rotations, pelvis)


def tilt_error(joints: np.ndarray, matrix: np.ndarray) -> float:
    """Degrees between the direction found and the true one."""
    up = up_direction(in_camera(joints, matrix), TIMES)
    return float(np.degrees(np.arccos(np.clip(up @ matrix[2, :3], -1, 1))))


@pytest.mark.parametrize("seed", range(12))
def test_level_whatever_the_cameras_tilt(seed):
    rng = np.random.default_rng(seed)
    pitch, roll, yaw = rng.uniform([-0.5, -0.4, -3.0], [0.6, 0.4, 3.0])
    matrix = look_at((0.0, 0.0, 1.5), pitch, roll, yaw)
    away = matrix[:3, 2] * [1, 1, 0]
    place = 4 * away / np.linalg.norm(away)
    joints = standing() + place
    world = world_from_camera(in_camera(joints, matrix), TIMES, SOLES)
    assert tilt_error(joints, matrix) < 5.0  # this body stands over its ankles, which nobody does
    turned = in_camera(joints, matrix) @ world[:3, :3].T + world[:3, 3]
    assert abs(np.percentile(foot_heights(turned, SOLES), 5)) < 1e-9
    np.testing.assert_allclose(turned[0, 0, :2], 0.0, atol=1e-9)
    np.testing.assert_allclose(world[:3, :3] @ world[:3, :3].T, np.eye(3), atol=1e-12)
    # facing -Y: the left hip lies at +X
    hips = turned[:6, JOINT["l_hip"]] - turned[:6, JOINT["r_hip"]]
    assert abs(np.degrees(np.arctan2(hips[:, 1].mean(), hips[:, 0].mean()))) < 3.0


def test_footprints_over_a_wide_floor_tell_the_slope():
    times = np.arange(300) / 30
    joints = walking_joints(times, 0.0)
    around = np.stack([1.5 * np.sin(times), 1.2 * np.cos(times), np.zeros(300)], axis=1)
    # planted feet do not slide: the path moves in steps
    steps = np.repeat(around[::15], 15, axis=0)
    matrix = look_at((0.0, -5.0, 1.5), 0.35, 0.1)
    up = up_direction(in_camera(joints + steps[:, None], matrix), times)
    assert np.degrees(np.arccos(up @ matrix[2, :3])) < 2.5


@pytest.mark.parametrize("turn", [(1, 0, 0), (0, 1, 0), (1, 1, 0)])
def test_people_who_lie_do_not_tip_the_world(turn):
    rotations, pelvis = walk(TIMES)
    axis = np.array(turn) / np.linalg.norm(turn)
    lie = np.array([[np.sqrt(0.5), *(np.sqrt(0.5) * axis)]])
    for side in (".L", ".R"):
        for bone in ("thigh", "shin"):
            rotations[:, BONE_NAMES.index(bone + side)] = [1, 0, 0, 0]
    world_turn = body().matrices[0].T @ axis  # the hips' own axes
    lie = np.array([[np.sqrt(0.5), *(np.sqrt(0.5) * world_turn)]])
    rotations[:, 0] = product(np.repeat(lie, len(TIMES), 0), rotations[:, 0])
    pelvis[:, 2] = 0.15
    joints = joints_of(body(), rotations, pelvis)
    assert tilt_error(joints, look_at((0.0, -4.0, 1.2), 0.1)) < 12.0


def test_people_who_bend_half_the_time_do_not_tip_the_world():
    joints = standing()
    joints[60:] = standing(1.3)[60:]
    assert tilt_error(joints, look_at((0.0, -4.0, 1.2), 0.15)) < 4.0
    assert tilt_error(standing(1.3), look_at((0.0, -4.0, 1.2), 0.15)) < 10.0


def test_a_single_frame_is_enough():
    matrix = look_at((0.0, -4.0, 1.2), 0.2, 0.1)
    joints = standing()[:1]
    up = up_direction(in_camera(joints, matrix), np.zeros(1))
    assert np.degrees(np.arccos(up @ matrix[2, :3])) < 5.0


def test_the_same_take_gives_the_same_world():
    seen = in_camera(walking_joints(TIMES, 1.0), look_at((0.0, -7.0, 1.2), 0.2))
    first, second = (world_from_camera(seen, TIMES, SOLES) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_people_who_squat_step_and_lean_before_steep_cameras(shared):
    """Balance tells what upright trunks do not: captured motion, seen from steeply above."""
    library = MotionLibrary(shared / "training" / "motion" / "motion_30fps.npz")
    rng = np.random.default_rng(0)
    errors = []
    for name in rng.permutation(library.names)[:40]:
        clip = library.clip(str(name), 150)
        matrix = look_at((0.0, 0.0, 0.0), *rng.uniform([0.45, -0.1, -3.0], [0.785, 0.1, 3.0]))
        matrix[:3, 3] = clip.joints[0, 0] - 4 * matrix[:3, 2]
        up = up_direction(in_camera(clip.joints, matrix), clip.time_s)
        errors.append(np.degrees(np.arccos(np.clip(up @ matrix[2, :3], -1, 1))))
    # some climb, hang and sit; by upright trunks alone it was 9.3 on average and 34 for a tenth
    assert np.mean(errors) < 8.0 and np.percentile(errors, 90) < 25.0


@pytest.mark.parametrize("frames", [24, 40])
def test_a_few_strides_of_a_run_do_not_tip_the_world(shared, frames):
    """Of a runner, who is in the air in between, only the feet that stand tell what balances."""
    library = MotionLibrary(shared / "training" / "motion" / "motion_30fps.npz")
    clip = library.clip("cmu_02_03", frames)
    middle = clip.joints.mean(axis=(0, 1))
    matrix = look_at((middle[0], middle[1] - 6.0, 1.4), 0.08)
    up = up_direction(in_camera(clip.joints, matrix), clip.time_s)
    assert np.degrees(np.arccos(np.clip(up @ matrix[2, :3], -1, 1))) < 3.0
