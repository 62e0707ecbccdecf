# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels: the same in both editors, with nothing in them that does not exist, explained throughout.
Blender draws only in a window: `tests/gui/test_panels_in_a_window.py` looks at them there."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
blf = pytest.importorskip("blf")

import rig_zoo  # noqa: E402

from capf_blender.camera_properties import CameraProperties  # noqa: E402
from capf_blender.solve_properties import (  # noqa: E402
    BakeProperties,
    RetargetProperties,
    SolveProperties,
)
from capf_blender.trust_properties import TrustProperties  # noqa: E402
from capf_blender.ui import menu  # noqa: E402

pytestmark = pytest.mark.blender

EDITORS = {"CAPF_PT_sequencer_": "SEQUENCE_EDITOR", "CAPF_PT_view3d_": "VIEW_3D"}
OPEN = {"footage", "capture", "people", "target_rig", "bake"}
"""What leads from a strip to keys is seen without opening anything."""
LABEL_PX, CHECKBOX_PX, MENU_PX = 88, 112, 112
"""Room for a label, for the text beside a checkbox and for a chosen item, as on the pictures."""
UI = Path(__file__).resolve().parents[2] / "capf_blender" / "ui"


def panels(prefix: str) -> dict[str, type]:
    names = [name for name in dir(bpy.types) if name.startswith(prefix)]
    return {name.removeprefix(prefix): getattr(bpy.types, name) for name in names}


@dataclass(frozen=True)
class Call:
    """A call somewhere in ui."""

    place: str
    name: str
    arguments: list[ast.expr]
    text: str | None  # its keyword "text"


@dataclass(frozen=True)
class Drawn:
    """A property that a panel draws."""

    place: str
    owner: str  # an expression
    name: str
    text: str | None  # in place of its name


