# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest frame of the running capture, as an icon for the panel and as an image to open in an
Image Editor. The worker draws it into the job folder; no pixels pass through the pipe."""

from pathlib import Path

import bpy
import numpy as np
from bpy.utils import previews  # pyright: ignore[reportMissingImports]

from ..core.take import PREVIEW_FILE

IMAGE = "CAPF Preview"
_ICON = "newest frame"

_icons: previews.ImagePreviewCollection | None = None
_shown: tuple[str, int] | None = None  # file and time of its change


def refresh(job_folder: Path) -> None:
    """Shows the picture in `job_folder` if it is newer than what is shown."""
    global _shown
    file = job_folder / PREVIEW_FILE
    try:
        found = str(file), file.stat().st_mtime_ns
    except OSError:
        return  # none yet
    if found == _shown:
        return
    _shown = found
    image = _image(str(file))
    if not image.has_data and not image.size[0]:
        return  # a file that cannot be read is no reason to disturb a capture
    _show_icon(image)
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                area.tag_redraw()


def _image(file: str) -> bpy.types.Image:
    """By its name each time: undo and other files exchange what there is."""
    image = bpy.data.images.get(IMAGE)
    if image is None:
        image = bpy.data.images.load(file)
        image.name = IMAGE
    elif image.filepath != file:
        image.filepath = file  # reloads
    else:
        image.reload()
    return image


def _show_icon(image: bpy.types.Image) -> None:
    global _icons
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    icons = _icons = _icons or previews.new()
    icon = icons.get(_ICON) or icons.new(_ICON)
    icon.image_size = (width, height)
    icon.image_pixels_float.foreach_set(pixels)


def icon() -> int:
    """For `template_icon`; 0 when there is nothing to show."""
    return 0 if _icons is None else _icons[_ICON].icon_id


def close() -> None:
    """Nothing is captured any more."""
    global _icons, _shown
    _shown = None
    if _icons is not None:
        previews.remove(_icons)
        _icons = None
    image = bpy.data.images.get(IMAGE)
    if image is not None and not image.users:
        bpy.data.images.remove(image)
