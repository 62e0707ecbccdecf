# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from synthetic_motion import body
from synthetic_rigs import Y_UP, Build, build, other_body, posed_rest, world_turn

from capf_blender.core.rest_joints import rest_body
from capf_blender.core.rig import Rig
from capf_blender.core.rotations import unit
from capf_blender.core.skeleton import JOINT, JOINT_NAMES


@pytest.mark.parametrize("axes", [np.eye(3), Y_UP, np.diag([-1.0, -1.0, 1.0]), world_turn(3)])
def test_facing_and_up_come_from_the_bones(axes):
    rest = posed_rest(other_body(), 0.9)
    found = rest_body(*build(rest, Build(seed=1, axes=axes, unit=100.0)))
    wanted = axes @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float).T
    np.testing.assert_allclose(found.axes, wanted, atol=1e-6)


def test_all_joints_of_our_own_body_are_found():
    rest = body()
    found = rest_body(*build(rest, Build()))
    seen = [n for n in JOINT_NAMES if n in found.measured or n.endswith(("toe", "head_top"))]
    assert len(seen) >= 19
    for name in seen:
        np.testing.assert_allclose(
            found.joints[JOINT[name]], rest.joints[JOINT[name]], atol=1e-6, err_msg=name
        )
    assert found.floor == 0.0
    # in the foot's plane, as it says how the foot is turned
    heel = found.joints[JOINT["l_heel"]] - found.joints[JOINT["l_ankle"]]
    assert heel[1] > 0
    assert heel[2] < 0
    np.testing.assert_allclose(heel[0], 0.0, atol=1e-9)


@pytest.mark.parametrize("without", [
    ("toe",), ("clavicle",), ("hand",), ("foot", "toe"), ("head", "neck"), ("hand", "foot", "toe"),
])  # fmt: skip
def test_what_no_bone_tells_is_guessed_where_a_body_has_it(without):
    rest = posed_rest(other_body(), 0.6)
    whole = rest_body(*build(rest, Build(seed=2)))
    found = rest_body(*build(rest, Build(seed=2, without=without)))
    assert np.isfinite(found.joints).all()
    np.testing.assert_allclose(found.axes, whole.axes, atol=1e-9)
    off = np.linalg.norm(found.joints - whole.joints, axis=1)
    assert off.max() < 0.2
    for p in ("l_", "r_"):
        at = {n: found.joints[JOINT[p + n]] for n in ("ankle", "toe", "heel")}
        assert at["toe"][1] < at["ankle"][1] < at["heel"][1]  # it faces -Y


def test_a_rig_that_does_not_stand_on_its_origin_stands_on_its_soles():
    rest = body()
    down = np.array([0.0, 0.0, -rest.joints[0, 2]])
    moved = replace(
        rest, joints=rest.joints + down, heads=rest.heads + down, tails=rest.tails + down
    )
    found = rest_body(*build(moved, Build()))
    assert abs(found.floor - down[2] - rest.joints[JOINT["l_toe"], 2]) < 1e-6


def with_bones(rig: Rig, names: list[str], heads: list[np.ndarray], parents: list[int]) -> Rig:
    """`rig` with short bones more."""

    def longer(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, np.repeat(values[-1:], len(names), axis=0)])

    return replace(
        rig, names=(*rig.names, *names), heads=np.concatenate([rig.heads, heads]),
        parents=np.concatenate([rig.parents, parents]),
        tails=np.concatenate([rig.tails, np.array(heads) + [0.0, 0.0, 0.01]]),
        matrices=longer(rig.matrices), inherits_rotation=longer(rig.inherits_rotation),
        local_location=longer(rig.local_location), connected=longer(rig.connected),
        deforms=longer(rig.deforms), control=longer(rig.control),
    )  # fmt: skip


def test_a_hand_between_one_finger_and_a_thumb_is_straight():
    """Importers put the end of a bone in the middle of what it carries."""
    rig, rig_map = build(body(), Build())
    hand, forearm = rig.index("hand.L"), rig.index("forearm.L")
    wrist, straight = rig.heads[hand], unit(rig.heads[hand] - rig.heads[forearm])
    finger, thumb = wrist + 0.09 * straight, wrist + 0.03 * straight - [0.0, 0.06, 0.0]
    tails = rig.tails.copy()
    tails[hand] = 0.5 * (finger + thumb)
    found = rest_body(
        with_bones(replace(rig, tails=tails), ["base", "thumb"], [finger, thumb], [hand, hand]),
        rig_map,
    )
    knuckles = 0.5 * (found.joints[JOINT["l_index"]] + found.joints[JOINT["l_pinky"]])
    assert unit(knuckles - wrist) @ straight > 1 - 1e-9


def test_hands_are_turned_as_their_knuckles_are():
    rig, rig_map = build(body(), Build())
    hand = rig.index("hand.L")
    wrist, along = rig.heads[hand], rig.tails[hand] - rig.heads[hand]
    across = np.array([0.0, -0.6, 0.8])  # a palm that is turned by 53 degrees
    names, heads, parents = list(rig.names), list(rig.heads), list(rig.parents)
    chains = {
        "thumb": (0.3, 1.5),
        "a": (1.0, 1.0),
        "b": (1.05, 0.3),
        "c": (1.0, -0.3),
        "d": (0.9, -1),
    }
    for finger, (length, side) in chains.items():
        for joint in range(3):
            names.append(f"{finger}{joint}")
            parents.append(hand if joint == 0 else len(names) - 2)
            heads.append(wrist + (length + 0.3 * joint) * along + 0.03 * side * across)
    more = len(rig.names)
    found = rest_body(with_bones(rig, names[more:], heads[more:], parents[more:]), rig_map)
    seen = found.joints[JOINT["l_index"]] - found.joints[JOINT["l_pinky"]]
    assert unit(seen - (seen @ unit(along)) * unit(along)) @ across > 0.999