def calls() -> Iterator[Call]:
    for file in sorted(UI.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                texts = [literal(word.value) for word in node.keywords if word.arg == "text"]
                yield Call(f"{file.name}:{node.lineno}", name, node.args, next(iter(texts), None))


def literal(argument: ast.expr) -> str | None:
    """None for what is told only when the panel is drawn."""
    value = argument.value if isinstance(argument, ast.Constant) else None
    return value if isinstance(value, str) else None


def drawn_properties() -> Iterator[Drawn]:
    for call in calls():
        pairs, text = [], call.text
        if call.name in ("prop", "prop_search"):
            pairs = [call.arguments[:2]]
        elif call.name == "template_list":
            pairs, text = [call.arguments[2:4], call.arguments[4:6]], ""
        elif call.name == "draw_switched":
            pairs, text = [(call.arguments[1], name) for name in call.arguments[3:]], ""
        for owner, name in pairs:
            if (known := literal(name)) is not None:
                yield Drawn(call.place, ast.unparse(owner), known, text)


def properties_of(settings, drawn: Drawn) -> list:
    """What the drawn property may be: rows of any of the scene's lists look alike."""
    if drawn.owner == "context.scene":
        owners = [bpy.types.Scene.bl_rna]
    elif drawn.owner in ("settings", "self.settings(context)"):
        owners = [settings.bl_rna]
    else:
        assert drawn.owner in ("row", "item"), drawn
        lists = [prop for prop in settings.bl_rna.properties if prop.type == "COLLECTION"]
        owners = [prop.fixed_type for prop in lists]
    return [owner.properties[drawn.name] for owner in owners if drawn.name in owner.properties]


def drawn_operators() -> set[str]:
    named = {
        literal(call.arguments[1] if call.name == "draw_main_button" else call.arguments[0])
        for call in calls()
        if call.name in ("operator", "operator_menu_enum", "draw_main_button")
    }
    return {name for name in named if name is not None} | {
        name for group in menu.OPERATORS for name in group
    }


def operator_type(name: str):
    folder, _, function = name.partition(".")
    return getattr(bpy.types, f"{folder.upper()}_OT_{function}", None)


def test_both_editors_have_the_same_panels(scene):
    sequencer, view = (panels(prefix) for prefix in EDITORS)
    assert set(sequencer) == set(view) >= {*OPEN, "export"}
    for prefix, space in EDITORS.items():
        for name, panel in panels(prefix).items():
            assert (panel.bl_space_type, panel.bl_region_type) == (space, "UI")
            assert panel.bl_category == "CAPF" and panel.bl_label, name


def test_the_way_from_strip_to_keys_is_open_and_the_rest_is_closed(scene):
    for prefix in EDITORS:
        found = panels(prefix)
        for name, panel in found.items():
            closed = "DEFAULT_CLOSED" in getattr(panel, "bl_options", ())
            assert closed == (name not in OPEN), name
            parent = getattr(panel, "bl_parent_id", None)
            assert parent is None or (closed and parent.removeprefix(prefix) in found)


def test_panels_draw_properties_that_exist(scene):
    drawn = list(drawn_properties())
    assert len(drawn) > 30
    assert not [each for each in drawn if not properties_of(scene.capf, each)]


def test_every_setting_of_a_solve_and_a_bake_can_be_reached(scene):
    drawn = {each.name for each in drawn_properties() if each.owner != "row"}
    for group in (
        CameraProperties,
        SolveProperties,
        RetargetProperties,
        BakeProperties,
        TrustProperties,
    ):
        wanted = set(group.__annotations__) - {"advice"}  # which we give
        assert wanted <= drawn, wanted - drawn


def test_no_label_is_cut_off_in_a_sidebar_as_wide_as_blender_opens_it(scene):
    blf.size(0, bpy.context.preferences.ui_styles[0].widget.points)
    cut = []
    for drawn in drawn_properties():
        if drawn.owner in ("row", "item"):
            continue
        for prop in properties_of(scene.capf, drawn):
            label = prop.name if drawn.text is None else drawn.text
            wide = CHECKBOX_PX if prop.type == "BOOLEAN" else LABEL_PX
            items = [item.name for item in getattr(prop, "enum_items", ())]
            menu = LABEL_PX + MENU_PX if label == "" else MENU_PX
            cut += [label] if blf.dimensions(0, label)[0] > wide else []
            cut += [item for item in items if blf.dimensions(0, item)[0] > menu]
    assert not cut


def test_icons_and_arguments_exist_in_this_blender(scene):
    functions = bpy.types.UILayout.bl_rna.functions
    icons = set(functions["prop"].parameters["icon"].enum_items.keys())
    used = set()
    for file in sorted(UI.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                words = {word.arg: literal(word.value) for word in node.keywords}
                used |= {words["icon"]} if words.get("icon") else set()
                known = functions.get(node.func.attr)
                if known is not None and ast.unparse(node.func.value) != "self":
                    unknown = set(words) - set(known.parameters.keys())
                    assert not unknown, f"{file.name}:{node.lineno}: {unknown}"
    assert len(used) > 15 and used <= icons


def test_panels_press_operators_that_exist(scene):
    operators = drawn_operators()
    assert {"capf.capture_pose", "capf.apply_take", "capf.check_rig"} <= operators
    for name in operators:
        assert operator_type(name) is not None, name


def test_the_menu_is_in_blenders_menus_once_and_goes_with_the_addon(addon, scene):
    def draws(name: str) -> int:
        draw = getattr(bpy.types, name).draw
        ours = [each for each in getattr(draw, "_draw_funcs", ()) if "capf" in each.__module__]
        return len(ours)

    assert [draws(name) for name in menu.MENUS] == [1] * len(menu.MENUS)
    bpy.ops.preferences.addon_disable(module=addon.PACKAGE)
    assert [draws(name) for name in menu.MENUS] == [0] * len(menu.MENUS)
    bpy.ops.preferences.addon_enable(module=addon.PACKAGE)
    assert [draws(name) for name in menu.MENUS] == [1] * len(menu.MENUS)


def ours() -> list:
    """Every type of ours in Blender that has properties."""
    return [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("CAPF_")]


def test_whatever_a_user_can_change_is_explained(scene):
    for cls in ours():
        if issubclass(cls, bpy.types.Panel):
            continue
        own = getattr(cls, "__annotations__", {})
        for base in cls.__mro__:
            own = {**own, **getattr(base, "__annotations__", {})}
        for name in set(own) & set(cls.bl_rna.properties.keys()):
            prop = cls.bl_rna.properties[name]
            if prop.is_hidden or name in ("filepath", "filter_glob", "check_existing"):
                continue
            where = f"{cls.__name__}.{name}"
            assert prop.name and prop.name[0].isupper(), where
            assert not prop.description.endswith("."), where
            for item in getattr(prop, "enum_items", ()):
                assert item.name and not item.description.endswith("."), f"{where}: {item.name}"


def test_operators_say_what_they_do(scene):
    operators = [cls for cls in ours() if issubclass(cls, bpy.types.Operator)]
    assert len(operators) > 12
    labels = [cls.bl_label for cls in operators]
    assert len(set(labels)) == len(labels), "in search they could not be told apart"
    for cls in operators:
        assert cls.bl_description and not cls.bl_description.endswith("."), cls.__name__


def test_grey_buttons_say_why(scene):
    grey = []
    for name in drawn_operators():
        folder, _, function = name.partition(".")
        operator = getattr(getattr(bpy.ops, folder), function)
        if folder != "capf" or operator.poll():
            continue
        with pytest.raises(RuntimeError) as caught:
            operator()
        assert "context is incorrect" not in str(caught.value), name
        grey.append(name)
    assert {"capf.apply_take", "capf.check_rig", "capf.plant_foot", "capf.match_camera"} <= {*grey}


def test_choosing_an_armature_tells_at_once_what_would_be_keyed(scene):
    settings = scene.capf
    settings.armature = rig_zoo.build("mixamo")
    assert "20 of 20 bones found" in settings.rig_report and settings.rig_state == "SURE"
    assert not bpy.data.actions
    row = next(row for row in settings.roles if row.role == "hand.L")
    row.bone = ""
    assert "19 of 20 bones found; missing: left hand" in settings.rig_report
    row.bone = "mixamorig:LeftHand"
    assert "20 of 20 bones found" in settings.rig_report and settings.rig_state == "SURE"
    settings.armature = None
    assert not settings.rig_report and not len(settings.roles)


def test_choosing_what_cannot_be_keyed_says_so_at_once(scene):
    data = bpy.data.armatures.new("Empty")
    ob = bpy.data.objects.new("Empty", data)
    scene.collection.objects.link(ob)
    bpy.context.view_layer.update()
    scene.capf.armature = ob
    assert scene.capf.rig_state == "REFUSED"
    assert "Empty has no bones" in scene.capf.rig_report and not len(scene.capf.roles)
