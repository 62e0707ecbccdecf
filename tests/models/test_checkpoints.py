# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import of checkpoints in every published layout, and downloads over real connections."""

import functools
import hashlib
import os
import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from capf_blender.core.errors import CaptureError
from capf_blender.core.model_cards import CHECKPOINTS, MODEL_CARDS
from models import checkpoint_import, checkpoints
from models.checkpoint_import import expected_shapes, import_checkpoint
from models.hrnet.backbone import load_hrnet


@functools.cache
def layout(name: str) -> dict[str, torch.Tensor]:
    """All weights of a checkpoint in their shapes, one stored number each."""
    return {
        key: torch.tensor(3 if key.endswith("num_batches_tracked") else 0.25).expand(shape)
        for key, shape in expected_shapes(CHECKPOINTS[name]).items()
    }


def saved(folder: Path, content: object, name: str = "weights.bin", **options) -> Path:
    torch.save(content, folder / name, **options)
    return folder / name


def refused(file: Path, folder: Path) -> CaptureError:
    with pytest.raises(CaptureError) as caught:
        import_checkpoint(file, folder / "models")
    assert not (folder / "models").exists()
    return caught.value


NUMPY_NOTES = {
    "dataset_meta": {"sigmas": np.linspace(0, 1, 17, dtype=np.float32), "flip": np.arange(17)},
    "seed": np.int64(3),
    "best": np.float64(0.75),
    "time": "20220909",
}


