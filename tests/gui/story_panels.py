# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every panel in both editors: as a user first meets them, then one by one with all of it open."""

import os
import sys
from pathlib import Path

import bpy
import numpy as np

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "gui"), str(TESTS), str(TESTS.parent)]

import steps  # noqa: E402
from rig_zoo import deviants  # noqa: E402
from synthetic_motion import look_at, take_of, walking_joints  # noqa: E402

from capf_blender.core.model_cards import MODEL_CARDS  # noqa: E402
from capf_blender.core.take import save_take  # noqa: E402

SECTIONS = (
    "footage", "capture", "people", "clean_up", "contacts", "target_rig", "bake", "trust",
    "export",
)  # fmt: skip
EDITORS = ("SEQUENCE_EDITOR", "VIEW_3D")


def in_both_editors(name):
    for kind in EDITORS:
        yield from steps.show_tab(kind)
    yield from steps.shoot(name)


def add_strip():
    scene = bpy.context.scene
    bpy.context.workspace.sequencer_scene = scene
    editor = scene.sequence_editor_create()
    editor.strips.new_movie("A walk to the market", steps.TOLD["video"], channel=1, frame_start=1)
    yield 0.5


def prepare():
    yield from add_strip()
    folder = Path.home() / "take of a walk"
    folder.mkdir(exist_ok=True)
    times = np.arange(60) / 30
    save_take(folder, take_of(walking_joints(times, 0.3), times, look_at((0.2, -4.5, 1.3), 0.12)))
    settings = bpy.context.scene.capf
    settings.take_folder = str(folder)
    rig, _known = deviants.plain(clavicles=False, toes=False)
    rig.name = "Character Rig"
    bpy.context.view_layer.update()
    settings.armature = rig
    yield 0.5


def trouble():
    """What is missing, said in the panels: weights and a bone, then the whole worker."""
    steps.show_panels("capture", "target_rig")
    settings = bpy.context.scene.capf
    settings.model = max(MODEL_CARDS, key=lambda card: len(card.checkpoints)).name
    rig = bpy.data.objects.new("Empty Rig", bpy.data.armatures.new("Empty Rig"))
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.update()
    settings.armature = rig
    yield from in_both_editors("trouble-weights")
    preferences = steps.module("preferences").preferences(bpy.context)
    preferences.home = str(Path.home() / "nothing here")
    settings.armature = None
    yield from in_both_editors("trouble-worker")


def is_keyed():
    return bpy.context.scene.capf.armature.animation_data is not None


def one_by_one():
    yield from prepare()
    for number, section in enumerate(SECTIONS, 2):
        steps.show_panels(section)
        yield from in_both_editors(f"{number}-{section}")


def story():
    language = os.environ.get("CAPF_LANGUAGE")
    if language:
        bpy.context.preferences.view.language = language
        yield 0.5
    steps.facts["locale"] = bpy.app.translations.locale
    yield from steps.install(open_panels=False)
    if language:  # what may be cut off is seen in the open panels
        yield from one_by_one()
    else:
        yield from new_user()
        bpy.ops.wm.read_homefile()  # else panels that were drawn closed stay closed
        yield 1.0
        yield from one_by_one()
        yield from applied()
        yield from trouble()
    steps.show_panels()


def new_user():
    yield from in_both_editors("0-new-user")
    yield from prepare()
    yield from in_both_editors("1-as-they-are")
    yield from steps.click("Apply to Armature")  # nothing has to be opened for it
    yield from steps.wait_until(is_keyed, 60, "Apply to Armature")


def applied():
    steps.show_panels()
    settings = bpy.context.scene.capf
    settings.camera_source, settings.destination, settings.use_reduction = "SCENE", "NLA", True
    bpy.ops.capf.apply_take()
    for section in ("footage", "contacts", "bake", "trust"):
        steps.show_panels(section)
        yield from in_both_editors(f"applied-{section}")


steps.play(story)
