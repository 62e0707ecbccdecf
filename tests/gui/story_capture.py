# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first day with the add-on: set up, add a strip, capture, apply."""

import os
import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import steps
from latency import Latency


def scene_settings():
    return bpy.context.scene.capf


def set_up():
    yield from steps.open_preferences()
    yield from steps.shoot("1-preferences")
    yield from steps.click("Set Up")
    yield from run_job("set_up", 240)
    yield from steps.shoot("2-set-up-done")
    yield from steps.click("Check")
    yield from run_job("check", 120)
    yield from steps.shoot("2-checked")
    yield from steps.close_preferences()


def add_strip():
    yield from steps.show_tab("SEQUENCE_EDITOR")
    video = Path(steps.TOLD["video"])
    area = steps.pointer.area()
    region = next(each for each in area.regions if each.type == "WINDOW")
    bpy.context.workspace.sequencer_scene = bpy.context.scene  # chosen in the area's header
    with bpy.context.temp_override(window=steps.main_window(), area=area, region=region):
        bpy.ops.sequencer.movie_strip_add(
            filepath=str(video), frame_start=1, channel=1, move_strips=False
        )
    yield 0.5


def run_job(kind, limit_s, shot=None):
    """Waits for the job that a click has started; notes its progress and how Blender felt."""
    session = steps.module("blender.session")
    yield from steps.wait_until(session.is_running, 5, f"the start of {kind}")
    progress = []
    gaps = []

    def reached(fraction):
        if not session.is_running():
            return True
        job = session.current.job
        if (now := [job.stage, round(job.fraction, 4)]) not in progress:
            progress.append(now)
        return job.fraction > fraction

    for fraction in (0.3, 1.0):
        latency = Latency()
        yield from steps.wait_until(lambda fraction=fraction: reached(fraction), limit_s, kind)
        latency.stop()
        gaps.append(latency)
        if shot and session.is_running():  # unmeasured: a picture of the screen holds X up
            yield from steps.shoot(shot)
            before = bpy.context.scene.frame_current
            yield from steps.key("Right", over="VIEW_3D")
            steps.facts["stepped_while_running"] = bpy.context.scene.frame_current - before
    yield from steps.wait_until(lambda: not session.is_running(), limit_s, kind)
    steps.facts[kind] = {
        "first_gap_s": gaps[0].longest_s,  # until three tenths are done
        "longest_gap_s": gaps[-1].longest_s,  # from then on
        "progress": progress,
        "outcome": session.current.outcome.value,
        "message": session.current.message,
    }


def what_a_block_feels_like():
    """The meter itself: this keeps Blender's main loop waiting."""
    latency = Latency()
    yield 0.1
    time.sleep(0.6)
    yield 0.1
    latency.stop()
    steps.facts["blocked_gap_s"] = latency.longest_s


def rig_facts():
    """Keys of the bones' rotations; contacts and such have curves too."""
    armature = scene_settings().armature
    curves = armature.animation_data.action.layers[0].strips[0].channelbags[0].fcurves
    keys = {}
    for curve in curves:
        if ".rotation_" in curve.data_path:
            keys.setdefault(curve.data_path, []).append(len(curve.keyframe_points))
    return {
        "bones": len(armature.pose.bones),
        "turned_bones": len(keys),
        "fewest_keys": min(min(counts) for counts in keys.values()),
    }


def story():
    if language := os.environ.get("CAPF_LANGUAGE"):
        bpy.context.preferences.view.language = language
        yield 0.5
    steps.facts["locale"] = bpy.app.translations.locale
    bpy.context.preferences.system.use_online_access = True  # else there is nothing to set up
    yield from steps.install()
    yield from set_up()
    yield from add_strip()
    yield from steps.show_tab("VIEW_3D")
    yield from steps.shoot_pages("3-view3d-panels")
    yield from steps.show_tab("SEQUENCE_EDITOR")
    yield from steps.shoot_pages("4-sequencer-panels")
    yield from what_a_block_feels_like()
    yield from steps.click("Capture 3D Pose")
    yield from run_job("capture", 300, "5-capturing")
    yield from steps.shoot("6-captured")
    yield from steps.click("Apply to Armature")
    yield from steps.wait_until(lambda: scene_settings().armature, 60, "Apply to Armature")
    yield from steps.shoot("7-applied")
    steps.facts["rig"] = rig_facts()
    yield from steps.show_tab("VIEW_3D")
    yield from steps.shoot_pages("8-view3d-applied")


steps.play(story)
