# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic people: joints of the rest pose, cameras, pictures, splits."""

import numpy as np
import pytest

from capf_blender.core.skeleton import JOINT, MIRROR
from models.training.synthetic import truth
from models.training.synthetic.assets import HumanPack
from models.training.synthetic.body import STATURE_M, average_shape, sample_shape
from models.training.synthetic.camera import sample_view
from models.training.synthetic.landmarks import hip_centres
from models.training.synthetic.motion import Motion, is_held_out, mirrored, take_of
from models.training.synthetic.people import sample_actor, skins, wardrobe
from models.training.synthetic.poses import place, sample_pose
from models.training.synthetic.rig import BONES, Rig, pose

REST = np.broadcast_to(np.eye(3), (len(BONES), 3, 3))


@pytest.fixture(scope="module")
def assets(shared):
    return shared / "training"


@pytest.fixture(scope="module")
def pack(assets):
    return HumanPack(assets / "human")


@pytest.fixture(scope="module")
def rig(pack):
    return Rig(pack)


def rest_truth(rig: Rig, vertices: np.ndarray) -> np.ndarray:
    rest = rig.rest_joints(vertices)
    return truth.joints(rig, vertices, pose(rest, REST, rest[0]))


def distance(joints: np.ndarray, first: str, second: str) -> float:
    return float(np.linalg.norm(joints[JOINT[first]] - joints[JOINT[second]]))


@pytest.mark.parametrize("sex", ["female", "male"])
def test_average_bodies_have_human_segment_lengths(pack, rig, sex):
    shape = average_shape(pack, sex)
    joints = rest_truth(rig, shape.vertices)
    # ratios to stature: Drillis & Contini (1966), Winter (2009), with some slack for joint centres
    expected = {
        ("l_hip", "l_knee"): (0.23, 0.265),
        ("l_knee", "l_ankle"): (0.22, 0.26),
        ("l_hip", "r_hip"): (0.095, 0.12),
        ("l_shoulder", "r_shoulder"): (0.17, 0.24),
        ("l_shoulder", "l_elbow"): (0.13, 0.19),
        ("l_elbow", "l_wrist"): (0.13, 0.165),
        ("l_heel", "l_toe"): (0.13, 0.16),
        ("pelvis", "thorax"): (0.26, 0.32),
        ("l_ear", "r_ear"): (0.075, 0.1),
    }
    print(f"\n{sex}, {shape.stature:.3f} m")
    for (first, second), (low, high) in expected.items():
        ratio = distance(joints, first, second) / shape.stature
        print(f"  {first}-{second}: {1000 * ratio * shape.stature:.0f} mm, {ratio:.3f}")
        assert low < ratio < high, (first, second, ratio)


def test_rest_truth_is_symmetrical_and_ordered(pack, rig):
    joints = rest_truth(rig, average_shape(pack, "male").vertices)
    np.testing.assert_allclose(joints[list(MIRROR)] * [-1, 1, 1], joints, atol=3e-3)
    height = joints[:, 1]
    for lower, upper in [
        ("l_toe", "l_ankle"), ("l_ankle", "l_knee"), ("l_knee", "pelvis"), ("pelvis", "spine"),
        ("spine", "thorax"), ("thorax", "neck"), ("neck", "nose"), ("nose", "head_top"),
    ]:  # fmt: skip
        assert height[JOINT[lower]] < height[JOINT[upper]]
    assert joints[JOINT["l_hip"], 0] > 0 > joints[JOINT["r_hip"], 0]
    assert joints[JOINT["nose"], 2] > joints[JOINT["l_ear"], 2]
    assert joints[JOINT["l_toe"], 2] > joints[JOINT["l_heel"], 2]


def test_hips_are_narrower_than_the_rigs(pack):
    left, right = hip_centres(average_shape(pack, "male").vertices)
    assert 0.16 < np.linalg.norm(left - right) < 0.2


def test_sampled_bodies_are_adults(pack, rig):
    for seed in range(6):
        shape = sample_shape(pack, np.random.default_rng(seed))
        assert STATURE_M[0] <= shape.stature <= STATURE_M[1]
        joints = rest_truth(rig, shape.vertices)
        assert 0.085 < distance(joints, "l_hip", "r_hip") / shape.stature < 0.14
        assert 0.42 < 2 * distance(joints, "l_hip", "l_knee") / shape.stature < 0.58


def test_identity_pose_leaves_the_mesh(pack, rig):
    vertices = average_shape(pack, "female").vertices
    rest = rig.rest_joints(vertices)
    posed = pose(rest, REST, rest[0])
    np.testing.assert_allclose(posed.joints, rest, atol=1e-12)
    np.testing.assert_allclose(posed.skin(vertices, rig.weights), vertices, atol=1e-5)


