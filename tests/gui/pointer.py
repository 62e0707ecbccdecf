# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouse, and what lies below it.

Blender does not say where a button is. It does say which button the pointer is over, so a button is
found as a user finds it: by going over the region, row by row, reading what is there. Nothing is
compared with pictures; themes, languages and sizes do not matter.
"""

import subprocess
from collections.abc import Generator

import bpy

Steps = Generator[float, None, None]

_UNIT = 20  # pixels of a button's height at scale 1
_COLUMNS = (0.5, 0.3, 0.75, 0.15, 0.9)
"""Where across the region a row is probed: most buttons are as wide as it, so the first one has the
whole region searched before the others are tried."""
_PAGES = 12

_view: dict = {}  # the window, area and region type that the steps are about
_seen: dict[str, tuple[int, int]] = {}  # label: place in the region, scrolled as it is now
_names: set[str] = set()


def look_at(window: bpy.types.Window, area: bpy.types.Area, region_type: str) -> bpy.types.Region:
    """Makes that region the one in which buttons are sought."""
    _view.update(window=window, area=area, region_type=region_type)
    _seen.clear()
    _names.clear()
    return region()


def area() -> bpy.types.Area:
    return _view["area"]


def region() -> bpy.types.Region:
    return next(each for each in area().regions if each.type == _view["region_type"])


def seen() -> set[str]:
    """Labels of the buttons found so far in the region."""
    return set(_names)


def rectangle() -> tuple[int, int, int, int]:
    """Left, top, width and height of what of the region is on the screen."""
    left, bottom = _on_screen(_view["window"], region(), 0, 0)
    right, top = _on_screen(_view["window"], region(), region().width, region().height)
    return left, top, right - left, bottom - top


# --- finding ------------------------------------------------------------------------------------


def find(label: str) -> Generator[float, None, tuple[int, int] | None]:
    """Moves the pointer onto the button; its place, None when it is nowhere in the region."""
    if running := [each.bl_idname for each in _view["window"].modal_operators]:
        raise RuntimeError(f"{running} takes all events, so no button can be pressed")
    if (place := _seen.get(label)) and label in (yield from _labels_at(*place)):
        return place
    for columns in (_COLUMNS[:1], _COLUMNS[1:]):
        yield from scroll_to_top()
        while True:
            for column in columns:
                if place := (yield from _scan(label, int(column * region().width))):
                    return place
            if not (yield from scroll_page()):
                break
    return None


def _scan(label: str, x: int) -> Generator[float, None, tuple[int, int] | None]:
    step = max(4, int(0.55 * _UNIT * bpy.context.preferences.system.ui_scale))
    for y in range(region().height - step, 0, -step):
        for found in (yield from _labels_at(x, y)):
            _names.add(found)
            _seen.setdefault(found, (x, y))
            if found == label:
                return x, y
    return None


def _labels_at(x: int, y: int) -> Generator[float, None, tuple[str, ...]]:
    yield from move(_view["window"], region(), x, y)
    with bpy.context.temp_override(window=_view["window"], area=area(), region=region()):
        for ask, name in (
            (bpy.ops.ui.copy_python_command_button, _operator_names),
            (bpy.ops.ui.copy_data_path_button, _property_names),
        ):
            if not ask.poll():
                continue
            full = {"full_path": True} if name is _property_names else {}
            if ask("EXEC_DEFAULT", **full) == {"FINISHED"}:
                return name(bpy.context.window_manager.clipboard)
    return ()


def _operator_names(command: str) -> tuple[str, ...]:
    """ "bpy.ops.capf.set_up()": "Set Up" and "capf.set_up"."""
    folder, name = command.removeprefix("bpy.ops.").split("(")[0].split(".")
    return getattr(getattr(bpy.ops, folder), name).get_rna_type().name, f"{folder}.{name}"


def _property_names(path: str) -> tuple[str, ...]:
    """ "bpy.data.scenes["Scene"].capf.height": "Height" and "capf.height"."""
    owner_path, _, name = path.rpartition(".")
    if not owner_path.startswith("bpy.data."):
        return ()
    owner = bpy.data.path_resolve(owner_path.removeprefix("bpy.data."))
    named = owner.bl_rna.properties.get(name)
    return (named.name, f"{owner_path.rpartition('.')[2]}.{name}") if named else ()


def scroll_to_top() -> Steps:
    yield from _scroll("4", _PAGES * region().height)


def scroll_page() -> Generator[float, None, bool]:
    """Less than a page down; False where the end was there already."""
    return (yield from _scroll("5", int(0.6 * region().height)))


def _scroll(button: str, pixels: int) -> Generator[float, None, bool]:
    """Turns the wheel over the region until that much or nothing more moves; whether any did."""
    start = last = region().view2d.region_to_view(0, 0)[1]
    yield from move(_view["window"], region(), 12, region().height // 2)
    while abs(last - start) < pixels:
        yield from xdotool("click", "--repeat", "2", "--delay", "20", button)
        yield 0.3
        now = region().view2d.region_to_view(0, 0)[1]
        if now == last:
            break
        last = now
    if last != start:
        _seen.clear()
    return last != start


# --- the mouse ----------------------------------------------------------------------------------


def move(window: bpy.types.Window, to: bpy.types.Region, x: int, y: int) -> Steps:
    """The pointer to a place in a region, pixels from its lower left corner."""
    left, top = _on_screen(window, to, x, y)
    yield from xdotool("mousemove", str(left - 1), str(top), "mousemove", str(left), str(top))
    yield 0.0  # Blender reads the event ...
    yield 0.0  # ... and has handled it


def press() -> Steps:
    """A click where the pointer is."""
    yield 0.2
    yield from xdotool("mousedown", "1", "sleep", "0.1", "mouseup", "1")
    yield 0.3


def xdotool(*words: str) -> Steps:
    """Blender goes on while it works."""
    process = subprocess.Popen(["xdotool", *words])
    while process.poll() is None:
        yield 0.0
    if process.returncode:
        raise RuntimeError(f"xdotool {' '.join(words)} ended with {process.returncode}")


def _on_screen(window: bpy.types.Window, of: bpy.types.Region, x: int, y: int) -> tuple[int, int]:
    """X counts from the top, Blender from the bottom of its window."""
    screen_height = bpy.context.window_manager.windows[0].height
    return max(0, window.x + of.x + x), max(0, screen_height - (window.y + of.y + y) - 1)
