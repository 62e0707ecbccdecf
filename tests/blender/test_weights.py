# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import Checkpoint from the button to the sentence, with the real worker."""

import time

import pytest

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender


def test_a_file_that_is_no_checkpoint(scene, addon, worker_home, tmp_path):
    addon.module("preferences").preferences(bpy.context).home = str(worker_home)
    file = tmp_path / "best_epoch_hrnet_32.bin"
    file.write_bytes(b"not what it says")
    assert bpy.ops.capf.import_checkpoint(filepath=str(file)) == {"FINISHED"}
    session = addon.module("blender.session")
    end = time.monotonic() + 60
    while session.is_running():
        assert time.monotonic() < end
        session.pump()
        time.sleep(0.05)
    session.pump()
    assert session.current.kind == "weights"
    assert session.current.failed
    assert "best_epoch_hrnet_32.bin is damaged" in session.current.message


def test_what_a_model_lacks_and_its_licence(scene, addon, tmp_path):
    """What the panel asks for on every draw."""
    cards = {card.name: card for card in addon.module("core.model_cards").MODEL_CARDS}
    scene.capf.model = "hrnet_w48"
    assert not cards["hrnet_w48"].commercial_use
    missing = addon.module("bridge.environment").missing_checkpoints
    assert [each.name for each in missing(tmp_path, "hrnet_w48")] == [
        "hrnet_w48_coco",
        "capf_hrnet_w48",
    ]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "hrnet_w48_coco.safetensors").touch()
    assert [each.name for each in missing(tmp_path, "hrnet_w48")] == ["capf_hrnet_w48"]
    assert missing(tmp_path, "blazepose") == []