def test_bone_lengths_do_not_change_with_the_pose(pack, rig, assets):
    vertices = average_shape(pack, "female").vertices
    rest, rng = rig.rest_joints(vertices), np.random.default_rng(3)
    motion = Motion(assets / "motion" / "motion_30fps.npz", "validation")
    wanted = rest_truth(rig, vertices)
    rigid = [("l_hip", "l_knee"), ("r_knee", "r_ankle"), ("l_elbow", "l_wrist"), ("l_hip", "r_hip")]
    for _ in range(20):
        posed = place(sample_pose(motion, rest, rng), rest, lambda body: body.joints[:, 1].min())
        joints = truth.joints(rig, vertices, posed)
        for pair in rigid:
            assert distance(joints, *pair) == pytest.approx(distance(wanted, *pair), abs=1e-4)
    frame = motion.sample(rng)
    twice = mirrored(mirrored(frame))
    np.testing.assert_allclose(twice.local, frame.local, atol=1e-12)


def test_projection_agrees_with_the_camera(pack):
    vertices = average_shape(pack, "male").vertices
    vertices = vertices - [0, vertices[:, 1].min(), 0]
    rng = np.random.default_rng(0)
    for _ in range(50):
        view = sample_view(vertices, 320, rng)
        np.testing.assert_allclose(
            view.camera_from_world @ view.camera_from_world.T, np.eye(3), atol=1e-9
        )
        assert np.linalg.det(view.camera_from_world) == pytest.approx(1)
        in_camera = view.to_camera(vertices)
        assert in_camera[:, 2].min() > 0.1
        pixels = view.project(in_camera)
        longer = np.ptp(pixels, axis=0).max() / 320
        assert 0.55 < longer < 0.8
        assert abs((pixels.max(0) + pixels.min(0)) / 2 - 160).max() < 8
        assert view.camera_from_world[1, 1] < 0.3  # upright but for steep pitch: y is down


def test_splits_share_nothing(pack, assets):
    for kind in ("clothes", "shoes", "hair"):
        train = {asset.name for asset in wardrobe(pack, kind, "train")}
        held_out = {asset.name for asset in wardrobe(pack, kind, "validation")}
        assert train and held_out and not train & held_out
    for sex in ("female", "male"):
        assert not set(skins(pack, sex, "train")) & set(skins(pack, sex, "validation"))
    with np.load(assets / "motion" / "motion_30fps.npz") as stored:
        clips = stored["clip_name"].tolist()
    held_out = [clip for clip in clips if is_held_out(clip)]
    assert 0.07 < len(held_out) / len(clips) < 0.25
    takes = {take_of(clip) for clip in held_out}
    assert not takes & {take_of(clip) for clip in clips if clip not in held_out}


@pytest.fixture(scope="module")
def shard(assets, tmp_path_factory):
    pytest.importorskip("bpy")
    from models.training.synthetic import render

    stage = render.Stage(assets, "validation", tmp_path_factory.mktemp("renders"))
    return stage.render_shard(0, 7, images=6), stage.render_shard(0, 7, images=6)


def test_same_seed_same_shard(shard):
    (pictures, truths), (again, truths_again) = shard
    assert pictures == again
    for one, two in zip(truths, truths_again, strict=True):
        for name, value in one.items():
            np.testing.assert_array_equal(value, two[name])


def test_silhouettes_contain_the_visible_joints(shard, tmp_path):
    import bpy

    (pictures, truths), _ = shard
    inside = total = 0
    for picture, known in zip(pictures, truths, strict=True):
        path = tmp_path / "picture.png"
        path.write_bytes(picture)
        image = bpy.data.images.load(str(path))
        side = image.size[0]
        alpha = np.array(image.pixels[:]).reshape(side, side, 4)[::-1, :, 3]
        bpy.data.images.remove(image)
        flat = known["joints"][:, :2] / known["joints"][:, 2:]
        np.testing.assert_allclose(
            known["focal_px"] * flat + known["principal"], known["joints_2d"], atol=1e-2
        )
        for column, row in known["joints_2d"][known["visible"]] * side / 320:
            top, left = max(0, int(row) - 3), max(0, int(column) - 3)
            inside += bool(alpha[top : top + 7, left : left + 7].max() > 0.5)
            total += 1
        assert np.linalg.norm(known["camera_up"]) == pytest.approx(1, abs=1e-5)
        above = known["joints"] @ known["camera_up"] + known["camera_height"]
        assert above.min() > -0.02  # nobody sinks into the floor
    assert inside / total > 0.97


def test_actors_are_dressed(pack, rig):
    actor = sample_actor(pack, rig, "someone", "train", np.random.default_rng(1))
    assert actor.loops.max() < len(actor.vertices) == len(actor.weights)
    assert actor.face_sizes.sum() == len(actor.loops) == len(actor.uvs)
    assert sum(part.faces for part in actor.parts) == len(actor.face_sizes)
    np.testing.assert_allclose(actor.weights.sum(1), 1, atol=1e-4)
    assert {"skin", "eyes", "eyebrow"} <= {part.kind for part in actor.parts}