@pytest.mark.parametrize(
    "name, content",
    [
        ("capf_hrnet_w32", lambda t: {"model": t, "epoch": 3}),
        ("capf_hrnet_w32", lambda t: {"model": {f"module.{k}": v for k, v in t.items()}}),
        ("capf_hrnet_w48", lambda t: {"model": t, "lr": np.float64(1e-4)}),
        ("hrnet_w32_coco", lambda t: {"state_dict": t, "meta": NUMPY_NOTES}),
        ("hrnet_w48_coco", lambda t: {"state_dict": t, "meta": NUMPY_NOTES}),
        ("hrnet_w32_coco", lambda t: {k.split(".", 1)[1]: v for k, v in t.items()}),
    ],
    ids=["paper", "module.", "W48", "OpenMMLab", "OpenMMLab W48", "original HRNet"],
)  # fmt: skip
def test_every_published_layout(tmp_path, name, content):
    file = saved(tmp_path, content(layout(name)))
    checkpoint = import_checkpoint(file, tmp_path / "models")
    assert checkpoint.name == name
    stored = tmp_path / "models" / checkpoint.file
    with safe_open(stored, framework="pt") as weights:
        shapes = {key: tuple(weights.get_slice(key).get_shape()) for key in weights.keys()}  # noqa: SIM118
        assert weights.get_tensor("backbone.conv1.weight").unique().tolist() == [0.25]
        facts = weights.metadata()
    assert shapes == expected_shapes(checkpoint)
    assert facts["licence"] == checkpoint.licence
    assert facts["inputs"] == checkpoint.inputs
    assert facts["published_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert os.listdir(tmp_path / "models") == [checkpoint.file]
    load_hrnet(48 if "w48" in name else 32, stored)


def test_old_file_format(tmp_path):
    tensors = layout("hrnet_w32_coco")
    file = saved(tmp_path, {"state_dict": tensors}, _use_new_zipfile_serialization=False)
    assert import_checkpoint(file, tmp_path / "models").name == "hrnet_w32_coco"


def changed(name: str, change) -> dict:
    tensors = dict(layout(name))
    change(tensors)
    return {"model": tensors}


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("capf_hrnet_w32", lambda t: t.pop("volume_net.head.1.bias"),
         "1 of 1943 weights are missing: volume_net.head.1.bias"),
        ("capf_hrnet_w32", lambda t: t.update({"volume_net.extra": torch.zeros(1)}),
         "1 weights are unknown: volume_net.extra"),
        ("capf_hrnet_w32", lambda t: t.update({"volume_net.head.1.bias": torch.zeros(4)}),
         "volume_net.head.1.bias is (4,) instead of (3,)"),
        ("capf_hrnet_w32", lambda t: t.update({"volume_net.head.1.bias": "three"}),
         "volume_net.head.1.bias is no tensor"),
        ("capf_hrnet_w32", lambda t: t.update({"backbone.bn1.bias": torch.full((64,), np.nan)}),
         "backbone.bn1.bias is not finite"),
        ("hrnet_w32_coco", lambda t: t.update({checkpoint_import._WIDTH_KEY:
         torch.zeros(40, 40, 3, 3)}), "an HRNet-W40, known are W32 and W48"),
        ("capf_hrnet_w32", lambda t: [t.pop(k) for k in list(t) if k.startswith("backbone.")],
         "another detector than HRNet"),
        ("hrnet_w32_coco", lambda t: [t.pop(k) for k in list(t) if not k.startswith("head.")],
         "names are not HRNet's (head.final_layer.weight, head.final_layer.bias)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(tmp_path, name, change, words):
    error = refused(saved(tmp_path, changed(name, change)), tmp_path)
    assert error.code == "bad_checkpoint"
    assert words in error.message
    assert "best_epoch_hrnet_32.bin" in error.hint


def test_lifter_of_one_width_with_the_backbone_of_the_other(tmp_path):
    mixed = dict(layout("capf_hrnet_w48"))
    mixed |= {k: v for k, v in layout("capf_hrnet_w32").items() if k.startswith("backbone.")}
    error = refused(saved(tmp_path, {"model": mixed}), tmp_path)
    assert "weights have another shape: volume_net." in error.message


@pytest.mark.parametrize("content", [[1, 2], {"model": 3}, {}, {"a": torch.zeros(1)}])
def test_other_things_that_torch_saves(tmp_path, content):
    assert refused(saved(tmp_path, content), tmp_path).code == "bad_checkpoint"


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
@pytest.mark.parametrize("zip_format", [True, False])
def test_truncated(tmp_path, keep, zip_format):
    content = {"model": layout("capf_hrnet_w32")}
    file = saved(tmp_path, content, _use_new_zipfile_serialization=zip_format)
    data = file.read_bytes()
    file.write_bytes(data[: int(keep * len(data)) if keep < 1 else int(keep)])
    error = refused(file, tmp_path)
    assert error.code == "bad_checkpoint"
    assert "damaged" in error.message
    assert "\n" not in error.message


class Bomb:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("zip_format", [True, False])
def test_a_pickle_bomb_does_not_run(tmp_path, zip_format):
    mark = tmp_path / "exploded"
    content = {"model": layout("capf_hrnet_w32"), "meta": Bomb(mark)}
    file = saved(tmp_path, content, _use_new_zipfile_serialization=zip_format)
    error = refused(file, tmp_path)
    assert error.code == "unsafe_checkpoint"
    assert "posix.system" in error.message or "nt.system" in error.message
    file.write_bytes(pickle.dumps(Bomb(mark)))
    assert refused(file, tmp_path).code in ("unsafe_checkpoint", "bad_checkpoint")
    assert not mark.exists()
    os.system(f"touch {mark}")  # the fuse was not wet
    assert mark.exists()


def test_a_published_name_with_other_content(tmp_path):
    checkpoint = CHECKPOINTS["hrnet_w32_coco"]
    content = {"state_dict": layout(checkpoint.name)}
    error = refused(saved(tmp_path, content, checkpoint.published), tmp_path)
    assert error.code == "checksum_mismatch"
    assert refused(tmp_path / "missing.bin", tmp_path).code == "missing_file"


def test_the_registry_is_whole():
    assert {"hrnet_w32_coco", "capf_hrnet_w32", "hrnet_w48_coco", "capf_hrnet_w48"} == set(
        CHECKPOINTS
    )
    for checkpoint in CHECKPOINTS.values():
        assert checkpoint.licence
        assert checkpoint.inputs
        assert checkpoint.joints
        if checkpoint.source:
            assert checkpoint.source.startswith("https://")
            assert checkpoint.source.endswith(checkpoint.published)
            assert len(checkpoint.sha256) >= 8
            assert checkpoint.sha256 in checkpoint.published
    for card in MODEL_CARDS:
        assert card.commercial_use == all(c.commercial_use for c in card.checkpoints)


# --- downloads ----------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Serves `content` in ranges; connections break after `breaks[n]` bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = os.urandom(1_000_000)
        self.breaks: list[int] = []
        self.ranges = True
        self.status = 200
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/weights.pth"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append(wanted)
        content, size = self.server.content, len(self.server.content)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(wanted[6:].rstrip("-")) if wanted and self.server.ranges else 0
        if wanted and self.server.ranges and start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        self.send_response(206 if wanted and self.server.ranges else 200)
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        end = start + self.server.breaks.pop(0) if self.server.breaks else size
        self.wfile.write(content[start:end])

    def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 - its name
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(checkpoints, "_PAUSE_S", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()


def get(server: Server, target: Path, sha256: str | None = None) -> list[tuple[int, int]]:
    steps: list[tuple[int, int]] = []
    wanted = server.sha256[:8] if sha256 is None else sha256
    checkpoints.download(server.address, target, wanted, lambda *step: steps.append(step))
    assert target.read_bytes() == server.content
    assert not target.with_name(target.name + ".part").exists()
    return steps


def test_a_download_in_one_go(server, tmp_path):
    steps = get(server, tmp_path / "file")
    assert server.asked == [""]
    assert steps[-1] == (1_000_000, 1_000_000)
    assert sorted(steps) == steps


def test_broken_connections_are_taken_up_again(server, tmp_path):
    server.breaks = [300_000, 0, 0, 500_000]
    steps = get(server, tmp_path / "file")
    assert server.asked == ["", *["bytes=300000-"] * 3, "bytes=800000-"]
    assert {total for _, total in steps} == {1_000_000}


def test_a_connection_that_stays_broken_then_again(server, tmp_path):
    server.breaks = [400_000, 0, 0, 0]
    with pytest.raises(CaptureError) as caught:
        get(server, tmp_path / "file")
    assert caught.value.code == "offline"
    assert "continues" in caught.value.hint
    assert (tmp_path / "file.part").stat().st_size == 400_000
    get(server, tmp_path / "file")
    assert server.asked[-1] == "bytes=400000-"


def test_all_but_the_last_step_was_done(server, tmp_path):
    (tmp_path / "file.part").write_bytes(server.content)
    get(server, tmp_path / "file")
    assert server.asked == ["bytes=1000000-"]


def test_a_server_without_ranges(server, tmp_path):
    server.ranges = False
    (tmp_path / "file.part").write_bytes(b"the beginning of something else")
    get(server, tmp_path / "file")


def test_more_on_the_disk_than_on_the_server(server, tmp_path):
    (tmp_path / "file.part").write_bytes(server.content + b"and more")
    get(server, tmp_path / "file")


def test_a_wrong_checksum(server, tmp_path):
    with pytest.raises(CaptureError) as caught:
        get(server, tmp_path / "file", "0123abcd")
    assert caught.value.code == "checksum_mismatch"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status, code", [(404, "not_found"), (503, "offline")])
def test_a_server_that_refuses(server, tmp_path, status, code):
    server.status = status
    with pytest.raises(CaptureError) as caught:
        get(server, tmp_path / "file")
    assert caught.value.code == code


def test_cancelling_keeps_what_came(server, tmp_path):
    def cancel(done: int, _total: int) -> None:
        if done > 200_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoints.download(server.address, tmp_path / "file", server.sha256, cancel)
    assert (tmp_path / "file.part").stat().st_size > 200_000
    get(server, tmp_path / "file")


def test_fetch_downloads_checks_and_converts(server, tmp_path, monkeypatch):
    """The whole way, with a file in OpenMMLab's layout at an address and hash of its own."""
    import dataclasses

    file = saved(tmp_path, {"state_dict": layout("hrnet_w32_coco"), "meta": NUMPY_NOTES})
    server.content = file.read_bytes()
    entry = dataclasses.replace(
        CHECKPOINTS["hrnet_w32_coco"], source=server.address, sha256=server.sha256[:8]
    )
    monkeypatch.setitem(CHECKPOINTS, entry.name, entry)
    stages: list[str] = []
    for _ in range(2):
        target = checkpoints.fetch(
            entry.name, tmp_path / "models", lambda stage, _done, _total: stages.append(stage)
        )
        assert os.listdir(tmp_path / "models") == [target.name]
    assert len(server.asked) == 1
    assert set(stages) == {"Downloading HRNet-W32", "Checking Weights"}
    with pytest.raises(CaptureError) as caught:
        checkpoints.fetch("capf_hrnet_w32", tmp_path / "models", lambda *_: None)
    assert caught.value.code == "not_downloadable"
    with pytest.raises(CaptureError) as caught:
        checkpoints.fetch("nothing", tmp_path / "models", lambda *_: None)
    assert caught.value.code == "unknown_checkpoint"
