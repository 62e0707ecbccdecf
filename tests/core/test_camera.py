# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
from synthetic_motion import CAMERA, look_at, walking_joints

from capf_blender.core.camera import Intrinsics, intrinsics, locate_root, onto_rays, project
from capf_blender.core.rotations import angle_between
from capf_blender.core.skeleton import JOINT

TIMES = np.arange(240) / 30


def seen_from(distance: float) -> np.ndarray:
    """(F, J, 3) in the axes of a camera before a person who fills most of the picture."""
    matrix = look_at((0.3, -distance, 1.0), pitch=0.1)
    return (walking_joints(TIMES) - matrix[:3, 3]) @ matrix[:3, :3]


def test_focal_length_option_before_take_before_default():
    size = np.array([1280, 720])
    assert intrinsics(size, 900.0, 1000.0).focal_px == 900.0
    assert intrinsics(size, None, 1000.0).focal_px == 1000.0
    assert intrinsics(size, None, float("nan")) == Intrinsics(1280.0, 1280, 720)


def test_root_is_exact_without_noise():
    joints = seen_from(4.0)
    root = joints[:, :1]
    found = locate_root(joints - root, project(joints, CAMERA), np.ones(joints.shape[:2]), CAMERA)
    np.testing.assert_allclose(found, root[:, 0], atol=1e-6)


def test_root_with_noise_is_as_good_as_the_design_says():
    rng = np.random.default_rng(0)
    joints = seen_from(2.2)
    pixels = project(joints, CAMERA) + 3 * rng.normal(size=(*joints.shape[:2], 2))
    noisy = joints - joints[:, :1] + 0.04 * rng.normal(size=joints.shape)
    found = locate_root(noisy, pixels, np.ones(joints.shape[:2]), CAMERA)
    error = np.abs(found - joints[:, 0]).mean(axis=0)
    assert error[0] < 0.010
    assert error[1] < 0.010
    assert error[2] < 0.035


def test_outliers_and_unknown_joints_hardly_matter():
    rng = np.random.default_rng(0)
    joints = seen_from(3.0)
    pixels = project(joints, CAMERA) + rng.normal(size=(*joints.shape[:2], 2))
    pixels[:, 13] += 150  # a wrist that is somewhere else
    pixels[:, 3] = np.nan
    weights = np.ones(joints.shape[:2])
    found = locate_root(joints - joints[:, :1], pixels, weights, CAMERA)
    assert np.abs(found - joints[:, 0]).mean(axis=0).max() < 0.03


def test_nothing_seen_gives_nothing():
    joints = seen_from(3.0)[:2]
    pixels = project(joints, CAMERA)
    pixels[1] = np.nan
    found = locate_root(joints - joints[:, :1], pixels, np.ones(joints.shape[:2]), CAMERA)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_joints_guessed_without_perspective_come_onto_their_rays():
    joints = seen_from(2.5)
    pixels, relative = project(joints, CAMERA), joints - joints[:, :1]
    # as a network sees a crop: across the image at the root's scale, depth as it is
    flat = relative.copy()
    ray = (pixels - CAMERA.centre) / CAMERA.focal_px
    flat[..., :2] = (ray - ray[:, :1]) * joints[:, :1, 2:]

    def foot_error(found):
        toe, heel = JOINT["l_toe"], JOINT["l_heel"]
        wanted = joints[:, toe] - joints[:, heel]
        return angle_between(found[:, toe] - found[:, heel], wanted).mean()

    found = onto_rays(flat, pixels, np.ones(joints.shape[:2]), CAMERA)
    assert foot_error(flat) > np.radians(10)
    assert foot_error(found) < np.radians(2)
    untouched = onto_rays(flat, pixels, np.zeros(joints.shape[:2]), CAMERA)
    np.testing.assert_allclose(untouched, flat, atol=1e-12)
    np.testing.assert_allclose(
        onto_rays(relative, pixels, np.ones(joints.shape[:2]), CAMERA), relative, atol=1e-6
    )
