# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story that fails: it looks for a button that nobody has."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import steps


def story():
    yield from steps.install(open_panels=False)
    yield from steps.show_tab("VIEW_3D")
    yield from steps.click("No Such Button")


steps.play(story)
