# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom: core <- bridge <- blender <- ops <- ui, core <- models <- worker, and
core <- rigs <- blender."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
ADDON = REPO / "capf_blender"
FILES = sorted([*ADDON.rglob("*.py"), *(REPO / "models").rglob("*.py")])
FORBIDDEN_IN_BLENDER = {"threading", "_thread", "socket", "pickle", "multiprocessing"}
ABOVE = {  # what a part of the add-on must not import
    "core": {"rigs", "bridge", "blender", "ops", "ui", "worker"},
    "rigs": {"bridge", "blender", "ops", "ui", "worker"},
    "bridge": {"rigs", "blender", "ops", "ui", "worker"},
    "blender": {"ops", "ui", "worker"},
    "ops": {"ui", "worker"},
    "ui": {"worker"},
    "worker": {"blender", "ops", "ui"},
}


def part_of(file: Path) -> str:
    """ "core", "worker", ...; "models"; "" for the add-on's top level."""
    inside = file.relative_to(REPO).parts
    return "models" if inside[0] == "models" else inside[1] if len(inside) > 2 else ""


def imports(file: Path) -> Iterator[str]:
    """Absolute dotted names of everything a file imports, anywhere in it."""
    package = file.relative_to(REPO).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def under(part: str) -> list[Path]:
    return [file for file in FILES if part_of(file) == part]


def foreign(file: Path) -> set[str]:
    """Top-level names from outside the standard library and this project."""
    names = {name.split(".")[0] for name in imports(file)}
    return names - set(sys.stdlib_module_names) - {"capf_blender", "models"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REPO)))
def test_imports(file):
    part, outside = part_of(file), foreign(file)
    if part == "core":
        assert outside <= {"numpy"}
    if part in ("bridge", "rigs"):
        assert not outside
    if part in ("worker", "models"):
        if "synthetic" not in file.parts:  # renders the training data; not in the zip
            assert not outside & {"bpy", "mathutils", "bmesh", "gpu", "blf"}
    else:
        assert "torch" not in outside
        assert not {name.split(".")[0] for name in imports(file)} & FORBIDDEN_IN_BLENDER
        assert not any(name.split(".")[0] == "models" for name in imports(file))
    if part == "models":
        ours = {name for name in imports(file) if name.startswith("capf_blender.")}
        # evaluation, which the zip leaves out, measures what the worker makes of a clip
        below = {"core", "bridge", "worker"} if "evaluation" in file.parts else {"core"}
        assert {name.split(".")[1] for name in ours} <= below
    own = [name.split(".")[1] for name in imports(file) if name.startswith("capf_blender.")]
    assert not ABOVE.get(part, set()) & set(own)


def test_there_is_something_to_test():
    for part in ABOVE:
        assert under(part)
    bridge = {name for file in under("bridge") for name in imports(file)}
    assert "capf_blender.core.errors.CaptureError" in bridge
