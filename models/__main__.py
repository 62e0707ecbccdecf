# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Research command lines: `python -I <folder>/models/__main__.py COMMAND ...`, see COMMANDS."""

import importlib
import os
import sys
from pathlib import Path

COMMANDS = {
    "golden": "models.golden",
    "evaluate": "models.evaluation.command_line",
    "features": "models.training.features_command",
    "train": "models.training.command_line",
    "bench": "models.benchmark",
}
"""The module of each command; its `main(arguments) -> int` returns the exit code."""


def extend_path() -> None:
    """Makes `models` and `capf_blender` importable, behind everything that is installed."""
    above = Path(__file__).resolve().parents[1]
    sys.path.append(str(above))
    if (above / "core").is_dir():  # the installed add-on; in the source tree they are siblings
        sys.path.append(str(above.parent))


def main(arguments: list[str]) -> int:
    """Runs one command; 0, 1 after an error that has a sentence, 130 when interrupted."""
    from capf_blender.core.errors import CaptureError

    if not arguments or arguments[0] not in COMMANDS:
        print(f"Say which command: {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    try:
        command = importlib.import_module(COMMANDS[arguments[0]])
        return command.main(arguments[1:])
    except CaptureError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    extend_path()
    # Read by OpenMP when torch is loaded; see capf_blender/worker/__main__.py.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(main(sys.argv[1:]))
