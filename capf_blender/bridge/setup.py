# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The set-up's command line, run by any Python 3.11+ from the installed add-on's own files:

python -I <package>/bridge/setup.py --home DIR [--python EXE] [--offline-folder DIR] [--check]
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Sets up or checks a home; the exit code is 0, 1 after an error, 130 when cancelled."""
    from capf_blender.bridge import environment
    from capf_blender.bridge.setup_steps import Plan, set_up
    from capf_blender.bridge.setup_talk import CancelledError, JsonTalk, TextTalk
    from capf_blender.core.errors import CaptureError

    parser = argparse.ArgumentParser(prog="capf set-up", description="Sets up the capture worker.")
    parser.add_argument("--home", help="the worker's folder; default: a folder of the user")
    parser.add_argument("--python", help="Python 3.11 to 3.13 that runs the worker")
    parser.add_argument("--offline-folder", help="folder of wheels and model files to set up from")
    parser.add_argument("--check", action="store_true", help="only say what is wrong")
    parser.add_argument("--text", action="store_true", help="sentences instead of JSON")
    parser.add_argument("--requirements", help="other packages than the add-on's own list")
    parser.add_argument("--hrnet-requirements", help="other packages for the HRNet models")
    parser.add_argument("--model-files", help="other model files than the add-on's own list")
    parser.add_argument("--no-smoke-run", action="store_true", help="do not start the worker")
    options = parser.parse_args(arguments)

    home = environment.home_folder(options.home)
    offline_folder = options.offline_folder and Path(options.offline_folder).absolute()
    plan = Plan(
        home,
        Path(options.requirements or environment.manifest_file(environment.REQUIREMENTS_FILE)),
        Path(
            options.hrnet_requirements
            or environment.manifest_file(environment.HRNET_REQUIREMENTS_FILE)
        ),
        Path(options.model_files or environment.manifest_file(environment.MODEL_FILES_FILE)),
        options.python,
        offline_folder,
        not options.no_smoke_run,
    )
    talk = TextTalk() if options.text else JsonTalk()
    signal.signal(signal.SIGTERM, talk.cancel)
    signal.signal(signal.SIGINT, talk.cancel)
    try:
        if options.check:
            environment.require_ready(home)
            talk.result({"type": "result", "home": str(home)})
        else:
            talk.result(set_up(plan, talk))
    except CaptureError as error:
        talk.error(error)
        return 1
    except CancelledError:
        talk.cancelled()
        return 130
    return 0


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    sys.exit(main())
