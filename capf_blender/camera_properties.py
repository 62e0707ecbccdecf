# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene's settings of the camera that took the footage, and of the world that it saw."""

import math

import bpy

from .solve_properties import changed


def _is_camera(_self, candidate: bpy.types.Object) -> bool:
    return candidate.type == "CAMERA"


class CameraProperties:
    """`core.camera.CameraPath`, and where that is unknown the fields of `SolveSettings`."""

    camera_source: bpy.props.EnumProperty(
        name="Camera",
        description="What tells where the footage's camera was and how it saw",
        items=[
            (
                "FOOTAGE", "Footage",
                "The given field of view, else the footage's metadata or a guess; the world is "
                "levelled by how the person stands",
            ),
            (
                "SCENE", "Scene Camera",
                "The scene's active camera, at rest or moving: the person is placed so that it "
                "lines up with the footage seen through that camera",
            ),
            (
                "CLIP", "Movie Clip",
                "The camera solve of a movie clip; its scale follows from the person's height",
            ),
        ],
        default="FOOTAGE",
        update=changed,
    )  # fmt: skip
    clip: bpy.props.PointerProperty(
        name="Movie Clip",
        description="Movie clip with a camera solve; the scene's active clip when left empty",
        type=bpy.types.MovieClip,
        update=changed,
    )
    use_tilt: bpy.props.BoolProperty(
        name="Known Tilt",
        description="Give the camera's pitch and roll; unticked, the world is levelled by how the "
        "person stands",
        update=changed,
    )
    pitch: bpy.props.FloatProperty(
        name="Pitch",
        description="How far the camera looks down",
        subtype="ANGLE", min=-math.pi / 2, max=math.pi / 2, update=changed,
    )  # fmt: skip
    roll: bpy.props.FloatProperty(
        name="Roll",
        description="How far the camera is turned clockwise, seen from behind",
        subtype="ANGLE", min=-math.pi, max=math.pi, update=changed,
    )  # fmt: skip
    yaw: bpy.props.FloatProperty(
        name="Turn",
        description="Turn the person's world about the vertical; at 0 the person first faces -Y",
        subtype="ANGLE", update=changed,
    )  # fmt: skip
    floor_m: bpy.props.FloatProperty(
        name="Floor Offset",
        description="Raise the person over the floor that was found",
        subtype="DISTANCE", precision=3, soft_min=-1.0, soft_max=1.0, update=changed,
    )  # fmt: skip
    capture_camera: bpy.props.PointerProperty(
        name="Capture Camera",
        description="Camera that Match Camera keeps in line with the footage; a new one when left "
        "empty",
        type=bpy.types.Object,
        poll=_is_camera,
    )
