# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-up with a Python that has no ensurepip, and through a proxy."""

import http.server
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_job import finish
from small_setup import Small

from capf_blender.bridge.job import JobState
from capf_blender.bridge.setup_python import PIP_WHEEL, pip_setting

BUNDLED = Path(sys.base_prefix).glob("lib/python3*/ensurepip/_bundled/pip-*.whl")


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory) -> Path:
    """A Python like this one, without ensurepip, as a distribution's Blender has it."""
    if sys.platform != "linux":
        pytest.skip("made of symbolic links")
    prefix = tmp_path_factory.mktemp("python")
    version = f"python3.{sys.version_info[1]}"
    library = prefix / "lib" / version
    library.mkdir(parents=True)
    for entry in (Path(sys.base_prefix) / "lib" / version).iterdir():
        if entry.name not in ("ensurepip", "site-packages"):
            (library / entry.name).symlink_to(entry)
    (prefix / "bin").mkdir()
    python = prefix / "bin" / version
    shutil.copyfile(os.path.realpath(sys.executable), python)
    python.chmod(0o755)
    return python


@pytest.fixture
def server(monkeypatch) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serves `pages`; keeps in `asked` what was asked for. pip's own settings are out of reach."""
    for name in [n for n in os.environ if n.startswith("PIP_") or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    running.pages, running.asked = {}, []  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # pyright: ignore[reportAttributeAccessIssue]
        content = self.server.pages.get(self.path)  # pyright: ignore[reportAttributeAccessIssue]
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(content or b"")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def serve(pages: dict[str, bytes], index: str, project: str, wheel: Path) -> None:
    pages[f"{index}/{project}/"] = f'<a href="../../files/{wheel.name}">x</a>'.encode()
    pages[f"{index.removesuffix('/simple')}/files/{wheel.name}"] = wheel.read_bytes()


def test_without_ensurepip(tmp_path, bare_python):
    """pip comes as a wheel from the offline folder; without one, the sentence names it."""
    small = Small(tmp_path)
    job = small.run("--python", str(bare_python))
    if job.error is not None:  # no wheel of the system's either
        assert job.error.code == "package_not_found"
        assert PIP_WHEEL in job.error.hint
    for wheel in BUNDLED:
        shutil.copy(wheel, small.wheels)
        job = small.run("--python", str(bare_python))
        assert job.state is JobState.DONE, job.error
        assert len(small.installed) == 1
        return
    pytest.skip("this Python brings no wheel of pip")


def test_another_pip_than_the_published_one(tmp_path, bare_python, server, monkeypatch):
    """Asked of the index that pip's settings name; what comes is compared with its checksum."""
    if list(Path("/usr/share/python-wheels").glob("pip-*.whl")):
        pytest.skip("this system has a wheel of pip itself")
    index = f"http://127.0.0.1:{server.server_port}/simple"
    monkeypatch.setenv("PIP_INDEX_URL", index)
    fake = tmp_path / PIP_WHEEL
    fake.write_bytes(b"no pip")
    serve(server.pages, "/simple", "pip", fake)
    job = finish(Small(tmp_path).job("--python", str(bare_python), offline=False))
    assert server.asked == ["/simple/pip/", f"/files/{PIP_WHEEL}"]
    assert job.error is not None
    assert job.error.code == "checksum_mismatch"


@pytest.mark.parametrize("told_by", ["variable", "pip's variable", "pip's file"])
def test_a_proxy_is_used(tmp_path, server, monkeypatch, told_by):
    """Everything comes through it: the index has a name that nobody resolves."""
    proxy = f"http://127.0.0.1:{server.server_port}"
    if told_by == "variable":
        monkeypatch.setenv("http_proxy", proxy)
    elif told_by == "pip's variable":
        monkeypatch.setenv("PIP_PROXY", proxy)
    else:
        file = tmp_path / "pip.conf"
        file.write_text(f"[global]\nproxy = {proxy}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
        assert pip_setting("proxy") == proxy
    monkeypatch.setenv("PIP_INDEX_URL", "http://index.invalid/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "index.invalid")
    small = Small(tmp_path)
    for project in ("tiny-package", "tiny-hrnet"):
        wheel = next(small.wheels.glob(f"{project.replace('-', '_')}-*.whl"))
        serve(server.pages, "http://index.invalid/simple", project, wheel)
    job = finish(small.job(offline=False))
    assert job.state is JobState.DONE, job.error
    assert len(small.installed) == 1
    assert "http://index.invalid/simple/tiny-package/" in server.asked
