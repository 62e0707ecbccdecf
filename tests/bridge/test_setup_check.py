# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check: one line a finding; what it finds wrong, the next set-up repairs."""

import json
import os
import shutil

import pytest
from run_job import finish
from small_setup import Small

from capf_blender.bridge import environment
from capf_blender.bridge.job import JobState, capture_job
from capf_blender.bridge.messages import CaptureRequest
from capf_blender.bridge.setup_check import Finding, report_of
from capf_blender.bridge.setup_contents import downloads, pins
from capf_blender.bridge.worker_facts import read_facts, write_facts
from capf_blender.core.errors import CaptureError

READY = {
    "version": "0.1.0", "python": "3.11.7", "torch": "2.13.0",
    "devices": [
        {"name": "cuda", "label": "A Card", "memory": 16 << 30},
        {"name": "cpu", "label": "CPU, 2 threads", "memory": 0},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Small:
    small = Small(tmp_path_factory.mktemp("check"))
    job = small.run()
    assert job.state is JobState.DONE, job.error
    return small


def findings(small: Small) -> dict[str, Finding]:
    job = finish(small.job("--check", offline=False))
    assert job.state is JobState.DONE, job.error
    assert job.result is not None
    report = report_of(job.result)
    assert report.problems == sum(not each.ok for each in report.findings)
    return {each.what: each for each in report.findings}


def test_before_set_up_nothing_is_written(tmp_path):
    small = Small(tmp_path)
    found = findings(small)
    assert [found[what].ok for what in ("Folder", "Python")] == [True, True]
    assert not found["Set-Up"].ok
    assert found["Set-Up"].hint
    assert "Packages" not in found
    assert not small.home.exists()


def test_all_that_is_right(small):
    found = findings(small)
    for what in ("Folder", "Python", "Packages", "HRNet Packages", "Models"):
        assert found[what].ok, found[what]
    assert "1 packages" in found["Packages"].text
    assert not [each for each in found.values() if not each.ok and not each.hint]


def test_a_package_that_went_is_found_and_put_back(small):
    for path in small.home.glob("venv/lib/**/site-packages/tiny_package*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    found = findings(small)["Packages"]
    assert not found.ok
    assert "tiny-package is missing" in found.text
    assert found.hint
    assert environment.findings(small.home)[0].code == "worker_incomplete"
    assert small.run().state is JobState.DONE
    assert len(small.installed) == 1
    assert findings(small)["Packages"].ok


def test_a_python_that_is_gone(small):
    """As after an upgrade of Blender, whose Python the environment was made from."""
    python = environment.venv_python(small.home)
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    found = findings(small)
    assert not found["Python"].ok
    assert small.run().state is JobState.DONE
    assert findings(small)["Python"].ok
    assert len(small.installed) == 1


def test_a_model_file_that_changed(small):
    entry = {"name": "net.tflite", "output": "net.safetensors"}
    small.model_files.write_text(json.dumps([entry]))
    folder = environment.models_folder(small.home)
    folder.mkdir(exist_ok=True)
    (folder / "net.safetensors").write_bytes(b"weights")
    stamp = environment.read_stamp(small.home)
    assert stamp is not None
    stamp.sha256 = {"net.safetensors": "0" * 64}
    stamp.finished["models"] = "made"
    environment.write_stamp(small.home, stamp)
    found = findings(small)["Models"]
    assert not found.ok
    assert "net.safetensors has changed" in found.text
    stamp = environment.read_stamp(small.home)
    assert stamp is not None
    assert "models" not in stamp.finished  # so the next set-up makes it again
    (folder / "net.safetensors").unlink()
    assert "net.safetensors is missing" in findings(small)["Models"].text
    small.model_files.write_text("[]")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(small):
    small.home.chmod(0o500)
    try:
        assert not findings(small)["Folder"].ok
    finally:
        small.home.chmod(0o700)


def test_the_real_worker(worker_home):
    """Whatever the state of that home, the worker starts and says what it computes on."""
    from capf_blender.bridge.setup_jobs import check_job

    job = finish(check_job(worker_home), 240)
    assert job.result is not None, job.error
    found = {each["what"]: each for each in job.result["findings"]}
    assert not [each for each in found.values() if not each["ok"]]
    assert "PyTorch" in found["Worker"]["text"]
    facts = read_facts(worker_home)
    assert facts is not None
    assert facts.devices[-1].name == "cpu"
    assert facts.devices[-1].memory > 1 << 30
    assert facts.size > 100e6


def test_a_device_that_is_not_there_is_refused_at_once(worker_home, tmp_path):
    known = read_facts(worker_home)
    if known is None or len(known.devices) > 1:
        pytest.skip("nothing is known of the worker, or it has every device")
    request = CaptureRequest(str(tmp_path / "x.mp4"), str(tmp_path / "job"), device="cuda")
    with pytest.raises(CaptureError) as caught:
        capture_job(worker_home, request)
    assert caught.value.code == "bad_device"
    assert "CUDA" in caught.value.message
    assert "CPU" in caught.value.message


def test_facts_are_kept(tmp_path):
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "takes").mkdir()
    (tmp_path / "takes" / "file").write_bytes(b"x" * 5000)
    write_facts(tmp_path, READY)
    facts = read_facts(tmp_path)
    assert facts is not None
    assert 1000 <= facts.size < 5000
    assert [device.sentence for device in facts.devices] == [
        "CUDA: A Card, 16.0 GB", "CPU, 2 threads",
    ]  # fmt: skip
    (tmp_path / "worker.json").write_text('{"version": 3}')
    assert read_facts(tmp_path) is None


def test_every_pinned_package_is_counted():
    names = (environment.REQUIREMENTS_FILE, environment.HRNET_REQUIREMENTS_FILE)
    wanted = [pins(environment.manifest_file(name)) for name in names]
    assert wanted[0]["torch"] == "2.13.0"
    assert "mmpose" in wanted[1]
    assert len(wanted[0]) > 10 < len(wanted[1])
    for platform in ("linux", "win32", "darwin"):
        assert [item.megabytes for item in downloads(platform)] == sorted(
            (item.megabytes for item in downloads(platform)), reverse=True
        )
