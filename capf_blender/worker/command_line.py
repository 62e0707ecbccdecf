# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker from a terminal: `capture`, `download` and `import` without Blender, `convert` and
`probe` for the set-up, else serving."""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..bridge import environment
from ..bridge.messages import CaptureRequest
from ..core.errors import CaptureError
from ..core.model_cards import CHECKPOINTS, DEFAULT_MODEL
from . import server
from .events import CancelledError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the worker; returns the exit code: 0, 1 after an error, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    for_people = options.command in ("capture", "download", "import")
    level = logging.WARNING if for_people else logging.INFO
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    home = environment.home_folder(options.home)
    if options.command == "convert":
        from models.blazepose.convert import convert

        convert(options.source, options.target)
        return 0
    if options.command == "probe":
        return _probe_hrnet()
    work = {"capture": _capture, "download": _get_weights, "import": _get_weights}
    if options.command in work:
        return _in_sentences(work[options.command], options, environment.models_folder(home))
    return server.serve(environment.models_folder(home))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="capf worker", description=__doc__)
    parser.add_argument("--home", type=Path, help="folder of the worker's venv and models")
    commands = parser.add_subparsers(dest="command")
    capture = commands.add_parser("capture", help="capture footage into a take folder")
    capture.add_argument("video", type=Path, help="video, still image or folder of images")
    capture.add_argument("--out", type=Path, required=True, help="folder of the take")
    capture.add_argument("--start", type=float, default=0.0, metavar="S", help="first second")
    capture.add_argument("--end", type=float, metavar="S", help="second to stop before")
    capture.add_argument("--person", type=int, metavar="N", help="id of the wanted person")
    capture.add_argument("--model", default=DEFAULT_MODEL)
    capture.add_argument("--lifter", type=Path, metavar="FILE", help="one that you trained")
    capture.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    capture.add_argument("--focal", type=float, metavar="PX", help="focal length in pixels")
    capture.add_argument("--image-fps", type=float, default=24.0, help="of a folder of images")
    download = commands.add_parser("download", help="fetch published weights")
    download.add_argument("name", choices=[c.name for c in CHECKPOINTS.values() if c.source])
    import_ = commands.add_parser("import", help="take over weights that you fetched yourself")
    import_.add_argument("file", type=Path)
    convert = commands.add_parser("convert", help="convert a published model file")
    convert.add_argument("source", type=Path)
    convert.add_argument("target", type=Path)
    probe = commands.add_parser("probe", help="say why a family of models cannot be loaded")
    probe.add_argument("family", choices=["hrnet"])
    return parser


def _probe_hrnet() -> int:
    from models.hrnet.backbone import load_hrnet

    try:
        load_hrnet(32)
    except CaptureError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def _in_sentences(
    work: "Callable[[argparse.Namespace, Path, _Terminal, threading.Event], str]",
    options: argparse.Namespace,
    models_folder: Path,
) -> int:
    """Runs `work`, prints what it returns or one sentence on why it failed; the exit code."""
    interrupted = threading.Event()

    def interrupt(_signal: int, _frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # the second one is not polite
        interrupted.set()

    signal.signal(signal.SIGINT, interrupt)
    terminal = _Terminal()
    try:
        result = work(options, models_folder, terminal, interrupted)
    except CaptureError as error:
        terminal.end_line()
        print(error, file=sys.stderr)
        return 1
    except CancelledError:
        terminal.end_line()
        print("Cancelled. The same command continues where it stopped.", file=sys.stderr)
        return 130
    except Exception:
        terminal.end_line()
        logging.getLogger(__name__).exception("unexpected")
        print(server.internal_error(), file=sys.stderr)
        return 1
    terminal.end_line()
    print(result)
    return 0


def _capture(
    options: argparse.Namespace,
    models_folder: Path,
    terminal: "_Terminal",
    interrupted: threading.Event,
) -> str:
    from . import pipeline  # loads torch, which takes a second

    request = CaptureRequest(
        source=str(options.video.absolute()),
        job_folder=str(options.out.absolute()),
        image_fps=options.image_fps,
        start_s=options.start,
        end_s=options.end,
        person=options.person,
        model=options.model,
        lifter=str(options.lifter.absolute()) if options.lifter else None,
        device=options.device,
        focal_px=options.focal,
    )
    return _summary(pipeline.capture(request, models_folder, terminal.show, interrupted.is_set))


def _get_weights(
    options: argparse.Namespace,
    models_folder: Path,
    terminal: "_Terminal",
    interrupted: threading.Event,
) -> str:
    from . import checkpoint_files

    if options.command == "download":
        checkpoint = checkpoint_files.download(
            options.name, models_folder, terminal.show, interrupted.is_set
        )
    else:
        checkpoint = checkpoint_files.import_file(
            options.file.absolute(), models_folder, terminal.show
        )
    use = "allowed" if checkpoint.commercial_use else "not allowed"
    return (
        f"Weights: {checkpoint.label}, {models_folder / checkpoint.file}\n"
        f"Licence: {checkpoint.licence}; commercial use {use}"
    )


class _Terminal:
    """Progress as one line that is overwritten; as a line every tenth where nobody watches."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = ""
        self._open = False

    def show(self, event: dict[str, Any]) -> None:
        if event["type"] == "log":
            self.end_line()
            print(event["message"], file=sys.stderr)
        elif event["type"] == "progress":
            self._progress(event)

    def _progress(self, event: dict[str, Any]) -> None:
        text = event["stage"]
        if event["total"]:
            text += f" {event['done']}/{event['total']}"
        tenth = f"{event['stage']} {10 * event['done'] // max(1, event['total'])}"
        if event["fps"]:
            text += f", {event['fps']:.1f} fps"
        if event["eta_s"] is not None:
            text += f", {event['eta_s']:.0f} s left"
        if self._live:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
            self._open = True
        elif tenth != self._last:
            print(text, file=sys.stderr, flush=True)
        self._last = tenth

    def end_line(self) -> None:
        if self._open:
            print(file=sys.stderr)
            self._open = False


def _summary(result: dict[str, Any]) -> str:
    summary = result["summary"]
    people = ", ".join(
        f"{person['id']} ({person['coverage']:.0%}, {person['height_px']:.0f} px)"
        for person in summary["people"]
    )
    seconds = ", ".join(f"{stage} {value:.1f}" for stage, value in summary["seconds"].items())
    return (
        f"Frames:  {summary['frames']}, person {summary['person']} in "
        f"{summary['frames_with_person']} of them\n"
        f"People:  {people}\n"
        f"Seconds: {seconds} ({summary['fps']:.1f} fps)\n"
        f"Take:    {result['take']}"
    )
