# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of capture systems and research: Rokoko, Biovision's BVH, SMPL and SMPL-X.

Named after joints rather than bones: LeftShoulder and left_elbow are the arm's bones, and SMPL's
left_foot is the toes.
"""

from dataclasses import replace

from ..core.rig import Convention

ROKOKO = Convention(
    label="Rokoko",
    trunk={
        "root": ("Root",),
        "hips": ("Hips",),
        "spine": ("Spine", "Spine1", "Spine2", "Spine3", "Spine4"),
        "neck": ("Neck",),
        "head": ("Head",),
    },
    limbs={
        "clavicle": ("{}Shoulder",),
        "upper_arm": ("{}Arm",),
        "forearm": ("{}ForeArm",),
        "hand": ("{}Hand",),
        "thigh": ("{}Thigh",),
        "shin": ("{}Shin",),
        "foot": ("{}Foot",),
        "toe": ("{}Toe",),
    },
    sides=("Left", "Right"),
    marks=("LeftThigh",),
)

BIOVISION = Convention(
    label="Biovision",
    trunk={
        "hips": ("Hips", "Hip"),
        "spine": ("Waist", "ToSpine", "Spine", "Chest", "Chest1", "Chest2", "Chest3", "Chest4"),
        "neck": ("Neck", "Neck1"),
        "head": ("Head",),
    },
    limbs={
        "clavicle": ("{}Collar",),
        "upper_arm": ("{}Shoulder",),
        "forearm": ("{}Elbow",),
        "hand": ("{}Wrist",),
        "thigh": ("{}Hip",),
        "shin": ("{}Knee",),
        "foot": ("{}Ankle",),
        "toe": ("{}Toe",),
    },
    sides=("Left", "Right"),
    marks=("LeftKnee", "LeftElbow"),
)

SMPL = Convention(
    label="SMPL",
    trunk={
        "root": ("root",),
        "hips": ("pelvis",),
        "spine": ("spine1", "spine2", "spine3"),
        "neck": ("neck",),
        "head": ("head",),
    },
    limbs={
        "clavicle": ("{}_collar",),
        "upper_arm": ("{}_shoulder",),
        "forearm": ("{}_elbow",),
        "hand": ("{}_wrist",),
        "thigh": ("{}_hip",),
        "shin": ("{}_knee",),
        "foot": ("{}_ankle",),
        "toe": ("{}_foot",),
    },
    sides=("left", "right"),
    marks=("left_knee", "left_collar"),
)

SMPL_SHORT = replace(SMPL, sides=("L", "R"), marks=("L_Knee", "L_Collar"))
