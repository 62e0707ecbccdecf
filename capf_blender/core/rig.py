# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature of whatever convention at rest, which of its bones plays which part of a body, and
the channels that pose it.

Armature space is that of the armature's data: its own axes, and units that need not be metres.
"""

from dataclasses import dataclass, field

import numpy as np

SIDES = (".L", ".R")
TRUNK_ROLES = ("hips", "spine", "neck", "head")
LIMB_ROLES = ("clavicle", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
TWIST_ROLES = ("upper_arm_twist", "forearm_twist", "thigh_twist", "shin_twist")
BODY_ROLES: tuple[str, ...] = (
    *TRUNK_ROLES,
    *(f"{role}{side}" for side in SIDES for role in LIMB_ROLES),
)
"""What a humanoid should have, and a report counts."""
OPTIONAL_ROLES: tuple[str, ...] = (
    "root",  # lies on the ground and carries everything
    *(f"{role}{side}" for side in SIDES for role in TWIST_ROLES),
)
CHAIN_ROLES = frozenset({"spine", "neck", *OPTIONAL_ROLES[1:]})
"""Roles that several bones may share, from the first to the last along the body."""
DOUBTFUL = 0.7  # assignments that are less sure than that are shown to the user


@dataclass(frozen=True, eq=False)
class Pole:
    """How an IK solver turns a limb of two bones towards a pole bone. Axes at rest, armature."""

    upper: int  # the bones of the limb, indices
    lower: int
    up: np.ndarray  # (3,) what the solver turns towards the pole: an axis of the upper bone
    hinge: np.ndarray  # (3,) about which the lower bone bends


@dataclass(frozen=True, eq=False)
class Rig:
    """N bones, parents before children."""

    names: tuple[str, ...]
    parents: np.ndarray  # (N,) int, -1 without one
    heads: np.ndarray  # (N, 3) armature space
    tails: np.ndarray  # (N, 3)
    matrices: np.ndarray  # (N, 3, 3) rest; columns: the bones' X, Y (along the bone) and Z axes
    inherits_rotation: np.ndarray  # (N,) bool
    local_location: np.ndarray  # (N,) bool: a location is meant in the bone's own rest axes
    connected: np.ndarray  # (N,) bool: stays at its parent's tail, a location has no effect
    deforms: np.ndarray  # (N,) bool
    control: np.ndarray  # (N,) bool: shows a custom shape, so made for animators' hands
    world_from_armature: np.ndarray  # (4, 4) of the object, with its scale and its parents
    carriers: np.ndarray | None = None
    """(N,) int, what moves each bone where that is not its parent: the bone that a constraint makes
    it follow wholly (Armature, Copy Transforms). None: the parents."""
    poles: dict[str, Pole] = field(default_factory=dict)  # by the name of the pole bone

    def index(self, name: str) -> int:
        return self.names.index(name)


@dataclass(frozen=True)
class IkLimb:
    """The controls of one arm or leg that is led by its end. Empty names: the rig has none."""

    target: str  # placed at the wrist or ankle, turned as the hand or foot
    pole: str = ""
    switch: tuple[str, str] = ("", "")  # bone and custom property that chooses between FK and IK
    fk_value: float = 1.0
    ik_value: float = 0.0
    pole_switch: tuple[str, str] = ("", "")  # bone and property that makes the pole work
    pole_on: float = 1.0


@dataclass(frozen=True)
class Assignment:
    bones: tuple[str, ...]  # one, or more for CHAIN_ROLES
    confidence: float  # 0..1
    source: str  # "preset", "name", "geometry" or "user"


@dataclass(frozen=True, eq=False)
class RigMap:
    """Which bones play which roles of a rig."""

    convention: str  # a key of `rigs.CONVENTIONS`, "" for an unknown one
    roles: dict[str, Assignment]
    limbs: dict[str, IkLimb] = field(default_factory=dict)  # "arm.L", "leg.R", ...
    switches: dict[tuple[str, str], float] = field(default_factory=dict)
    """Custom properties, (bone, property), and their values at which the roles' bones follow their
    parents and nothing else, as Rigify's ("torso", "head_follow"): 1."""

    def bones(self, role: str) -> tuple[str, ...]:
        return self.roles[role].bones if role in self.roles else ()

    def bone(self, role: str) -> str:
        """The first bone of a role, "" where the rig has none."""
        return next(iter(self.bones(role)), "")


@dataclass(frozen=True, eq=False)
class BoneChannels:
    """Values for the pose bone of one name; F frames."""

    rotation: np.ndarray | None = None  # (F, 4) wxyz, local as in PoseBone.rotation_quaternion
    location: np.ndarray | None = None  # (F, 3) as in PoseBone.location, armature units


@dataclass(frozen=True, eq=False)
class RigPose:
    """What has to be keyed on a rig for F frames."""

    channels: dict[str, BoneChannels]  # by bone name
    switches: dict[tuple[str, str], float] = field(default_factory=dict)
    """Custom properties of pose bones, (bone, property), that must have these values."""
    roles: dict[str, str] = field(default_factory=dict)
    """The role for which each keyed bone is there."""
    notes: tuple[str, ...] = ()
    """Sentences for the report: what could not be done, and bones that turn implausibly fast."""


@dataclass(frozen=True, eq=False)
class Convention:
    """The bone names of one family of rigs, as data.

    A role lists alternatives, best first; those of `CHAIN_ROLES` list all their bones along the
    body. What a rig does not have is left out. "{}" in a limb's name stands for its side. Letter
    case, separators and prefixes that all bones share do not matter.
    """

    label: str
    trunk: dict[str, tuple[str, ...]]  # the roles without a side, and "root"
    limbs: dict[str, tuple[str, ...]]  # LIMB_ROLES and TWIST_ROLES
    sides: tuple[str, str]  # how names say left and right
    marks: tuple[str, ...] = ()  # bones without which a rig is of another family
    controls: dict[str, IkLimb] = field(default_factory=dict)  # "arm", "leg"
    switches: dict[tuple[str, str], float] = field(default_factory=dict)  # as in RigMap

    def roles(self) -> dict[str, tuple[str, ...]]:
        """Names by role, both sides."""
        sided = {
            role + ending: tuple(name.replace("{}", side) for name in names)
            for ending, side in zip(SIDES, self.sides, strict=True)
            for role, names in self.limbs.items()
        }
        return {**self.trunk, **sided}
