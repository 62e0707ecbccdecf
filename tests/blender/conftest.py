# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender tests run in the interpreter of a bpy wheel, with the add-on installed from its zip."""

import os
import sys
import tempfile

import pytest

# before the first import of bpy, or the user's own settings are read and written
os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="capf-blender-")

_exit_status = 0


@pytest.fixture(scope="session")
def addon(repo, tmp_path_factory):
    """capf_blender.headless.addon, with the zip installed and enabled."""
    import build_addon

    sys.path.insert(0, str(repo / "capf_blender" / "headless"))
    import addon

    addon.install(build_addon.build(tmp_path_factory.mktemp("zip")))
    return addon


@pytest.fixture
def scene(addon):
    """An empty scene, the add-on enabled."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True)
    return bpy.context.scene


def pytest_sessionfinish(session, exitstatus):
    global _exit_status
    _exit_status = int(exitstatus)


def pytest_unconfigure(config):
    # a registered timer or a generated rig can hang Blender's module at exit (4.5)
    sys.stdout.flush()
    os._exit(_exit_status)
