# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in a Blender without a window: installed from its zip, driven by its operators.

These scripts run in the interpreter of a bpy wheel. They are not part of the zip.
"""

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import bpy

BLENDER_LOG = "blender.log"
PACKAGE = "bl_ext.user_default.capf_blender"


def install(archive: Path) -> None:
    """Installs and enables the zip, as Install from Disk in the preferences; empties the scene."""
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.preferences.system.use_online_access = True
    with silenced():
        bpy.ops.extensions.package_install_files(
            filepath=str(archive), repo="user_default", enable_on_install=True
        )
    if PACKAGE not in bpy.context.preferences.addons:
        raise SystemExit(f"Blender {bpy.app.version_string} could not enable {archive.name}.")


def module(name: str) -> ModuleType:
    """A module of the installed add-on, for example "blender.session"."""
    return importlib.import_module(f"{PACKAGE}.{name}")


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keeps what Blender's own code prints (each saved file, harmless EGL errors) off the terminal;
    it goes to `BLENDER_LOG` among Blender's settings."""
    sys.stdout.flush()
    folder = bpy.utils.resource_path("USER")
    os.makedirs(folder, exist_ok=True)
    log = os.path.join(folder, BLENDER_LOG)
    kept = os.dup(1), os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        sys.stdout.flush()
        for saved, descriptor in zip(kept, (1, 2), strict=True):
            os.dup2(saved, descriptor)
            os.close(saved)
        os.close(target)


def save(file: Path) -> None:
    with silenced():
        bpy.ops.wm.save_as_mainfile(filepath=str(file), compress=True)


def call(operator, **options) -> None:
    """Calls an operator; its error report ends this program with the same sentence."""
    try:
        operator(**options)
    except RuntimeError as error:
        raise SystemExit(str(error).removeprefix("Error: ").strip()) from error


def wait_for_job() -> None:
    """Pumps the add-on's job to its end, as its timer does in a window, and prints its progress."""
    session = module("blender.session")
    drawing = module("blender.drawing")
    shown = ""
    while session.is_running():
        if (text := drawing.progress_text(session.current.job)) != shown:
            shown = text
            if sys.stdout.isatty():
                print(f"\r\x1b[K{text}", end="", flush=True)
        time.sleep(0.02)
        session.pump()
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")
    if session.current.failed:
        raise SystemExit(session.current.message)
    print(session.current.message, flush=True)


def add_movie_strip(video: Path) -> bpy.types.Strip:
    """A strip of the whole clip from frame 1, the scene's rate and range set to the clip's."""
    if not video.is_file():
        raise SystemExit(f"{video} is no file. Give the path of a video.")
    scene = bpy.context.scene
    editor = scene.sequence_editor_create()
    strip = editor.strips.new_movie(video.stem, str(video), channel=1, frame_start=1)
    if strip.fps:  # else it cannot be read, which the capture says in better words
        scene.render.fps = max(1, round(strip.fps))
        scene.render.fps_base = scene.render.fps / strip.fps
    _, end = module("blender.compat").handles(strip)
    scene.frame_start, scene.frame_end = 1, end - 1
    return strip
