# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify's metarigs and what is generated from them, made by Rigify itself."""

import bpy
import pytest

from capf_blender.blender.rigs import read_rig
from capf_blender.blender.targets import check, generated_rig, is_metarig
from capf_blender.core.errors import CaptureError
from capf_blender.core.rig import BODY_ROLES
from capf_blender.core.rig_mapping import find_map
from capf_blender.core.rig_report import report
from capf_blender.rigs import CONVENTIONS


@pytest.fixture(scope="module", params=["basic_human", "human"])
def metarig(request):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.preferences.addon_enable(module="rigify")
    getattr(bpy.ops.object, f"armature_{request.param}_metarig_add")()
    return bpy.context.object


def test_metarig_leads_to_the_rig_generated_from_it(metarig):
    assert is_metarig(metarig)
    assert find_map(read_rig(metarig), CONVENTIONS).convention == "rigify_metarig"
    with pytest.raises(CaptureError) as error:
        check(bpy.context, metarig)
    assert error.value.code == "metarig"
    assert generated_rig(metarig) is None
    bpy.ops.pose.rigify_generate()
    rig = generated_rig(metarig)
    assert rig is not None
    assert not is_metarig(rig)
    check_controls(rig)


def check_controls(rig):
    """All that the convention names is there, and is a control."""
    rig_map = find_map(read_rig(rig), CONVENTIONS)
    assert rig_map.convention == "rigify"
    assert report(rig_map) == f"{len(BODY_ROLES)} of {len(BODY_ROLES)} bones found"
    assert sorted(rig_map.limbs) == ["arm.L", "arm.R", "leg.L", "leg.R"]
    pose = rig.pose.bones
    for found in rig_map.roles.values():
        assert all(pose[bone].custom_shape for bone in found.bones)
    for limb in rig_map.limbs.values():
        assert pose[limb.target].custom_shape
        assert limb.pole in pose
        for bone, switch in (limb.switch, limb.pole_switch):
            assert switch in pose[bone]
    assert len(rig_map.switches) == 6
    assert all(switch in pose[bone] for bone, switch in rig_map.switches)
