# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user does in a Blender window, one function a step; a story is a generator of such steps.

    def story():
        yield from steps.install()
        yield from steps.show_tab("SEQUENCE_EDITOR")
        yield from steps.click("Capture 3D Pose")
        yield from steps.wait_until(lambda: ..., 60, "the capture")
        yield from steps.shoot("captured")

    steps.play(story)

Runs inside Blender. Between two steps Blender's main loop runs, so each click is drawn and handled.
"""

import importlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pointer

TOLD = json.loads(os.environ["CAPF_STORY"])
PACKAGE = "bl_ext.user_default.capf_blender"
Steps = Generator[float, None, Any]  # yields seconds until it goes on

facts: dict[str, Any] = {"shots": {}, "clicked": []}


_began = time.monotonic()


class StepError(Exception):
    """A step that a user could not have done."""


def module(name: str) -> ModuleType:
    """A module of the installed add-on, for example "blender.session"."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def say(words: str) -> None:
    """A line in blender.log, with the story's seconds."""
    print(f"[{time.monotonic() - _began:6.1f} s] {words}", flush=True)


def main_window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


# --- the steps ----------------------------------------------------------------------------------


def install(open_panels: bool = True) -> Steps:
    """Install from Disk, as in the preferences, and enable; with all panels open, or as they are
    for a user."""
    bpy.ops.extensions.package_install_files(
        filepath=TOLD["zip"], repo="user_default", enable_on_install=True
    )
    if PACKAGE not in bpy.context.preferences.addons:
        raise StepError("Blender could not enable the add-on")
    if open_panels:
        show_panels()
    say("installed")
    yield 0.5


def open_area(kind: str) -> Steps:
    """An area of that type in the main window; a half of the largest one where there is none."""
    window = main_window()
    areas = sorted(window.screen.areas, key=lambda area: -area.width * area.height)
    if all(area.type != kind for area in areas):
        before = set(areas)
        with bpy.context.temp_override(window=window, area=areas[0]):
            bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5)
        new = next(area for area in window.screen.areas if area not in before)
        new.type = kind
        yield 0.5
    area = next(area for area in window.screen.areas if area.type == kind)
    pointer.look_at(window, area, "WINDOW")


def show_tab(kind: str, tab: str = "CAPF") -> Steps:
    """Opens the sidebar of an area at a tab; later clicks mean its buttons."""
    yield from open_area(kind)
    area = pointer.area()
    area.spaces.active.show_region_ui = True
    region = pointer.look_at(main_window(), area, "UI")
    yield 0.5  # the tabs are known once it was drawn
    region.active_panel_category = tab
    area.tag_redraw()
    yield 0.5


def show_panels(*sections: str) -> None:
    """Leaves only these ("bake") in the sidebars, or all, and opens those that were not drawn yet:
    Blender has no other way to ask for it."""
    panels = [cls for cls in module("ui").CLASSES if issubclass(cls, bpy.types.Panel)]
    for panel in reversed(panels):
        if panel.is_registered:
            bpy.utils.unregister_class(panel)
    for panel in panels:
        panel.bl_options = set(getattr(panel, "bl_options", ())) - {"DEFAULT_CLOSED"}
        if not sections or panel.__module__.rpartition(".")[2] in sections:
            bpy.utils.register_class(panel)


def open_preferences() -> Steps:
    """The preferences' own window, at the add-on; later clicks mean its buttons."""
    bpy.ops.screen.userpref_show()
    yield 1.0
    window = bpy.context.window_manager.windows[-1]
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "CAPF"
    bpy.ops.preferences.addon_expand(module=PACKAGE)
    area = next(area for area in window.screen.areas if area.type == "PREFERENCES")
    pointer.look_at(window, area, "WINDOW")
    yield 1.0


def close_preferences() -> Steps:
    window = bpy.context.window_manager.windows[-1]
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_close()
    yield 0.5


def click(label: str) -> Steps:
    """A mouse click on the button or checkbox of that English label (or operator, "capf.cancel") in
    the region last shown. Its text may be translated. StepError when it is not there."""
    place = yield from pointer.find(label)
    if place is None:
        raise StepError(f"there is no button {label!r}; there are {sorted(pointer.seen())}")
    yield from pointer.press()
    say(f"clicked {label}")
    facts["clicked"].append(label)


def key(keys: str, over: str) -> Steps:
    """A key ("Right", "ctrl+z") with the pointer over an area of that type."""
    area = next(area for area in main_window().screen.areas if area.type == over)
    region = next(region for region in area.regions if region.type == "WINDOW")
    yield from pointer.move(main_window(), region, region.width // 4, region.height // 4)
    yield from pointer.xdotool("key", keys)
    yield 0.2


def wait_until(condition: Callable[[], Any], limit_s: float, what: str) -> Steps:
    """Until it is true; StepError after that many seconds."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise StepError(f"{what} took more than {limit_s:.0f} s")
        yield 0.05


def shoot(name: str) -> Steps:
    """A picture of the whole screen, and where in it the region last shown lies."""
    file = Path(TOLD["out"]) / f"{TOLD['name']}-{name}.png"
    yield 0.3
    process = subprocess.Popen(["import", "-window", "root", str(file)])
    yield from wait_until(lambda: process.poll() is not None, 30, f"the picture {name}")
    say(f"saw {name}")
    facts["shots"][file.name] = pointer.rectangle()


def shoot_pages(name: str) -> Steps:
    """Pictures of the region last shown from its top to its end: name-1, name-2 ..."""
    yield from pointer.scroll_to_top()
    number = 1
    yield from shoot(f"{name}-{number}")
    while (yield from pointer.scroll_page()):
        number += 1
        yield from shoot(f"{name}-{number}")


# --- a story ------------------------------------------------------------------------------------


def play(story: Callable[[], Steps]) -> None:
    """Plays it by a timer and ends Blender: as a user does, or with status 1 when a step failed."""
    view = bpy.context.preferences.view
    view.show_splash = view.use_save_prompt = False
    steps = story()
    end = time.monotonic() + TOLD["limit_s"]

    def next_step() -> float | None:
        try:
            if time.monotonic() > end:
                steps.throw(StepError(f"the story took more than {TOLD['limit_s']:.0f} s"))
            return next(steps)
        except StopIteration:
            _end_well()
        except Exception:  # whatever it is, it has to end Blender
            traceback.print_exc()
            _end_badly()
        return None

    bpy.app.timers.register(next_step, first_interval=1.0, persistent=True)


def _end_well() -> None:
    facts["blender"] = bpy.app.version_string
    Path(TOLD["facts"]).write_text(json.dumps(facts), encoding="utf-8")
    with bpy.context.temp_override(window=main_window()):
        bpy.ops.wm.quit_blender()


def _end_badly() -> None:
    file = Path(TOLD["out"]) / f"{TOLD['name']}-failure.png"
    subprocess.run(["import", "-window", "root", str(file)], timeout=30, check=False)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
