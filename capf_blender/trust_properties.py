# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's settings of what is doubted and drawn, and the joints that were put right by hand."""

import bpy

from .core.corrections import CORRECTABLE
from .core.doubts import LEAST_CONFIDENCE
from .core.skeleton import JOINT_NAMES


class CAPF_PG_correction(bpy.types.PropertyGroup):
    """`core.corrections.Correction` of one take."""

    take: bpy.props.StringProperty(name="Take", description="Which take it belongs to")
    joint: bpy.props.EnumProperty(
        name="Joint",
        description="The joint that was moved",
        items=[(name, CORRECTABLE.get(name, name), "") for name in JOINT_NAMES],
    )
    time_s: bpy.props.FloatProperty(
        name="Time", description="When, in the footage", subtype="TIME_ABSOLUTE"
    )
    pixel: bpy.props.FloatVectorProperty(
        name="Pixel", description="Where in the footage the joint is", size=2
    )
    depth: bpy.props.FloatProperty(
        name="Depth", description="How far behind the hips the joint is, in body heights"
    )


class TrustProperties:
    confidence_threshold: bpy.props.FloatProperty(
        name="Threshold",
        description="Parts of the body are doubtful in frames in which they are less sure",
        subtype="FACTOR",
        default=LEAST_CONFIDENCE,
        min=0.0,
        max=1.0,
    )
    show_joints: bpy.props.BoolProperty(
        name="Joints over Footage",
        description="Draw the solved joints and where the footage shows them, in the colour of "
        "their distance, while the 3D View looks through the capture's camera",
    )
    advice: bpy.props.StringProperty(
        name="Advice",
        description="What looks wrong in the last solve and what to change, a sentence a line",
    )
    corrections: bpy.props.CollectionProperty(
        name="Corrections",
        description="Joints that were put right by hand",
        type=CAPF_PG_correction,
    )
    active_correction: bpy.props.IntProperty(
        name="Chosen Correction", description="The one that is removed next", min=0
    )
    correction_joint: bpy.props.EnumProperty(
        name="Joint",
        description="The joint to put right",
        items=[(name, label, f"Move the {label.lower()}") for name, label in CORRECTABLE.items()],
        default="l_wrist",
    )


CLASSES = (CAPF_PG_correction,)
