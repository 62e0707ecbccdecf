# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import csv
import io

import numpy as np
from synthetic_motion import look_at, take_of, walking_joints

from capf_blender.core.bvh import bvh_text, zxy_angles
from capf_blender.core.joint_files import csv_text, npz_bytes, standing_feet
from capf_blender.core.rotations import matrix_from_quaternion, unit
from capf_blender.core.skeleton import JOINT, JOINT_NAMES
from capf_blender.core.solve import solve

TIMES = np.arange(60) / 30
TAKE = take_of(walking_joints(TIMES, 0.5), TIMES, look_at((0.0, -4.0, 1.4), 0.1))


def about(axis: int, angle: np.ndarray) -> np.ndarray:
    quaternion = np.zeros((*angle.shape, 4))
    quaternion[..., 0], quaternion[..., 1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
    return matrix_from_quaternion(quaternion)


def test_angles_make_the_rotations_and_never_jump():
    rng = np.random.default_rng(1)
    # slow turns in all directions, through gimbal locks
    path = np.cumsum(0.05 * rng.normal(size=(4000, 5, 4)), axis=0) + rng.normal(size=(5, 4))
    rotations = matrix_from_quaternion(unit(path))
    rotations[100, 0] = about(0, np.array(np.pi / 2))
    angles = zxy_angles(rotations.copy())
    again = about(2, angles[..., 0]) @ about(0, angles[..., 1]) @ about(1, angles[..., 2])
    np.testing.assert_allclose(again, rotations, atol=1e-6)
    steps = np.abs(np.diff(angles, axis=0))
    assert steps.max() <= np.pi + 1e-9  # near a lock two angles may swing round, but no full turn
    assert np.percentile(steps, 99) < 0.8


def test_a_gap_holds_the_pose_and_is_told():
    motion = solve(TAKE)
    motion.joints[20:45] = np.nan
    motion.present[20:45] = False
    text, unknown = bvh_text(motion)
    rows = [line.split() for line in text.split("Frame Time:")[1].splitlines()[1:]]
    assert unknown == 25 and len(rows) == 60
    assert rows[30] == rows[19] and rows[30] != rows[46]
    assert "Frames: 60" in text and "Frame Time: 0.03333333" in text


def test_tables_hold_what_was_solved():
    motion = solve(TAKE)
    rows = list(csv.DictReader(io.StringIO(csv_text(motion, TAKE))))
    assert len(rows) == 60
    wrist = [float(rows[7][f"l_wrist_{axis}"]) for axis in "xyz"]
    np.testing.assert_allclose(wrist, motion.joints[7, JOINT["l_wrist"]], atol=1e-5)
    assert float(rows[7]["l_wrist_confidence"]) == 1.0
    assert float(rows[7]["time_s"]) == round(float(TIMES[7]), 5)
    with np.load(io.BytesIO(npz_bytes(motion, TAKE)), allow_pickle=False) as data:
        assert tuple(data["names"]) == JOINT_NAMES
        np.testing.assert_array_equal(data["joints"], motion.joints)
        np.testing.assert_array_equal(data["contacts"], standing_feet(motion))
        seen = data["joints"][7] - data["world_from_camera"][:3, 3]
        seen = seen @ data["world_from_camera"][:3, :3]
        pixels = data["focal_px"] * seen[:, :2] / seen[:, 2:] + data["principal_point_px"]
        assert np.linalg.norm(pixels - data["joints_2d"][7], axis=-1).mean() < 5.0
    told = [bool(int(row["left_foot_stands"])) for row in rows]
    np.testing.assert_array_equal(told, standing_feet(motion)[:, 0])
