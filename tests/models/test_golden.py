# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks filled from names, against the original's stored outputs and against ourselves."""

from pathlib import Path

import numpy as np
import pytest
import torch

from capf_blender.core.errors import CaptureError
from models import golden


@pytest.fixture(scope="module")
def original(shared: Path) -> Path:
    return shared / "golden" / "capf_hrnet_w32.npz"


def test_the_original_network(original):
    deviations = golden.compare(original, width=32, salt=0)
    assert deviations.output < 1e-4
    assert len(deviations.maps) == 4
    assert max(deviations.maps) < 1e-4


def test_command(original, capsys):
    assert golden.main([str(original), "--width", "32", "--salt", "0"]) == 0
    assert "map 3" in capsys.readouterr().out
    assert golden.main([str(original), "--salt", "1"]) == 1


def test_recipe_is_the_shared_one(shared):
    names: dict = {}
    exec((shared / "golden" / "seeded_weights.py").read_text(), names)
    for name, shape in (
        ("backbone.bn1.weight", (64,)), ("backbone.bn1.running_var", (64,)),
        ("backbone.bn1.running_mean", (64,)), ("backbone.conv1.weight", (64, 3, 3, 3)),
        ("volume_net.norm1.weight", (9,)), ("volume_net.mlp.fc1.bias", (9,)),
        ("volume_net.mlp.fc1.weight", (9, 4)), ("volume_net.Spatial_pos_embed", (1, 5, 17, 8)),
    ):  # fmt: skip
        for salt in (0, 12):
            expected = names["values"](name, shape, salt)
            np.testing.assert_array_equal(golden.seeded_values(name, shape, salt), expected)
    theirs = names["inputs"](2, 5)
    crops, keypoints, reference = golden.seeded_inputs(2, salt=5)
    np.testing.assert_array_equal(crops.permute(0, 2, 3, 1), theirs["image"])
    np.testing.assert_array_equal(keypoints, theirs["keypoints"])
    np.testing.assert_array_equal(reference, theirs["reference"])


def write(path: Path, width: int, salt: int, batch: int) -> dict[str, np.ndarray]:
    """A file like the original's, of our own networks."""
    detector, lifter = golden.seeded_networks(width, salt)
    crops, keypoints, reference = golden.seeded_inputs(batch, salt=salt)
    with torch.inference_mode():
        maps = detector(crops).maps
        output = lifter(keypoints, reference, maps)
    state = {f"backbone.{k}": v for k, v in detector.backbone.state_dict().items()}
    state |= {f"volume_net.{k}": v for k, v in lifter.state_dict().items()}
    entries = {
        "output": output.numpy(),
        "keys": np.array(list(state)),
        "shapes": np.array([str(tuple(value.shape)) for value in state.values()]),
    }
    for level, value in enumerate(tensor.numpy() for tensor in maps):
        entries[f"map{level}_shape"] = np.array(value.shape)
        entries[f"map{level}_mean_std"] = np.array([value.mean(), value.std()])
        entries[f"map{level}_corner"] = value[:, :4, :3, :3]
    np.savez(path, allow_pickle=False, **entries)
    return entries


def test_other_width_salt_and_batch(tmp_path, capsys):
    file = tmp_path / "w48.npz"
    entries = write(file, width=48, salt=3, batch=2)
    assert golden.main([str(file), "--width", "48", "--salt", "3"]) == 0
    with pytest.raises(CaptureError, match="HRNet-W32"):
        golden.compare(file, width=32, salt=3)

    for name in ("output", "map2_corner", "map1_mean_std"):
        changed = entries | {name: entries[name] + 2e-4 * np.abs(entries[name]).max() + 2e-4}
        np.savez(file, allow_pickle=False, **changed)
        assert golden.main([str(file), "--width", "48", "--salt", "3"]) == 1
    np.savez(file, allow_pickle=False, **entries | {"output": entries["output"] * np.nan})
    assert golden.main([str(file), "--width", "48", "--salt", "3"]) == 1
    np.savez(file, allow_pickle=False, **entries | {"map0_corner": np.zeros((2, 4))})
    with pytest.raises(CaptureError, match="map0_corner with shape"):
        golden.compare(file, width=48, salt=3)
    capsys.readouterr()


def test_files_that_are_none(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "objects.npz", output=np.array([{}], dtype=object))
    for name in ("text.npz", "empty.npz", "one.npy", "other.npz", "objects.npz", "none.npz", ""):
        with pytest.raises(CaptureError) as caught:
            golden.compare(tmp_path / name, width=32, salt=0)
        assert caught.value.code == "bad_golden_file"
        assert "\n" not in str(caught.value)
