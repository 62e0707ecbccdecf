# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip in Blender: valid, installed without a warning, gone without a trace."""

import subprocess
import sys
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.blender


@pytest.fixture
def archive(tmp_path):
    import build_addon

    return build_addon.build(tmp_path)


def test_blenders_validator_accepts_the_zip(archive):
    import build_addon

    resources = Path(bpy.utils.resource_path("LOCAL")) / "scripts"
    build_addon.validate(archive, resources / "addons_core/bl_pkg/cli/blender_ext.py")


CYCLE = """
import os, sys, warnings
warnings.simplefilter("error")
sys.path.insert(0, sys.argv[1])
import bpy
before = {name for name in dir(bpy.types) if "CAPF" in name}
import pathlib, addon
addon.install(pathlib.Path(sys.argv[2]))
registered = {name for name in dir(bpy.types) if "CAPF" in name}
print("REGISTERED", len(registered), hasattr(bpy.context.scene, "capf"))
bpy.ops.preferences.addon_disable(module=addon.PACKAGE)
left = {name for name in dir(bpy.types) if "CAPF" in name} | {
    name for name in ("capf",) if hasattr(bpy.types.Scene, name) or name in dir(bpy.ops)
}
bpy.ops.preferences.addon_enable(module=addon.PACKAGE)
again = {name for name in dir(bpy.types) if "CAPF" in name}
bpy.ops.preferences.addon_disable(module=addon.PACKAGE)
print("LEFT", sorted(left), "AGAIN", again == registered)
sys.stdout.flush()
os._exit(0)
"""


def test_installs_and_leaves_without_a_word(archive, repo, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CYCLE, str(repo / "capf_blender" / "headless"), str(archive)],
        capture_output=True, text=True, check=False,
        env={"BLENDER_USER_RESOURCES": str(tmp_path / "blender"), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    logged = (tmp_path / "blender" / "blender.log").read_text()
    output = done.stdout + done.stderr + logged
    assert done.returncode == 0, output
    assert "Installed" in logged, output
    assert "REGISTERED" in output and "REGISTERED 0" not in output
    assert "LEFT [] AGAIN True" in output
    assert not [line for line in output.lower().splitlines() if "warning" in line], output
    assert "Traceback" not in output
