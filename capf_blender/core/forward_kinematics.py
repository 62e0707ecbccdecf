# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bones of a posed rig are, as Blender would have them.

Everything is told as the turn of a bone since its rest, in armature axes. A bone without keys turns
as its carrier does, so that of the hundreds of bones of a rig only the keyed ones cost anything.
"""

import numpy as np

from .rig import Rig, RigPose
from .rotations import matrix_from_quaternion


class Posing:
    """A rig in F frames, to be posed bone by bone. Turns and places are (F, ...) or, where nothing
    moves, without the frames' axis; both broadcast."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.carriers = rig.parents if rig.carriers is None else rig.carriers
        # a constraint carries a bone with all its rotation, whatever the bone's own setting
        self._follows = rig.inherits_rotation | (self.carriers != rig.parents)
        self._rotations: dict[int, np.ndarray] = {}  # (F, 3, 3) local, as PoseBone.matrix_basis
        self._locations: dict[int, np.ndarray] = {}  # (F, 3) as PoseBone.location
        self._turns: dict[int, np.ndarray] = {-1: np.eye(3)}
        self._heads: dict[int, np.ndarray] = {}

    def ancestors(self, bone: int) -> list[int]:
        """What carries `bone`, from the nearest on."""
        found: list[int] = []
        while (bone := int(self.carriers[bone])) >= 0 and bone not in found:
            found.append(bone)
        return found

    def turn(self, bone: int) -> np.ndarray:
        """(F, 3, 3) since rest, armature axes."""
        if bone not in self._turns:
            turn = self._inherited(bone)
            if bone in self._rotations:
                rest = self.rig.matrices[bone]
                turn = turn @ rest @ self._rotations[bone] @ rest.T
            self._turns[bone] = turn
        return self._turns[bone]

    def place(self, bone: int, point: np.ndarray) -> np.ndarray:
        """(F, 3) where `bone` carries a `point` (3,) of the rest pose; -1 carries nowhere."""
        while bone >= 0 and self._is_rigid(bone):
            bone = int(self.carriers[bone])
        if bone < 0:
            return point
        return self.head(bone) + _turned(self.turn(bone), point - self.rig.heads[bone])

    def head(self, bone: int) -> np.ndarray:
        """(F, 3) the bone's head, armature space."""
        if bone not in self._heads:
            head = self.place(int(self.carriers[bone]), self.rig.heads[bone])
            if bone in self._locations and not self.rig.connected[bone]:
                head = head + _turned(self._location_axes(bone), self._locations[bone])
            self._heads[bone] = head
        return self._heads[bone]

    def set_turn(self, bone: int, turn: np.ndarray) -> None:
        """Makes `bone` turn by (F, 3, 3) since rest. What it carries has to be set after it."""
        rest = self.rig.matrices[bone]
        inherited = self._inherited(bone)
        self.set_rotation(bone, rest.T @ np.swapaxes(inherited, -1, -2) @ turn @ rest)

    def set_rotation(self, bone: int, rotation: np.ndarray) -> None:
        """The bone's own rotation (F, 3, 3), local to its rest."""
        self._rotations[bone] = rotation
        self._heads = {}
        self._turns = {
            other: turn
            for other, turn in self._turns.items()
            if other < 0 or (other != bone and bone not in self.ancestors(other))
        }

    def set_location(self, bone: int, location: np.ndarray) -> None:
        """(F, 3) as PoseBone.location."""
        self._locations[bone] = location
        self._heads = {}

    def move(self, bone: int, by: np.ndarray) -> None:
        """Moves `bone` by (F, 3) in armature axes; a connected bone cannot be moved."""
        axes = np.swapaxes(self._location_axes(bone), -1, -2)
        self.set_location(bone, self._locations.get(bone, 0.0) + _turned(axes, by))

    def rotation(self, bone: int) -> np.ndarray | None:
        return self._rotations.get(bone)

    def location(self, bone: int) -> np.ndarray | None:
        return self._locations.get(bone)

    def _inherited(self, bone: int) -> np.ndarray:
        return self.turn(int(self.carriers[bone])) if self._follows[bone] else np.eye(3)

    def _is_rigid(self, bone: int) -> bool:
        """Whether the bone moves exactly as its carrier does."""
        own = bone in self._rotations or bone in self._locations
        return bool(self._follows[bone]) and not own

    def _location_axes(self, bone: int) -> np.ndarray:
        """(F, 3, 3) what PoseBone.location is measured along.

        As Blender's BKE_bone_parent_transform: the bone's rest axes carried by the parent, even if
        it does not inherit rotation; without Local Location the parent's own posed axes.
        """
        carrier = int(self.carriers[bone])
        if self.rig.local_location[bone]:
            return self.turn(carrier) @ self.rig.matrices[bone]
        return self.turn(carrier) @ (self.rig.matrices[carrier] if carrier >= 0 else np.eye(3))


def pose_rig(rig: Rig, pose: RigPose) -> tuple[np.ndarray, np.ndarray]:
    """Heads (F, N, 3) and matrices (F, N, 3, 3) of all bones of `rig` in `pose`, armature space, as
    in PoseBone.matrix when no constraint interferes."""
    posing = Posing(rig)
    frames = 1
    for name, channels in pose.channels.items():
        bone = rig.index(name)
        if channels.rotation is not None:
            frames = len(channels.rotation)
            posing.set_rotation(bone, matrix_from_quaternion(channels.rotation))
        if channels.location is not None:
            frames = len(channels.location)
            posing.set_location(bone, channels.location)
    heads = np.empty((frames, len(rig.names), 3))
    matrices = np.empty((frames, len(rig.names), 3, 3))
    for bone in range(len(rig.names)):
        heads[:, bone] = posing.head(bone)
        matrices[:, bone] = posing.turn(bone) @ rig.matrices[bone]
    return heads, matrices


def _turned(turn: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return (turn @ np.asarray(vectors)[..., None])[..., 0]
