#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the add-on's zip, the same bytes from the same sources on every machine.

    python3 build_addon.py [--out DIR] [--blender-ext PATH]

Pure standard library. With Blender's own `blender_ext.py` at hand the zip is validated by it.
"""

import argparse
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

REPO = Path(__file__).resolve().parent
MANIFEST = REPO / "addon_manifest"
LEFT_OUT = {"__pycache__", "headless"} | {  # what only a source tree has a use for
    "training", "evaluation", "datasets", "benchmark.py", "stick_people.py"
}  # fmt: skip
TIMESTAMP = (2026, 1, 1, 0, 0, 0)


def addon_files() -> dict[str, Path]:
    """Name inside the zip -> file, sorted by name."""
    files = {path.name: path for path in MANIFEST.iterdir() if path.is_file()}
    files["LICENSE"] = REPO / "LICENSE"
    for top, prefix in ((REPO / "capf_blender", ""), (REPO / "models", "models/")):
        for path in top.rglob("*"):
            parts = path.relative_to(top).parts
            if path.is_file() and not LEFT_OUT.intersection(parts) and path.suffix != ".pyc":
                files[prefix + "/".join(parts)] = path
    return dict(sorted(files.items()))


def build(out: Path) -> Path:
    """Writes `out/capf_blender-VERSION.zip` and returns its path."""
    manifest = tomllib.loads((MANIFEST / "blender_manifest.toml").read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{manifest['id']}-{manifest['version']}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, source in addon_files().items():
            entry = zipfile.ZipInfo(name, TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # Unix, on Windows too
            archive.writestr(entry, source.read_bytes())
    return path


def find_blender_ext() -> Path | None:
    """Blender's extension command line inside any bpy wheel that run.py installed."""
    found = REPO.glob(
        ".venv-bpy-*/**/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"
    )
    return next(iter(sorted(found, reverse=True)), None)


def validate(path: Path, blender_ext: Path) -> None:
    """Raises SystemExit with the validator's words when it refuses the zip."""
    command = [sys.executable, str(blender_ext), "validate", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Blender's validator refuses {path}:\n{done.stdout}{done.stderr}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the add-on zip")
    parser.add_argument("--out", type=Path, default=REPO / "dist", help="folder for the zip")
    parser.add_argument("--blender-ext", type=Path, help="Blender's blender_ext.py")
    options = parser.parse_args()
    path = build(options.out)
    blender_ext = options.blender_ext or find_blender_ext()
    if blender_ext:
        validate(path, blender_ext)
    verdict = "valid" if blender_ext else "not validated: no Blender at hand"
    print(f"{path} ({path.stat().st_size / 1e6:.2f} MB, {verdict})")


if __name__ == "__main__":
    main()
