# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights through the real worker: as a job of Blender's, and from a terminal."""

import shutil
import subprocess
from pathlib import Path

import pytest
from run_job import finish

from capf_blender.bridge import environment
from capf_blender.bridge.job import JobState, download_job, import_job
from capf_blender.core.model_cards import CHECKPOINTS


@pytest.fixture
def home(worker_home: Path, tmp_path: Path) -> Path:
    """A worker's home of its own for models, with the real worker's environment."""
    (tmp_path / "venv").symlink_to(worker_home.resolve() / "venv")
    (tmp_path / "models").mkdir()
    for name in environment.model_outputs():
        shutil.copy(worker_home / "models" / name, tmp_path / "models")
    shutil.copy(worker_home / "stamp.json", tmp_path)
    return tmp_path


def in_terminal(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = environment.worker_command(home, *map(str, arguments))
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_import_as_a_job(home, worker_home):
    """Of a whole file in OpenMMLab's layout, made by the worker's own Python."""
    make = (
        "import sys, torch; sys.path.insert(0, sys.argv[1])\n"
        "from capf_blender.core.model_cards import CHECKPOINTS\n"
        "from models.checkpoint_import import expected_shapes\n"
        "shapes = expected_shapes(CHECKPOINTS['hrnet_w32_coco']).items()\n"
        "zero, one = torch.tensor(0), torch.tensor(1.0)\n"
        "torch.save({'state_dict': {name: (zero if 'num_' in name else one).expand(shape)\n"
        "            for name, shape in shapes}}, sys.argv[2])\n"
    )
    file = home / "published.pth"
    source = environment.PACKAGE.parent
    python = environment.venv_python(worker_home)
    subprocess.run([python, "-c", make, source, file], check=True, capture_output=True)
    job = finish(import_job(home, file))
    assert job.state is JobState.DONE, job.error
    assert job.result is not None
    assert job.result["checkpoint"] == "hrnet_w32_coco"
    assert (home / "models" / CHECKPOINTS["hrnet_w32_coco"].file).is_file()


def test_jobs_that_fail(home):
    (home / "broken.bin").write_bytes(b"PK\x03\x04 and no more")
    job = finish(import_job(home, home / "broken.bin"))
    assert job.error is not None
    assert job.error.code == "bad_checkpoint"
    job = finish(download_job(home, "capf_hrnet_w32"))
    assert job.error is not None
    assert job.error.code == "not_downloadable"
    assert "best_epoch_hrnet_32.bin" in job.error.message


def test_a_terminal_gets_one_sentence(home, demo_video):
    done = in_terminal(home, "import", home / "missing.bin")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("does not exist. Choose another file.")
    done = in_terminal(home, "capture", demo_video, "--out", home / "t", "--model", "hrnet_w32")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("The model hrnet_w32 lacks the weights of ")
    assert "run.py download hrnet_w32_coco" in done.stderr
    assert "Traceback" not in done.stderr
    assert in_terminal(home, "probe", "hrnet").returncode == 0
