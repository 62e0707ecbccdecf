# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures with the real model: whatever interrupts them, the take is the same to the last bit."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from capf_blender.bridge.lock import folder_lock
from capf_blender.core.errors import CaptureError
from capf_blender.core.skeleton import JOINT_NAMES
from capf_blender.core.take import Take, load_request, load_take
from capf_blender.worker import chunks, pipeline


def run(request, models_folder, batches: int | None = None) -> tuple[dict, list[dict]]:
    """The result and all other events; cancelled after so many batches."""
    events: list[dict] = []

    def is_cancelled() -> bool:
        return batches is not None and sum(e["type"] == "partial" for e in events) >= batches

    return pipeline.capture(request, models_folder, events.append, is_cancelled), events


def assert_same(take: Take, expected: Take) -> None:
    for field in dataclasses.fields(Take):
        np.testing.assert_array_equal(getattr(take, field.name), getattr(expected, field.name))


def files(folder: str) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in Path(folder).rglob("*.npz")}


def test_a_take_of_the_demo_clip(unbroken):
    take = load_take(unbroken["take"])
    assert len(take.time_s) == 30
    np.testing.assert_allclose(take.time_s, 2.0 + np.arange(30) / 30, atol=1e-4)
    assert take.present.mean() > 0.9
    assert tuple(take.joint_names) == JOINT_NAMES
    assert tuple(take.image_size) == (1768, 994)
    assert np.isnan(take.focal_px)
    summary = unbroken["summary"]
    assert summary["frames"] == 30
    assert summary["frames_with_person"] == take.present.sum()
    assert summary["person"] == take.person
    assert {person["id"] for person in summary["people"]} == set(take.people_ids.tolist())
    assert summary["fps"] > 0


def test_the_record_says_what_made_it(unbroken):
    record = load_request(Path(unbroken["folder"]))
    assert record["request"]["start_s"] == 2.0
    assert record["model"]["name"] == "blazepose"
    assert all(len(value) == 64 for value in record["model"]["weights"].values())
    assert record["versions"]["torch"] == torch.__version__
    assert record["seconds"]["pose"] > 0


def test_progress(walk, models_folder):
    _, events = run(walk(end_s=2.6), models_folder)
    capturing = [e for e in events if e["type"] == "progress" and e["stage"] == "Capturing"]
    assert [event["total"] for event in capturing] == [18] * len(capturing)
    assert capturing[0]["done"] == 0
    assert capturing[1]["fps"] > 0
    assert capturing[1]["eta_s"] > 0


def test_cancelled_and_continued(walk, models_folder, unbroken):
    request = walk()
    for batches in (1, 2):
        with pytest.raises(pipeline.CancelledError):
            run(request, models_folder, batches)
    with pytest.raises(CaptureError, match="no finished take"):
        load_take(Path(request.job_folder))
    result, events = run(request, models_folder)
    assert sum(event["type"] == "partial" for event in events) < 4  # not all over again
    assert_same(load_take(result["take"]), load_take(unbroken["take"]))


def test_a_broken_last_chunk_is_done_again(walk, models_folder, unbroken):
    request = walk()
    with pytest.raises(pipeline.CancelledError):
        run(request, models_folder, 2)
    last = sorted((Path(request.job_folder) / "frames").iterdir())[-1]
    last.write_bytes(last.read_bytes()[:1000])
    (last.parent / "000099.npz.part").write_bytes(b"half written")
    result, _ = run(request, models_folder)
    assert_same(load_take(result["take"]), load_take(unbroken["take"]))


def test_a_footage_that_cannot_be_sought_exactly(walk, models_folder, unbroken, monkeypatch):
    request = walk()
    with pytest.raises(pipeline.CancelledError):
        run(request, models_folder, 2)
    monkeypatch.setattr(chunks, "checksum", lambda image: -1)
    result, _ = run(request, models_folder)
    assert_same(load_take(result["take"]), load_take(unbroken["take"]))


def test_the_same_again_does_nothing(walk, models_folder, unbroken):
    before = files(unbroken["folder"])
    result, events = run(walk(Path(unbroken["folder"])), models_folder)
    assert files(unbroken["folder"]) == before
    assert result["take"] == unbroken["take"]
    assert result["summary"]["people"] == unbroken["summary"]["people"]
    assert not any(event["type"] == "partial" for event in events)


