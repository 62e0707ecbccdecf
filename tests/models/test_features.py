# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of invented renders: geometry of the truth, storage, what the network is shown."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from invented_renders import invent

from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT, MIRROR
from models.blazepose.landmarks import INPUT_SIZE, find_landmarks, read_landmarks
from models.blazepose.regions import crop
from models.training import features_command
from models.training.backgrounds import Backgrounds
from models.training.blazepose_features import (
    MAP_SHAPES,
    Samples,
    fit_quantisation,
    open_features,
    write_block,
    write_quantisation,
)
from models.training.compositing import compose, mirrored
from models.training.feature_extraction import (
    crop_cameras,
    extract,
    in_crop,
    run_time_region,
    true_regions,
)
from models.training.synthetic import shards

PELVIS = JOINT["pelvis"]


@pytest.fixture(scope="module")
def assets(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    (folder / "hdri").mkdir()
    rng = np.random.default_rng(0)
    for n in range(7):
        small = rng.lognormal(0, 1, (8, 16, 3)).astype(np.float32)
        cv2.imwrite(str(folder / "hdri" / f"{n}.hdr"), cv2.resize(small, (256, 128)))
    return folder


@pytest.fixture(scope="module")
def backgrounds(assets) -> Backgrounds:
    return Backgrounds(assets, "train")


@pytest.fixture(scope="module")
def renders():
    return [invent(seed) for seed in range(12)]


@pytest.fixture(scope="module")
def extracted(landmark_network, renders, backgrounds):
    return extract(landmark_network, renders, renders, backgrounds, shard=3, composite=0, seed=0)


def test_truth_projects_back_to_the_picture(renders, extracted):
    samples = extracted.samples
    turns = crop_cameras(
        samples.region.astype(float), samples.focal_px.astype(float), samples.principal
    )
    joints = np.einsum("nab,njb->nja", turns, samples.truth_joints) + samples.truth_root[:, None]
    pixels = joints[..., :2] / joints[..., 2:] * samples.focal_px[:, None, None]
    pixels += samples.principal[:, None]
    np.testing.assert_allclose(
        in_crop(pixels, samples.region.astype(float)), samples.truth_2d, atol=2e-5
    )  # 1 is 128 px of the crop
    assert not samples.truth_joints[:, PELVIS].any()
    # the mid-crop ray is the crop camera's optical axis
    ray = np.concatenate(
        ((samples.region[:, :2] - samples.principal) / samples.focal_px[:, None],
         np.ones((len(turns), 1))), 1,
    )  # fmt: skip
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    np.testing.assert_allclose(np.einsum("nab,na->nb", turns, ray)[:, 2], 1, atol=1e-6)


def test_pictures_keep_the_projection(renders, backgrounds):
    rng = np.random.default_rng(1)
    for render in renders:
        region = run_time_region(render.joints_2d, rng)
        picture = compose(render, region, renders[0], backgrounds, rng)
        pixels = picture.joints[:, :2] / picture.joints[:, 2:] * picture.focal_px
        np.testing.assert_allclose(pixels + picture.principal, picture.joints_2d, atol=1e-3)
        # the region shows the same part of the person, up to the render's whole pixels
        np.testing.assert_allclose(
            in_crop(picture.joints_2d[None], picture.region[None]),
            in_crop(render.joints_2d[None], region[None]),
            atol=1e-5,
        )
        assert max(picture.frame.shape) < 1200


def test_the_person_is_drawn_where_the_joints_are(renders, backgrounds, monkeypatch):
    monkeypatch.setattr("models.training.compositing.OCCLUDED", 0)
    monkeypatch.setattr("models.training.compositing.COMPANY", 0)
    monkeypatch.setattr("models.training.compositing.CUT", 0)
    monkeypatch.setattr("models.training.compositing._as_taken", lambda picture, *_: picture)
    for seed, render in enumerate(renders):
        red = render.rgba * np.array([0, 0, 0, 1], np.uint8) + np.array([255, 0, 0, 0], np.uint8)
        region = true_regions(render.joints_2d[None])[0]
        rng = np.random.default_rng(seed)
        picture = compose(replace(render, rgba=red), region, None, backgrounds, rng)
        for joint in ("l_knee", "r_knee", "neck"):
            x, y = np.floor(picture.joints_2d[JOINT[joint]]).astype(int)
            colour = picture.frame[y, x].astype(int)
            assert colour[0] > 1.5 * colour[1] or colour[0] > 1.5 * colour[2]


def test_mirror_twice_is_nothing(renders):
    twice = mirrored(mirrored(renders[0]))
    for name in ("rgba", "principal", "joints", "joints_2d", "visible", "camera_up"):
        value = getattr(renders[0], name)
        np.testing.assert_allclose(getattr(twice, name), value, err_msg=name, atol=1e-4)
    once = mirrored(renders[0])
    pixels = once.joints[:, :2] / once.joints[:, 2:] * once.focal_px + once.principal
    np.testing.assert_allclose(pixels, once.joints_2d, atol=1e-3)
    wrist = JOINT["l_wrist"]
    np.testing.assert_allclose(
        once.joints_2d[wrist, 0], 320 - renders[0].joints_2d[MIRROR[wrist], 0], atol=1e-4
    )


def test_the_network_sees_what_it_sees_at_run_time(landmark_network, renders, backgrounds):
    """One by one through the frame's own code path: the same numbers."""
    rng = np.random.default_rng(5)
    pictures = [
        compose(r, run_time_region(r.joints_2d, rng), renders[0], backgrounds, rng)
        for r in renders[:3]
    ]
    crops = np.stack([crop(p.frame, p.region, INPUT_SIZE) for p in pictures])
    regions = np.stack([p.region for p in pictures])
    batch = read_landmarks(landmark_network, crops, regions)
    for n, picture in enumerate(pictures):
        alone = find_landmarks(landmark_network, picture.frame, picture.region[None])
        np.testing.assert_allclose(alone.points[0], batch.points[n], atol=0.01)
        np.testing.assert_allclose(alone.world[0], batch.world[n], atol=1e-4)
        for level, other in zip(alone.maps, batch.maps, strict=True):
            torch.testing.assert_close(level[0], other[n], atol=1e-3, rtol=1e-3)
    assert tuple(level.shape[1:] for level in batch.maps) == MAP_SHAPES


def test_composites_are_repeatable_and_mirror_each_other(
    landmark_network, renders, backgrounds, extracted
):
    again = extract(landmark_network, renders, renders, backgrounds, shard=3, composite=0, seed=0)
    np.testing.assert_array_equal(again.crops, extracted.crops)
    other = extract(landmark_network, renders, renders, backgrounds, shard=3, composite=1, seed=0)
    np.testing.assert_array_equal(other.samples.flipped, ~extracted.samples.flipped)


def test_bytes_keep_the_maps(extracted):
    quantisation = fit_quantisation(extracted.maps)
    back = quantisation.unpack(quantisation.pack(extracted.maps))
    for level, other in zip(extracted.maps, back, strict=True):
        error = (level - other).pow(2).mean().sqrt() / level.std()
        assert error < 0.02
        assert other.is_contiguous(memory_format=torch.channels_last)


def some_samples(count: int, extracted) -> Samples:
    rows = np.arange(count) % len(extracted.samples.score)
    values = {
        name: value if name in ("actors", "clips", "pose_kinds") else value[rows]
        for name, value in vars(extracted.samples).items()
    }
    return Samples(**values)


def test_reader_joins_blocks(tmp_path, extracted):
    quantisation = fit_quantisation(extracted.maps)
    packed = quantisation.pack(extracted.maps)
    write_quantisation(tmp_path, quantisation)
    write_block(tmp_path / "train", "00000_0", packed[:5], some_samples(5, extracted))
    for _ in range(2):  # the second time as another process that was slower
        write_block(tmp_path / "train", "00001_0", packed, some_samples(len(packed), extracted))
    assert {path.name for path in (tmp_path / "train").iterdir()} == {"00000_0", "00001_0"}
    (tmp_path / "train" / "00002_0.partial-1").mkdir()
    features = open_features(tmp_path / "train")
    assert len(features) == 5 + len(packed)
    rows = [0, 4, 5, len(features) - 1]
    np.testing.assert_array_equal(features.packed_maps(rows), packed[[0, 4, 0, len(packed) - 1]])
    assert [level.shape for level in features.maps(rows)] == [(4, *s) for s in MAP_SHAPES]
    names = extracted.samples.actors[extracted.samples.actor]
    np.testing.assert_array_equal(features.actors[features.actor][5:], names)
    cut = tmp_path / "train" / "00000_0" / "maps.npy"
    cut.write_bytes(cut.read_bytes()[:-3])
    with pytest.raises(CaptureError, match="00000_0 cannot be read"):
        open_features(tmp_path / "train")


@pytest.mark.slow
def test_a_second_run_adds_only_what_is_new(tmp_path, assets, weights, renders, capsys):
    def render(number: int) -> None:
        some = renders[3 * number : 3 * number + 3]
        pictures = [
            cv2.imencode(".png", cv2.cvtColor(r.rgba, cv2.COLOR_RGBA2BGRA))[1].tobytes()
            for r in some
        ]
        truths = [{k: v for k, v in vars(r).items() if k != "rgba"} for r in some]
        shards.write(tmp_path / "renders" / "train" / f"shard_{number:05d}.npz", pictures, truths)

    words = ["--renders", str(tmp_path / "renders"), "--out", str(tmp_path / "features")]
    words += ["--assets", str(assets), "--models", str(weights)]
    render(0)
    assert features_command.main([*words, "--composites", "1"]) == 0
    folder = tmp_path / "features" / "train"
    first = (folder / "00000_0" / "maps.npy").stat()
    render(1)
    assert features_command.main(words) == 0
    assert (folder / "00000_0" / "maps.npy").stat() == first
    features = open_features(folder)
    assert len(features) == 12
    assert features.render.tolist() == [[s, r, c] for s in (0, 1) for c in (0, 1) for r in range(3)]
    assert "world landmarks, all: MPJPE" in capsys.readouterr().out


def test_missing_input_is_one_sentence(tmp_path, assets, weights):
    with pytest.raises(CaptureError, match="no features in"):
        open_features(tmp_path)
    words = ["--renders", str(tmp_path), "--out", str(tmp_path), "--models", str(weights)]
    with pytest.raises(CaptureError, match="no light maps"):
        features_command.main([*words, "--assets", str(tmp_path)])
    with pytest.raises(CaptureError, match="no readable renders"):
        features_command.main([*words, "--assets", str(assets)])
    broken = tmp_path / "train" / "shard_00000.npz"
    broken.parent.mkdir()
    broken.write_bytes(b"no")
    with pytest.raises(CaptureError, match="no readable renders"):
        features_command.main([*words, "--assets", str(assets)])
