# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known motion on rigs of several families, as Blender evaluates it: `run.py bench retarget`."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "capf_blender" / "headless"))
import bench_retarget
import retarget_metrics as metrics

from capf_blender.core.skeleton import JOINT

RIGS = ("mixamo", "unreal", "scaled_parent", "euler")
CLIPS = ("cmu_walking_22_test", "cmu_jumping_3_train")
FRAMES = 24


@pytest.fixture(scope="module")
def filmed(shared):
    file = shared / "training" / "motion" / "motion_30fps.npz"
    library = bench_retarget.MotionLibrary(file)
    return [bench_retarget.solved(library.clip(name, FRAMES)) for name in CLIPS]


@pytest.mark.parametrize("name", RIGS)
def test_rigs_follow_the_motion(scene, filmed, name):
    figures = bench_retarget.measure(name, filmed, None)
    assert figures.roles_found == figures.roles_expected, figures.wrong_roles
    assert figures.direction_mean < 0.5, figures.directions
    assert (figures.inverted, figures.flips) == (0, 0), figures.flipped_parts
    assert (figures.noisy_inverted, figures.noisy_flips) == (0, 0)
    assert figures.slide_mm < 1.0


def test_the_figures_notice_what_is_wrong(filmed):
    joints = filmed[0].clip.joints
    frames = len(joints)
    still = np.broadcast_to(np.eye(3), (frames, 3, 3))
    roles = {"thigh": "hip", "shin": "knee", "foot": "ankle", "upper_arm": "shoulder",
             "forearm": "elbow", "hand": "wrist"}  # fmt: skip
    heads = {
        role + side: joints[:, JOINT[p + joint]]
        for side, p in metrics.SIDES
        for role, joint in roles.items()
    }
    heads |= {"neck": joints[:, JOINT["thorax"]], "head": joints[:, JOINT["neck"]]}
    rig = metrics.Evaluated(heads, dict.fromkeys([*heads, "spine"], still), joints[0])
    found = metrics.directions(rig, joints)
    assert max(found[role].max() for role in ("hips", "neck", "shin.L", "forearm.R")) < 1e-6
    assert found["hand.L"].max() > 0.01  # its hands do not turn

    folded = joints.copy()  # shins folded forwards, over the knees
    for p in ("l_", "r_"):
        knee, hip = (joints[:, JOINT[p + name]] for name in ("knee", "hip"))
        folded[:, JOINT[p + "ankle"]] = knee + 0.4 * metrics.unit(hip - knee) + [0.0, -0.4, 0.0]
    wrong = {**heads, **{f"foot{s}": folded[:, JOINT[p + "ankle"]] for s, p in metrics.SIDES}}
    _, inverted = metrics.twists(metrics.Evaluated(wrong, rig.turns, joints[0]), joints)
    assert inverted >= frames

    spun = np.repeat(np.eye(3)[None], frames, axis=0)
    spun[frames // 2 :, :2, :2] *= -1.0
    assert metrics.flips(metrics.Evaluated({}, {"head": spun}, joints[0])) == {"head": 1}

    feet = np.zeros((20, 2, 2, 3))
    feet[:, 0, :, 0] = 0.002 * np.arange(20)[:, None]
    planted = np.zeros((20, 2), bool)
    planted[5:15, 0] = True
    np.testing.assert_allclose(metrics.slide(feet, planted), 0.002)
    moved = joints @ np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]]) + [1.0, 2.0, 0.0]
    np.testing.assert_allclose(metrics.aligned(moved, joints), joints, atol=1e-9)
