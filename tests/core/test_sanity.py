# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks wrong is said where it is wrong, and nothing where all is right."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import CAMERA, look_at, mediapipe_take, take_of, walking_joints

from capf_blender.core.camera import CameraPath
from capf_blender.core.sanity import advise
from capf_blender.core.settings import SolveSettings
from capf_blender.core.skeleton import JOINT
from capf_blender.core.solve import solve

TIMES = np.arange(90) / 30
VIEW = look_at((0.2, -4.5, 1.3), pitch=0.12)
CLEAN = take_of(walking_joints(TIMES, 0.3), TIMES, VIEW)
NOISY = take_of(walking_joints(TIMES, 0.3), TIMES, VIEW, noise_m=0.02, noise_px=2.0)
KNOWN = CameraPath(CAMERA, np.zeros(1), VIEW[None])


def said(take=NOISY, cameras=None, **settings) -> tuple[str, ...]:
    wanted = SolveSettings(**settings)
    return advise(take, wanted, solve(take, wanted, cameras), cameras)


@pytest.mark.parametrize("take", [CLEAN, NOISY])
def test_nothing_is_said_of_what_is_right(take):
    assert said(take) == ()
    assert said(take, focal_px=1.15 * CAMERA.focal_px) == ()
    assert said(take, camera_pitch=0.12, camera_roll=0.0) == ()
    assert said(take, KNOWN, height_m=1.70) == ()


def test_nothing_is_said_of_footage_that_is_right(shared):
    take = mediapipe_take(shared / "golden" / "mediapipe_juggle.npz", 24, (1280, 720))
    assert said(take) == ()


def test_nor_where_hardly_anything_is_seen():
    joints = NOISY.joints.copy()
    joints[8:] = np.nan
    assert said(replace(NOISY, joints=joints), focal_px=500.0) == ()


@pytest.mark.parametrize(
    ("take", "factor"), [(CLEAN, 0.5), (CLEAN, 2.0), (CLEAN, 0.63), (NOISY, 0.5)]
)
def test_a_wrong_field_of_view(take, factor):
    (sentence,) = said(take, focal_px=factor * CAMERA.focal_px)
    assert "field of view of about 56°" in sentence  # of the camera: 2 atan(640 / 1200)
    assert "Known Field of View" in sentence


@pytest.mark.parametrize(("height_m", "side"), [(1.4, "above"), (2.0, "below")])
def test_a_wrong_height_below_a_camera_that_is_known(height_m, side):
    (sentence,) = said(CLEAN, KNOWN, height_m=height_m)
    assert f"m {side} the scene's floor" in sentence
    assert "Height of 1.72 m" in sentence  # the body's


def test_a_floor_that_cannot_be():
    below = CameraPath(CAMERA, np.zeros(1), look_at((0.2, -4.5, -1.0), pitch=0.12)[None])
    (sentence,) = said(CLEAN, below)
    assert "below the scene's floor" in sentence and "check where the camera is" in sentence


def test_a_camera_that_comes_out_too_high():
    # somebody 1.75 m tall who is said to be 3 m, filmed from a roof
    take = take_of(
        walking_joints(TIMES, 0.3), TIMES, look_at((0.2, -8.0, 5.0), pitch=0.45), noise_px=0.5
    )
    assert said(take) == ()
    (sentence,) = said(take, height_m=3.0)
    assert "above the floor" in sentence and "Height" in sentence


def test_a_wrong_tilt():
    (sentence,) = said(camera_pitch=0.4, camera_roll=0.0)
    assert "leans by 1" in sentence and "Known Tilt" in sentence


def test_sides_of_different_length():
    joints = CLEAN.joints.copy()
    shoulder = joints[:, JOINT["l_shoulder"]].copy()
    for name in ("l_elbow", "l_wrist"):
        joints[:, JOINT[name]] = shoulder + 0.6 * (joints[:, JOINT[name]] - shoulder)
    sentences = said(replace(CLEAN, joints=joints))
    assert any("left arm comes out 40 % shorter than the right one" in s for s in sentences)


def test_legs_that_nobody_has():
    joints = walking_joints(TIMES, 0.3)
    for side in ("l_", "r_"):
        hip = joints[:, [JOINT[side + "hip"]]]
        leg = [JOINT[side + name] for name in ("knee", "ankle", "heel", "toe")]
        joints[:, leg] = hip + 0.5 * (joints[:, leg] - hip)
    sentences = said(take_of(joints, TIMES, VIEW))
    assert any("legs come out as 3" in s and "of the height" in s for s in sentences)