def test_another_person_is_only_assembled(walk, models_folder):
    request = walk(start_s=3.0, end_s=4.0)
    result, _ = run(request, models_folder)
    ids = [person["id"] for person in result["summary"]["people"]]
    assert len(ids) > 1
    for wanted in ids:
        chosen = dataclasses.replace(request, person=wanted)
        again, events = run(chosen, models_folder)
        assert not any(event["type"] == "partial" for event in events)
        take = load_take(again["take"])
        assert take.person == wanted
        row = take.people_ids.tolist().index(wanted)
        np.testing.assert_array_equal(take.bbox, take.people_bbox[row])
    with pytest.raises(CaptureError) as caught:
        run(dataclasses.replace(request, person=77), models_folder)
    assert caught.value.code == "no_such_person"
    assert all(str(number) in caught.value.message for number in ids)


def test_another_request_starts_anew(walk, models_folder, make_video):
    request = walk(end_s=2.4)
    run(request, models_folder)
    result, _ = run(dataclasses.replace(request, start_s=2.2), models_folder)
    take = load_take(result["take"])
    assert take.time_s[0] == pytest.approx(2.2, abs=1e-3)
    assert len(take.time_s) == 6


def test_nobody(make_video, tmp_path, walk, models_folder):
    path = make_video([0.0, 0.04, 0.08], size=(320, 240))
    request = dataclasses.replace(walk(), source=str(path), start_s=0.0, end_s=None)
    with pytest.raises(CaptureError) as caught:
        run(request, models_folder)
    assert caught.value.code == "no_person"


def test_two_captures_in_one_folder(walk, models_folder):
    request = walk()
    with folder_lock(Path(request.job_folder), "capture"), pytest.raises(CaptureError) as caught:
        run(request, models_folder)
    assert caught.value.code == "busy"
    assert str(os.getpid()) in caught.value.message


def test_unknown_device_and_model(walk, models_folder):
    for options, code in (({"device": "abacus"}, "bad_device"), ({"model": "x"}, "unknown_model")):
        with pytest.raises(CaptureError) as caught:
            run(walk(**options), models_folder)
        assert caught.value.code == code


def test_a_full_disk(walk, models_folder, unbroken, tmp_path):
    """On a real file system that holds the first batches only; continued after making room."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=44k", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small tmpfs takes root")
    try:
        request = walk(tmp_path / "job")
        with pytest.raises(CaptureError) as caught:
            run(request, models_folder)
        assert caught.value.code == "disk_full"
        assert not list(tmp_path.rglob("*.part"))
        assert list(tmp_path.rglob("frames/*.npz"))
        subprocess.run(["mount", "-o", "remount,size=10m", str(tmp_path)], check=True)
        result, events = run(request, models_folder)
        assert sum(event["type"] == "partial" for event in events) < 4
        assert_same(load_take(result["take"]), load_take(unbroken["take"]))
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


class CountingEstimator:
    """Numbers the frames it sees, and has memory for `room` of them at a time."""

    name = "counting"
    keypoint_names = ("nose",)

    def __init__(self, room: int) -> None:
        self.room, self.seen = room, 0

    def process(self, frames, times_s):
        numbers = []
        for index, _frame in enumerate(frames):
            self.seen += 1  # before it fails, as a tracker would have moved on
            if index >= self.room:
                raise torch.OutOfMemoryError("CUDA out of memory")
            numbers.append([self.seen])
        return numbers

    def state(self):
        return {"seen": np.array(self.seen)}

    def restore(self, state):
        self.seen = int(state["seen"])


def test_out_of_memory_halves_the_batch_and_changes_nothing():
    events: list[dict] = []
    batches = pipeline._Batches(CountingEstimator(3), torch.device("cpu"), 8, events.append)  # type: ignore[arg-type]
    images = [np.zeros((2, 2, 3), np.uint8)] * 8
    for first in (1, 9):
        poses = batches.process(images, [float(n) for n in range(8)])
        assert poses == [[number] for number in range(first, first + 8)]
    assert batches.size == 2
    assert len(events) == 2  # 8 -> 4 -> 2, once
    assert "2 frames" in events[-1]["message"]

    batches = pipeline._Batches(CountingEstimator(0), torch.device("cpu"), 8, events.append)  # type: ignore[arg-type]
    with pytest.raises(CaptureError) as caught:
        batches.process(images, [float(n) for n in range(8)])
    assert caught.value.code == "out_of_memory"


def test_request_json_is_json(unbroken):
    text = (Path(unbroken["folder"]) / "request.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
