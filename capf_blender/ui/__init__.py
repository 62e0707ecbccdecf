# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels: they only draw. The same sections, in the order of the work, in the sidebars of the Video
Sequencer and the 3D View."""

from . import bake, capture, clean_up, contacts, export, footage, menu, people, target_rig, trust
from .section import in_both_editors

SECTIONS = (
    *footage.SECTIONS,
    *capture.SECTIONS,
    *people.SECTIONS,
    *clean_up.SECTIONS,
    *contacts.SECTIONS,
    *target_rig.SECTIONS,
    *bake.SECTIONS,
    *trust.SECTIONS,
    *export.SECTIONS,
)
CLASSES = (
    *menu.CLASSES,
    *people.CLASSES,
    *target_rig.CLASSES,
    *trust.CLASSES,
    *in_both_editors(SECTIONS),
)
