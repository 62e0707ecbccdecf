# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The set-up's command line, run by any Python 3.11+ from the installed add-on's own files:

python -I <package>/bridge/setup.py --home DIR [--python EXE] [--offline-folder DIR]
                                    [--check | --delete | --move-to DIR]
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Sets up, checks, deletes or moves a home; the exit code is 0, 1 after an error or a check
    that found a problem, 130 when cancelled."""
    from capf_blender.bridge import environment
    from capf_blender.bridge.setup_check import check
    from capf_blender.bridge.setup_folder import delete, move
    from capf_blender.bridge.setup_run import Runner
    from capf_blender.bridge.setup_steps import Plan, set_up, unusable_folder
    from capf_blender.bridge.setup_talk import CancelledError, JsonTalk, TextTalk
    from capf_blender.core.errors import CaptureError

    parser = argparse.ArgumentParser(prog="capf set-up", description="Sets up the capture worker.")
    parser.add_argument("--home", help="the worker's folder; default: a folder of the user")
    parser.add_argument("--python", help="Python 3.11 to 3.14 that runs the worker")
    parser.add_argument("--offline-folder", help="folder of wheels and model files to set up from")
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--check", action="store_true", help="only say what is right and wrong")
    task.add_argument("--delete", action="store_true", help="delete what a set-up made")
    task.add_argument("--move-to", metavar="DIR", help="move what a set-up made")
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
        _list(options.requirements, environment.REQUIREMENTS_FILE),
        _list(options.hrnet_requirements, environment.HRNET_REQUIREMENTS_FILE),
        _list(options.model_files, environment.MODEL_FILES_FILE),
        options.python,
        offline_folder,
        not options.no_smoke_run,
    )
    talk = TextTalk() if options.text else JsonTalk()
    signal.signal(signal.SIGTERM, talk.cancel)
    signal.signal(signal.SIGINT, talk.cancel)
    try:
        if options.check or options.delete or options.move_to:
            # not in the home, which may go or not be there
            runner = Runner(talk, Path(tempfile.mkdtemp(prefix="capf-blender-")) / "setup.log")
            if options.check:
                result = check(plan, runner)
            elif options.delete:
                result = delete(home, runner)
            else:
                target = Path(options.move_to).absolute()
                result = move(home, target, runner, plan.smoke_run)
        else:
            result = set_up(plan, talk)
        talk.result(result)
        return 0 if all(each["ok"] for each in result.get("findings", ())) else 1
    except OSError as error:
        talk.error(unusable_folder(home, error))
        return 1
    except CaptureError as error:
        talk.error(error)
        return 1
    except CancelledError:
        talk.cancelled()
        return 130


def _list(explicit: str | None, name: str) -> Path:
    from capf_blender.bridge.environment import manifest_file

    return Path(explicit).absolute() if explicit else manifest_file(name)


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    sys.exit(main())
