# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two strips captured one after the other, with the newest frame to be seen meanwhile, and the
people listed afterwards."""

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import steps


def add_strips():
    scene = bpy.context.scene
    bpy.context.workspace.sequencer_scene = scene
    editor = scene.sequence_editor_create()
    video = steps.TOLD["video"]
    strips = [
        editor.strips.new_movie(name, video, channel=number, frame_start=1)
        for number, name in enumerate(("First", "Second"), start=1)
    ]
    scene.capf.device = "cpu"
    scene.capf.strip = "First"
    yield 0.5
    return strips


def story():
    bpy.context.preferences.system.use_online_access = True
    yield from steps.install()
    session, queue = steps.module("blender.session"), steps.module("blender.queue")
    preview = steps.module("blender.preview")
    bpy.ops.capf.set_up()
    yield from steps.wait_until(lambda: not session.is_running(), 240, "Set Up")
    yield from add_strips()
    yield from steps.show_tab("SEQUENCE_EDITOR")
    yield from steps.click("Capture 3D Pose")
    yield from steps.wait_until(session.is_running, 10, "the capture")
    settings = bpy.context.scene.capf
    settings.strip, settings.use_range = "Second", True
    settings.frame_start, settings.frame_end = 1, 20
    yield from steps.click("Capture 3D Pose")
    steps.facts["waiting"] = [order.strip for order in queue.waiting]
    yield from steps.wait_until(preview.icon, 120, "the preview")
    yield from steps.shoot("1-two-ordered")
    yield from steps.wait_until(lambda: not session.is_running(), 300, "both captures")
    yield from steps.shoot("2-both-captured")
    steps.facts["ended"] = [words for _outcome, words in queue.ended]
    steps.facts["outcome"] = session.current.outcome.value
    steps.facts["strip"] = settings.take_strip
    steps.facts["people"] = [row.person for row in settings.people]


steps.play(story)
