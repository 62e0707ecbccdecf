# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender half alone: a take onto a new armature, saved as a .blend.

python capf_blender/headless/apply.py --zip ZIP --take DIR --out FILE.blend
"""

import argparse
import os
import sys
from pathlib import Path

import addon
import bpy


def main() -> None:
    parser = argparse.ArgumentParser(description="Apply a take to an armature")
    parser.add_argument("--zip", type=Path, required=True)
    parser.add_argument("--take", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--height", type=float, default=1.75)
    options = parser.parse_args()
    addon.install(options.zip)
    scene = bpy.context.scene
    settings = scene.capf
    settings.take_folder = str(options.take)
    settings.height = options.height
    request = addon.module("core.take").load_request(options.take).get("request", {})
    source = Path(request.get("source", ""))
    if source.is_file() and source.suffix.lower() in bpy.path.extensions_movie:
        settings.take_strip = addon.add_movie_strip(source).name
    addon.call(bpy.ops.capf.apply_take)
    action = settings.armature.animation_data.action
    scene.frame_start, scene.frame_end = (int(frame) for frame in action.frame_range)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    addon.save(options.out)
    print(f"{options.out}: {settings.armature.name}, frames {scene.frame_start}-{scene.frame_end}")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # a registered timer or handler can hang Blender's module at exit (4.5)
