#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root folder with Debian's Blender and an X server, for tests in a real window.

python3 gui_root.py FOLDER    makes it once; exit code 75 and one line where that cannot be

Takes a minute or two and 1.3 GB. Needs nothing but the standard library.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOOLS = ("mmdebstrap", "bubblewrap")  # the second is started as bwrap
PACKAGES = (
    "ca-certificates", "blender", "xvfb", "xauth", "xdotool", "imagemagick", "locales",
    "libgl1-mesa-dri", "libglx-mesa0", "libegl-mesa0", "libegl1",
    "python3-numpy", "python3-requests", "python3-cattr",
)  # fmt: skip
SUITE = "sid"  # the one that has a Blender of the supported range
OPTIONS = (
    "--mode=root",
    "--variant=apt",
    f"--include={','.join(PACKAGES)}",
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=APT::Sandbox::User "root"',  # its own user may not read below the checkout
    '--aptopt=Acquire::Check-Valid-Until "false"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-include=/usr/share/locale/*/LC_MESSAGES/blender.mo",
    "--dpkgopt=path-include=/usr/share/locale/languages",  # Blender's too
    '--customize-hook=chroot "$1" localedef -i de_DE -f UTF-8 de_DE.UTF-8',
)
SANDBOX = ("bwrap", "--die-with-parent", "--unshare-pid", "--unshare-net")
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
"""What it mounts goes with it, however it ends: nobody then deletes the machine's own /dev through
an unfinished folder."""
STAMP = "made-from.txt"
NOT_POSSIBLE = 75
_LIMIT_S = 1500.0


class NotPossibleError(Exception):
    """This machine cannot have such a root folder; the message says why."""


def usable(root: Path) -> bool:
    """Whether it is there, complete, and can be used here."""
    if shutil.which("bwrap") is None or _made_from(root) != _recipe():
        return False
    probe = [*SANDBOX, "--bind", str(root), "/", "--dev", "/dev", "--proc", "/proc", "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def make(root: Path) -> None:
    """Makes `root` where it is missing or of another recipe. Raises NotPossibleError."""
    if sys.platform != "linux":
        raise NotPossibleError("they need Linux")
    _require_tools()
    if _made_from(root) != _recipe():
        _make(root)
    if not usable(root):
        raise NotPossibleError("bubblewrap may not make namespaces here")


def _make(root: Path) -> None:
    if os.geteuid():
        raise NotPossibleError(f"only root can make {root}: run this once as root")
    print(f"Making {root}: Blender of Debian {SUITE} and an X server", flush=True)
    unfinished = root.with_name(root.name + ".part")
    for old in (unfinished, root):
        if old.exists():
            shutil.rmtree(old)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    _call(*_APART, "mmdebstrap", *OPTIONS, SUITE, unfinished, *_mirror())
    (unfinished / STAMP).write_text(_recipe(), encoding="utf-8")
    unfinished.rename(root)


def _recipe() -> str:
    return "\n".join([SUITE, *OPTIONS])


def _made_from(root: Path) -> str | None:
    try:
        return (root / STAMP).read_text(encoding="utf-8")
    except OSError:
        return None


def _require_tools() -> None:
    if all(map(shutil.which, ("mmdebstrap", "bwrap"))):
        return
    if shutil.which("apt-get") is None or os.geteuid():
        raise NotPossibleError(f"they need the Debian packages {' and '.join(TOOLS)}")
    print(f"Installing system packages: {' '.join(TOOLS)}", flush=True)
    _call("apt-get", "update")
    _call("apt-get", "install", "-y", "--no-install-recommends", *TOOLS)


def _mirror() -> list[str]:
    """The mirror that this Debian uses itself; [] leaves the choice to mmdebstrap."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    sites = [line.split(" ", 1)[1] for line in done.stdout.splitlines() if line[:7] == "Debian "]
    return [site for site in sorted(set(sites)) if "security" not in site][:1]


def _call(*command: object) -> None:
    words = [str(word) for word in command]
    try:
        subprocess.run(
            words, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=_LIMIT_S,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotPossibleError(f"{' '.join(words[:8])} took more than {_LIMIT_S:.0f} s") from None
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stdout.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith(("E:", "W:"))] or lines or ["no word"]
        tool = next(word for word in words if word in (*TOOLS, "apt-get"))
        raise NotPossibleError(f"{tool} failed: {errors[0]}") from None


def main() -> int:
    try:
        make(Path(sys.argv[1]).absolute())
    except NotPossibleError as error:
        print(f"Skipped: tests in a Blender window: {error}.", flush=True)
        return NOT_POSSIBLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
