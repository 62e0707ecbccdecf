# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entry of the worker: `python -I <package>/worker/__main__.py [--home DIR] [capture ...]`."""

import os
import sys
from pathlib import Path


def extend_path() -> None:
    """Makes `capf_blender` and `models` importable, behind everything that is installed."""
    package = Path(__file__).resolve().parents[1]
    sys.path.append(str(package.parent))
    if (package / "models").is_dir():  # the installed add-on; in the source tree they are siblings
        sys.path.append(str(package))


if __name__ == "__main__":
    extend_path()
    # Read by OpenMP when torch is loaded. Its threads otherwise burn the processor while they wait
    # for each other: with Blender at work on the same cores, captures took 10 to 20 times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from capf_blender.worker.command_line import main

    sys.exit(main())
