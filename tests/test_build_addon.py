# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip: the same bytes each time, small, pure Python, nothing but what the add-on needs."""

import shutil
import tomllib
import zipfile

import build_addon


def test_the_same_sources_give_the_same_bytes(tmp_path, repo, monkeypatch):
    first = build_addon.build(tmp_path / "first").read_bytes()
    copy = tmp_path / "copy of the repository"
    for name in ("capf_blender", "models", "addon_manifest"):
        shutil.copytree(repo / name, copy / name, copy_function=shutil.copyfile)
    shutil.copyfile(repo / "LICENSE", copy / "LICENSE")
    monkeypatch.setattr(build_addon, "REPO", copy)
    monkeypatch.setattr(build_addon, "MANIFEST", copy / "addon_manifest")
    assert build_addon.build(tmp_path / "second").read_bytes() == first


def test_contents(tmp_path):
    path = build_addon.build(tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
    assert (manifest["id"], manifest["name"]) == ("capf_blender", "CAPF Motion Capture")
    assert path.name == f"capf_blender-{manifest['version']}.zip"
    assert {"__init__.py", "models/interface.py", "worker/__main__.py", "LICENSE"} <= set(names)
    assert {name.rsplit(".", 1)[-1] for name in names if "." in name} <= {
        "py", "toml", "txt", "json", "safetensors", "md"
    }  # fmt: skip
    left_out = {"__pycache__", "training", "evaluation", "datasets", "headless"}
    assert not [name for name in names if left_out.intersection(name.split("/"))]
    weights = sum(archive.getinfo(n).compress_size for n in names if n.endswith(".safetensors"))
    assert weights <= 32e6
    assert path.stat().st_size - weights < 5e6
    assert "models/weights/blazepose_lifter.safetensors" in names
