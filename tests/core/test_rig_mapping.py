# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of rigs: families by name, unknown rigs by words and places."""

import json

import numpy as np
import pytest
from synthetic_skeletons import (
    FAMILIES,
    body,
    box,
    dog,
    family,
    named,
    rope,
    turned,
    with_noise,
    without,
)

from capf_blender.core.errors import CaptureError
from capf_blender.core.rig import BODY_ROLES, DOUBTFUL, Rig
from capf_blender.core.rig_mapping import find_map, with_corrections
from capf_blender.core.rig_report import corrections_from_json, doubtful_roles, map_to_json, report
from capf_blender.rigs import CONVENTIONS

GERMAN = {
    "hips": "Becken", "spine": "Wirbelsäule", "chest": "Brust", "neck": "Hals", "head": "Kopf",
    "clavicle": "Schlüsselbein", "upper_arm": "Oberarm", "forearm": "Unterarm", "hand": "Hand",
    "thigh": "Oberschenkel", "shin": "Unterschenkel", "foot": "Fuß", "toe": "Zehen",
}  # fmt: skip
KOREAN = {
    "hips": "골반", "spine": "척추", "chest": "가슴", "neck": "목", "head": "머리",
    "clavicle": "쇄골", "upper_arm": "위팔", "forearm": "아래팔", "hand": "손", "thigh": "허벅지",
    "shin": "정강이", "foot": "발", "toe": "발가락",
}  # fmt: skip


def found(rig: Rig, conventions=CONVENTIONS) -> dict[str, tuple[str, ...]]:
    roles = find_map(rig, conventions).roles
    return {role: roles[role].bones for role in BODY_ROLES if role in roles}


def anonymous(rig: Rig, roles: dict[str, tuple[str, ...]]):
    names = {name: f"Bone.{number:03}" for number, name in enumerate(rig.names)}
    return named(rig, names), {r: tuple(names[b] for b in bones) for r, bones in roles.items()}


@pytest.mark.parametrize("key", FAMILIES)
def test_families_are_known_by_name(key):
    rig, roles = family(key)
    rig_map = find_map(rig, CONVENTIONS)
    assert rig_map.convention == key
    assert found(rig) == roles
    assert report(rig_map) == "20 of 20 bones found"


@pytest.mark.parametrize("prefix", ["mixamorig:", "mixamorig1:", "mixamorig_", "Hero:Body:", ""])
@pytest.mark.parametrize("suffix", ["", "_{:02}", ".{:03}"])
def test_any_prefix_and_suffix(prefix, suffix):
    plain, roles = family("mixamo")
    names = {n: prefix + n + suffix.format(i + 7) for i, n in enumerate(plain.names)}
    rig_map = find_map(named(plain, names), CONVENTIONS)
    assert rig_map.convention == "mixamo"
    assert rig_map.bone("shin.L") == names["LeftLeg"]
    assert all(
        rig_map.bones(role) == tuple(names[b] for b in bones) for role, bones in roles.items()
    )


@pytest.mark.parametrize("spine", [1, 2, 3, 5])
@pytest.mark.parametrize("without_roles", [(), ("clavicle",), ("toe",), ("neck",)])
def test_places_alone(spine, without_roles):
    rig, roles = anonymous(*without(*body(spine=spine, fingers=True), without_roles))
    assert found(rig) == roles


@pytest.mark.parametrize("seed", range(8))
def test_no_axis_is_taken_for_granted(seed):
    """Order of bones, scale and pose of the armature change nothing."""
    rng = np.random.default_rng(seed)
    rig, roles = anonymous(*body(spine=3, fingers=bool(seed % 2)))
    assert found(turned(rig, rng)) == roles


@pytest.mark.parametrize("seed", range(6))
def test_bones_of_clothes_and_weapons_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    rig, roles = anonymous(*body(spine=3, fingers=True))
    assert found(with_noise(rig, rng)) == roles


