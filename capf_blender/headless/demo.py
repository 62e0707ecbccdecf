# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole product once, without a window: zip, set-up, strip, capture, armature, pictures.

python capf_blender/headless/demo.py --zip ZIP --video VIDEO --out DIR --worker-python EXE
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import addon
import bpy
import numpy as np
import views

MOMENTS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description="Capture a clip in a headless Blender")
    parser.add_argument("--zip", type=Path, required=True)
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--worker-python", required=True)
    options = parser.parse_args()

    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def stage(name: str) -> None:
        nonlocal started
        seconds[name] = time.perf_counter() - started
        started = time.perf_counter()

    print(f"Blender {bpy.app.version_string}: installing {options.zip.name}", flush=True)
    addon.install(options.zip)
    preferences = addon.module("preferences").preferences(bpy.context)
    preferences.python = options.worker_python
    stage("install")

    addon.call(bpy.ops.capf.set_up)
    addon.wait_for_job()
    stage("set-up")

    addon.add_movie_strip(options.video)
    addon.save(options.out / "demo.blend")
    addon.call(bpy.ops.capf.capture_pose)
    addon.wait_for_job()
    stage("capture")

    addon.call(bpy.ops.capf.apply_take)
    stage("apply")

    settings = bpy.context.scene.capf
    take_folder = Path(settings.take_folder)
    choices = addon.module("blender.choices")
    shot = choices.chosen_shot(bpy.context)
    moments = pick_moments(shot.take, shot.frames, shot.times_s)
    pictures = options.out / "moments"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    motion = choices.chosen_motion(bpy.context, shot)
    camera = addon.module("blender.camera").create(
        bpy.context, motion.camera, motion.world_from_camera, set_resolution=True
    )
    views.prepare(bpy.context.scene)
    for index, moment in enumerate(moments):
        views.render(camera, moment["frame"], pictures / f"{index}_camera.png")
        side = views.side_camera(camera, settings.armature, settings.height)
        views.render(side, moment["frame"], pictures / f"{index}_side.png")
    bpy.context.scene.camera = camera
    addon.save(options.out / "demo.blend")
    (pictures / "moments.json").write_text(json.dumps(moments))
    environment = addon.module("bridge.environment")
    sheet = options.out / "demo.png"
    subprocess.run(
        [
            str(environment.venv_python(environment.home_folder(preferences.home))),
            *("-I", "-B", str(Path(__file__).with_name("contact_sheet.py"))),
            *(str(take_folder), str(pictures), str(sheet)),
        ],
        check=True,
    )
    shutil.rmtree(pictures)
    stage("pictures")
    reprojection_px = float(np.nanmean(motion.reprojection_px))
    print_summary(shot.take, take_folder, reprojection_px, seconds, sheet)


def pick_moments(take, frames: np.ndarray, times_s: np.ndarray) -> list[dict]:
    """Scene frames and source times, evenly spread over those that show the person."""
    nearest = np.abs(take.time_s[:, None] - times_s).argmin(axis=0)
    shown = np.flatnonzero(take.present[nearest])
    chosen = shown[np.linspace(0, len(shown) - 1, min(MOMENTS, len(shown))).round().astype(int)]
    return [{"frame": int(frames[i]), "take_frame": int(nearest[i])} for i in chosen]


def print_summary(
    take, folder: Path, reprojection_px: float, seconds: dict[str, float], sheet: Path
) -> None:
    record = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    people = ", ".join(f"{p['id']} ({p['coverage']:.0%} of the clip)" for p in record["people"])
    stages = seconds | {f"  {name}": value for name, value in record["seconds"].items()}
    print(f"frames        {record['frames']}, person in {int(take.present.sum())}")
    print(f"people        {people}; captured {record['person']}")
    for name, value in stages.items():
        print(f"{name:<13} {value:.1f} s")
    print(f"speed         {record['fps']:.1f} frames a second")
    print(f"reprojection  {reprojection_px:.1f} px on average")
    print(f"picture       {sheet}")
    print(f"animation     {sheet.with_suffix('.blend')}")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # a registered timer or handler can hang Blender's module at exit (4.5)
