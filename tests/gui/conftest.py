# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests in a real Blender window. `python3 run.py gui` makes what they need and starts them."""

import pytest
from blender_window import Desk
from gui_root import usable

import build_addon


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "gui":
            item.add_marker(pytest.mark.gui)


@pytest.fixture(scope="session")
def desk(repo, worker_home, synthetic_clip, tmp_path_factory) -> Desk:
    root = repo / "build" / "gui-root"
    if not usable(root):
        pytest.skip("no Blender with a window here: python3 run.py gui makes one or says why not")
    out = repo / "out" / "gui"
    out.mkdir(parents=True, exist_ok=True)
    (out / "blender.log").unlink(missing_ok=True)
    archive = build_addon.build(tmp_path_factory.mktemp("zip"))
    return Desk(root, worker_home.resolve(), archive, synthetic_clip.video, out)