def test_names_on_the_wrong_side_are_doubtful():
    rig, _ = body(spine=3, fingers=False)
    swap = {".L": ".R", ".R": ".L"}
    crossed = named(rig, {n: n[:-2] + swap.get(n[-2:], n[-2:]) for n in rig.names})
    rig_map = find_map(crossed, {})
    assert any(role.endswith(".L") for role in doubtful_roles(rig_map))


@pytest.mark.parametrize("words", [GERMAN, KOREAN])
@pytest.mark.parametrize("sides", [("links ", "rechts "), ("좌_", "우_")])
def test_foreign_names(words, sides):
    rig, roles = body(spine=2, fingers=False)
    parts = dict(zip(rig.names, rig.names, strict=True))
    for name in rig.names:
        part, _, side = name.partition(".")
        parts[name] = {"L": sides[0], "R": sides[1]}.get(side, "") + words[part]
    expected = {role: tuple(parts[b] for b in bones) for role, bones in roles.items()}
    assert found(named(rig, parts)) == expected


@pytest.mark.parametrize("lost", [0.2, 0.5])
def test_lost_names_are_filled_in_by_place(lost):
    rng = np.random.default_rng(3)
    rig, roles = family("mixamo")
    names = {n: f"Object{i}" if rng.random() < lost else n for i, n in enumerate(rig.names)}
    expected = {role: tuple(names[b] for b in bones) for role, bones in roles.items()}
    assert found(named(rig, names)) == expected


@pytest.mark.parametrize("make", [dog, box, rope])
def test_what_is_no_body_is_refused(make):
    with pytest.raises(CaptureError) as error:
        find_map(make(), CONVENTIONS)
    assert error.value.code == "not_humanoid"
    assert error.value.hint


def test_corrections_go_before_everything():
    rig, _ = family("mixamo")
    rig_map = find_map(rig, CONVENTIONS)
    changed = with_corrections(rig_map, {"toe.L": (), "spine": ("Spine", "Spine2")})
    assert "toe.L" not in changed.roles
    assert changed.roles["spine"].source == "user"
    assert report(changed) == "19 of 20 bones found; missing: left toe"
    bare = with_corrections(rig_map, dict.fromkeys(BODY_ROLES[-5:], ()))
    assert report(bare).endswith("; missing: right hand, right thigh, right shin, right foot, ...")
    again = corrections_from_json(map_to_json(changed))
    assert with_corrections(rig_map, {"toe.L": (), **again}).bones("spine") == ("Spine", "Spine2")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 9},
        {"extra": 1},
        {"roles": {"wing.L": ["Spine"]}},
        {"roles": {"hips": "Hips"}},
    ],
)
def test_strange_files_are_refused(change):
    rig, _ = family("mixamo")
    data = json.loads(map_to_json(find_map(rig, CONVENTIONS)))
    with pytest.raises(CaptureError) as error:
        corrections_from_json(json.dumps({**data, **change}))
    assert error.value.code == "bad_map"


def test_confidence_says_how_often_a_role_is_right():
    """On rigs with half their names lost, some joints moved and strange bones added."""
    sure, right = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rig, roles = body(spine=1 + seed % 4, fingers=bool(seed % 3))
        names = {n: f"b{i}" if rng.random() < 0.5 else n for i, n in enumerate(rig.names)}
        expected = {role: tuple(names[b] for b in bones) for role, bones in roles.items()}
        rig_map = find_map(with_noise(named(rig, names), rng, shaken=0.006), CONVENTIONS)
        for role in BODY_ROLES:
            if role in rig_map.roles:
                sure.append(rig_map.roles[role].confidence)
                right.append(rig_map.bones(role) == expected.get(role, ()))
    confident = np.array(sure) >= DOUBTFUL
    assert np.mean(np.array(right)[confident]) > 0.95
    assert abs(np.mean(right) - np.mean(sure)) < 0.2
