# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import sys
from pathlib import Path

import pytest

from capf_blender.bridge import environment
from capf_blender.bridge.environment import Stamp
from capf_blender.bridge.interpreters import running_interpreter, worker_interpreter
from capf_blender.bridge.job import capture_job
from capf_blender.bridge.messages import CaptureRequest
from capf_blender.core.errors import CaptureError


def codes(home: Path) -> list[str]:
    return [finding.code for finding in environment.findings(home)]


def complete_home(home: Path) -> Stamp:
    """A home in which everything that `findings` looks at is there."""
    for file in (environment.venv_python(home), home / "models" / "x"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for name in environment.model_outputs():
        (home / "models" / name).touch()
    stamp = Stamp(complete=True, requirements=environment.requirements_hash())
    environment.write_stamp(home, stamp)
    return stamp


def test_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("CAPF_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert environment.home_folder() == tmp_path / "data" / "capf_blender"
    monkeypatch.setenv("CAPF_HOME", str(tmp_path / "variable"))
    assert environment.home_folder("") == tmp_path / "variable"
    assert environment.home_folder(tmp_path / "given") == tmp_path / "given"


def test_what_is_wrong_with_a_home(tmp_path):
    assert codes(tmp_path / "nothing") == ["worker_not_set_up"]
    stamp = complete_home(tmp_path)
    assert codes(tmp_path) == []
    environment.require_ready(tmp_path)

    stamp.requirements = "of an older add-on"
    environment.write_stamp(tmp_path, stamp)
    assert codes(tmp_path) == ["worker_outdated"]

    (tmp_path / "models" / environment.model_outputs()[0]).unlink()
    assert codes(tmp_path) == ["worker_incomplete", "worker_outdated"]

    stamp.complete = False
    environment.write_stamp(tmp_path, stamp)
    assert codes(tmp_path) == ["worker_incomplete"]

    (tmp_path / "stamp.json").write_text("{half a st")
    assert codes(tmp_path) == ["worker_not_set_up"]


def test_a_capture_without_worker_is_one_sentence(tmp_path):
    with pytest.raises(CaptureError) as caught:
        capture_job(tmp_path, CaptureRequest(str(tmp_path / "x.mp4"), str(tmp_path / "job")))
    assert caught.value.code == "worker_not_set_up"
    assert "Run Set Up" in caught.value.hint


def test_old_logs_go(tmp_path):
    for _ in range(30):
        environment.new_log_file(tmp_path, "worker").touch()
    assert len(list((tmp_path / "logs").iterdir())) == 20


def test_interpreters(tmp_path):
    assert Path(running_interpreter()).is_file()
    assert worker_interpreter(sys.executable) == sys.executable
    for wrong in (tmp_path / "missing", Path("/bin/cat")):
        with pytest.raises(CaptureError) as caught:
            worker_interpreter(str(wrong))
        assert caught.value.code == "no_python"
        assert str(wrong) in caught.value.message
