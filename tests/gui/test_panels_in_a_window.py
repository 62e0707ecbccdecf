# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every panel is drawn in both editors, in English and in German; its pictures lie in out/gui."""

import pytest
from blender_window import play

GERMAN = {"LANG": "de_DE.UTF-8", "CAPF_LANGUAGE": "de_DE"}
SECTIONS = 9


@pytest.fixture(scope="module", params=["en", "de"])
def run(request, desk, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("home")
    german = request.param == "de"
    name = "german-panels" if german else "panels"
    facts = play(desk, "panels", folder, GERMAN if german else None, name=name)
    return facts | {"language": request.param}


def test_every_section_was_photographed(run):
    assert run["locale"].startswith(run["language"])
    assert len(run["shots"]) >= SECTIONS


def test_no_panel_fails_to_draw(run):
    """Blender prints what a panel raises, names unknown properties and operators, and goes on."""
    bad = ("Traceback", "rna_uiItem", "unknown operator", "AttributeError", "TypeError")
    assert not [line for line in run["log"] if any(word in line for word in bad)]


def test_the_button_of_the_last_step_keys_the_rig(run):
    if run["language"] == "en":
        assert run["clicked"] == ["Apply to Armature"]
