# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's Python environment, also from a Python without ensurepip, as Debian's Blender has
it: pip then comes as a wheel from the offline folder, the system or the package index."""

import configparser
import hashlib
import html
import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

from ..core.errors import CaptureError
from . import pip
from .setup_run import Runner

PIP_WHEEL = "pip-25.3-py3-none-any.whl"
PIP_SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"
_INDEX = "https://pypi.org/simple"
_SYSTEM_WHEELS = Path("/usr/share/python-wheels")  # Debian's and Fedora's python3-pip-whl
_CHUNK = 1 << 16
_SILENCE_S = 30.0


def make_environment(
    python: str, home: Path, venv_python: Path, offline_folder: Path | None, runner: Runner
) -> None:
    """Makes `home`/venv anew, with pip in it. Raises CaptureError: `no_python`, `offline`,
    `package_not_found`, `checksum_mismatch`; CancelledError, OSError."""
    venv = str(home / "venv")
    if runner.run([python, "-I", "-m", "venv", "--clear", venv]) == 0:
        return
    if runner.run([python, "-I", "-m", "venv", "--clear", "--without-pip", venv]):
        raise CaptureError(
            "no_python",
            f"{python} could not make an environment in {venv}.",
            f"Choose another Python in the preferences; the details are in {runner.log_file}.",
        )
    wheel = _pip_wheel(home, offline_folder, runner)
    install = (str(venv_python), "-I", f"{wheel}/pip", "install", "--no-index", "--no-deps")
    if runner.run([*install, "--disable-pip-version-check", str(wheel)]):
        raise CaptureError(
            "no_python",
            f"pip could not be installed into {venv}.",
            f"Choose another Python in the preferences; the details are in {runner.log_file}.",
        )


def _pip_wheel(home: Path, offline_folder: Path | None, runner: Runner) -> Path:
    folders = [offline_folder, _SYSTEM_WHEELS] if offline_folder else [_SYSTEM_WHEELS]
    for folder in folders:
        for wheel in sorted(folder.glob("pip-*.whl"), reverse=True):
            return wheel
    kept = home / "downloads" / PIP_WHEEL
    if kept.is_file() and _is_pip(kept.read_bytes()):
        return kept
    if offline_folder:
        raise CaptureError(
            "package_not_found",
            f"This Python has no pip, and there is none in {offline_folder}.",
            f"Put {PIP_WHEEL} into the offline folder, or choose another Python.",
        )
    content = _download(runner)
    if not _is_pip(content):
        raise CaptureError(
            "checksum_mismatch",
            f"{PIP_WHEEL} is not the published one: its checksum differs.",
            "Run Set Up again; if that does not help, something changes your downloads.",
        )
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(content)
    return kept


def _is_pip(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == PIP_SHA256


def _download(runner: Runner) -> bytes:
    """The wheel from the index that pip itself would ask, by the proxy that pip would take."""
    index = pip_setting("index-url") or _INDEX
    proxy = pip_setting("proxy")
    context = ssl.create_default_context(cafile=pip_setting("cert") or None)
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context),
        # without an own one: what HTTPS_PROXY and the system say
        urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else None),
    )
    page = f"{index.rstrip('/')}/pip/"
    try:
        with opener.open(page, timeout=_SILENCE_S) as answer:
            links = re.findall(r'href="([^"]+)"', answer.read().decode(errors="replace"))
        names = [html.unescape(link) for link in links]
        link = next((n for n in names if n.split("#")[0].endswith(f"/{PIP_WHEEL}")), PIP_WHEEL)
        content = b""
        with opener.open(urljoin(page, link), timeout=_SILENCE_S) as answer:
            while chunk := answer.read(_CHUNK):
                content += chunk
                runner.talk.check()
    except (OSError, ValueError) as error:  # URLError is an OSError
        with runner.log_file.open("a", encoding="utf-8") as log:
            log.write(f"{page}: {error}\n")
        if isinstance(error, urllib.error.HTTPError):
            raise pip.not_found(PIP_WHEEL, index) from error
        raise pip.offline() from error
    return content


def pip_setting(name: str) -> str:
    """An option of pip's, from its environment variables and files; "" where none says it."""
    if value := os.environ.get(f"PIP_{name.upper().replace('-', '_')}"):
        return value
    found = configparser.ConfigParser(interpolation=None, strict=False)
    for file in _pip_files():
        try:
            found.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
    sections = ("install", "global")
    return next((v for s in sections if (v := found.get(s, name, fallback=""))), "")


def _pip_files() -> list[Path]:
    """pip's files, the stronger ones last (pip.pypa.io/en/stable/topics/configuration)."""
    home, chosen = Path.home(), os.environ.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    if sys.platform == "win32":
        files = [Path(os.environ.get("PROGRAMDATA", "C:/ProgramData")) / "pip" / "pip.ini",
                 home / "pip" / "pip.ini",
                 Path(os.environ.get("APPDATA", home)) / "pip" / "pip.ini"]  # fmt: skip
    elif sys.platform == "darwin":
        files = [Path("/Library/Application Support/pip/pip.conf"), home / ".pip/pip.conf",
                 home / ".config/pip/pip.conf",
                 home / "Library/Application Support/pip/pip.conf"]  # fmt: skip
    else:
        config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf"]
    return [*files, Path(chosen)] if chosen else files
