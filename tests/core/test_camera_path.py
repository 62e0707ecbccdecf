# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from synthetic_motion import CAMERA, body, look_at, take_of, walking_joints

from capf_blender.core.camera import CameraPath, Intrinsics, interpolated, inverse, project
from capf_blender.core.errors import CaptureError
from capf_blender.core.motion import sample
from capf_blender.core.rotations import angle_between
from capf_blender.core.settings import SolveSettings
from capf_blender.core.solve import solve
from capf_blender.core.world import metres_per_unit

TIMES = np.arange(120) / 30
# this walk's feet slide
# nothing that takes small motions for noise: there is none
SETTINGS = SolveSettings(height_m=body().height, contact_mode="NEVER", dead_zone_m=0.0)


def moving(scale: float = 1.0) -> np.ndarray:
    """(F, 4, 4) of a camera that goes round a person by 40 degrees, shaking at 8 Hz."""
    turn = np.radians(np.linspace(-20, 20, len(TIMES)))
    shake = 0.01 * np.sin(2 * np.pi * 8 * TIMES)
    return np.array(
        [
            look_at((scale * 5 * np.sin(a), scale * -5 * np.cos(a), scale * 1.6), 0.15 + s, s, a)
            for a, s in zip(turn, shake, strict=True)
        ]
    )


def seen_by(path: np.ndarray, joints: np.ndarray, camera: Intrinsics = CAMERA, noise_m=0.0):
    """The take of `joints` (F, J, 3), metres, z up, seen through a moving camera."""
    seen = np.einsum("fji,fkj->fki", path[:, :3, :3], joints - path[:, None, :3, 3])
    return take_of(seen, TIMES, np.eye(4), camera, noise_m)


def test_a_moving_camera_brings_its_world():
    joints = walking_joints(TIMES, 0.5)
    path = moving()
    motion = solve(seen_by(path, joints), SETTINGS, cameras=CameraPath(CAMERA, TIMES, path))
    error = np.linalg.norm(motion.joints - joints, axis=-1)
    assert error.mean() < 0.004 and np.percentile(error, 99) < 0.03
    # at half the scene's frames and in between
    times = TIMES[:-1:2] + 1 / 60
    between = sample(motion, times)
    pixels = np.array(
        [
            project((j - m[:3, 3]) @ m[:3, :3], CAMERA)
            for j, m in zip(between.joints, between.world_from_camera, strict=True)
        ]
    )
    truth = 0.5 * (seen_by(path, joints).joints_2d[:-1:2] + seen_by(path, joints).joints_2d[1::2])
    assert np.linalg.norm(pixels - truth, axis=-1).mean() < 1.5


def test_what_shakes_is_the_camera():
    """A person who stands still while the camera shakes stands still in the world."""
    joints = np.repeat(walking_joints(TIMES)[:1], len(TIMES), axis=0)
    path = moving()
    motion = solve(seen_by(path, joints), SETTINGS, cameras=CameraPath(CAMERA, TIMES, path))
    assert np.abs(motion.joints - joints).max() < 1e-3


def test_a_known_camera_at_rest():
    joints = walking_joints(TIMES, 0.5) + [0.4, 1.0, 0.0]
    camera = Intrinsics(1500.0, 1280, 960, (60.0, -35.0))
    matrix = look_at((0.5, -5.0, 2.5), 0.35, 0.3, 0.2)
    take = take_of(joints, TIMES, matrix, camera)
    motion = solve(take, SETTINGS, cameras=CameraPath(camera, np.zeros(1), matrix[None]))
    assert np.linalg.norm(motion.joints - joints, axis=-1).mean() < 0.004
    assert motion.world_from_camera.shape == (4, 4)
    assert motion.reprojection_px.mean() < 1.0


@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_the_unit_of_a_camera_solve_is_found_from_the_persons_height(scale):
    joints = walking_joints(TIMES, 0.5)
    take = seen_by(moving(), joints, noise_m=0.012)
    path = CameraPath(CAMERA, TIMES, moving(scale), metric=False)
    motion = solve(take, SETTINGS, cameras=path)
    # standing on one leg in noise the lowest of all points is 2 cm too low, as floors are
    assert np.linalg.norm(motion.joints - joints, axis=-1).mean() < 0.07
    np.testing.assert_allclose(motion.world_from_camera[:, :3, 3], moving()[:, :3, 3], atol=0.15)


@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_a_solve_without_floor_or_scale_still_gives_a_level_world(scale):
    joints = walking_joints(TIMES, 0.5)
    take = seen_by(moving(), joints)
    any_world = look_at((3.0, 2.0, -1.0), 1.0, 0.7, 2.0)
    path = CameraPath(CAMERA, TIMES, any_world @ moving(scale), level=False, metric=False)
    motion = solve(take, SETTINGS, cameras=path)
    # the true world up to a place and a turn about z
    steps = motion.joints[-1] - motion.joints[0]
    true = joints[-1] - joints[0]
    assert abs(np.linalg.norm(steps[0]) / np.linalg.norm(true[0]) - 1) < 0.1
    trunk = angle_between(
        np.mean(motion.joints[:, 8] - motion.joints[:, 0], axis=0),
        np.mean(joints[:, 8] - joints[:, 0], axis=0),
    )
    assert np.degrees(trunk) < 8.0


def test_a_camera_on_a_tripod_tells_no_scale():
    joints = walking_joints(TIMES, 0.5)
    path = np.repeat(look_at((0.0, -5.0, 1.5))[None], len(TIMES), axis=0)
    assert metres_per_unit(joints, TIMES, path, None) == 1.0


def test_gaps_and_ends_of_a_solve_stay_unknown():
    path = moving()
    holes = np.ones(len(TIMES), bool)
    holes[10:14] = holes[50:90] = False  # 5 frames are bridged, 41 are not
    found = interpolated(TIMES[holes][:-10], path[holes][:-10], TIMES)
    known = np.asarray(np.isfinite(found).all(axis=(1, 2)))
    assert known[:50].all() and not known[50:90].any() and known[90:110].all()
    assert not known[111:].any()
    error = angle_between(found[known][:, :3, 2], path[known][:, :3, 2])
    assert np.degrees(error).max() < 1.5
    rigid = inverse(found[known]) @ found[known]
    np.testing.assert_allclose(rigid, np.broadcast_to(np.eye(4), rigid.shape), atol=1e-12)
    take = seen_by(path, walking_joints(TIMES))
    motion = solve(take, SETTINGS, cameras=CameraPath(CAMERA, TIMES[holes], path[holes]))
    assert not motion.present[50:90].any() and motion.present[:50].all()


def test_a_solve_of_other_footage_is_one_sentence():
    take = seen_by(moving(), walking_joints(TIMES))
    with pytest.raises(CaptureError, match="none of the take's frames") as caught:
        solve(take, SETTINGS, cameras=CameraPath(CAMERA, TIMES + 100, moving()))
    assert caught.value.code == "no_camera"
