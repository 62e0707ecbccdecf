# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a changed pose moves a rig's joints, and which of the posed bones are to blame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .forward_kinematics import Posing
from .rig import Rig

TINY_M = 1e-7
MUCH = 0.5  # of what the worst bone of a chain does to a joint


@dataclass(frozen=True, eq=False)
class LocalPose:
    """The channels of one bone; N frames."""

    rotation: np.ndarray | None  # (N, 3, 3) local to its rest
    location: np.ndarray | None  # (N, 3) as PoseBone.location


class PoseError:
    """Compares poses of the same B `bones` of a rig with the `exact` one. The joints that count are
    the bones' heads and tails."""

    def __init__(self, rig: Rig, bones: Sequence[str], exact: Sequence[LocalPose]) -> None:
        self.rig = rig
        self.bones = [rig.index(name) for name in bones]
        self.exact = list(exact)
        self.scale = float(np.cbrt(abs(np.linalg.det(rig.world_from_armature[:3, :3]))))
        posing = Posing(rig)
        above = [set(posing.ancestors(bone)) | {bone} for bone in self.bones]
        # (B, B): row b marks the bones that move with bone b, itself included
        self.below = np.array([[bone in chain for chain in above] for bone in self.bones])
        heads, tails = rig.heads[self.bones], rig.tails[self.bones]
        reach = np.linalg.norm(tails[None] - heads[:, None], axis=-1)
        self.levers = self.scale * np.where(self.below, reach, 0.0).max(axis=1)
        self._exact_ends = self._ends(exact)

    def blame(self, changed: Sequence[LocalPose], allowed_m: np.ndarray) -> np.ndarray:
        """(B, N): above 1 where a bone moves a joint farther than `allowed_m` (B, N) and no other
        bone of the chain that leads to the joint moves it more than twice as far."""
        used = self.distances(changed) / allowed_m
        used[used <= 1.0] = 0.0
        own = np.stack([self._own(bone, pose) for bone, pose in enumerate(changed)])
        count = range(len(self.bones))
        most = np.stack([own[self.below[:, joint]].max(axis=0) for joint in count])
        each = used / np.maximum(MUCH * most, TINY_M)
        return np.stack([own[bone] * each[self.below[bone]].max(axis=0) for bone in count])

    def distances(self, changed: Sequence[LocalPose]) -> np.ndarray:
        """(B, N) metres by which each bone's head or tail, whichever more, is off."""
        return np.linalg.norm(self._ends(changed) - self._exact_ends, axis=-1).max(axis=-1)

    def _own(self, bone: int, changed: LocalPose) -> np.ndarray:
        """(N,) metres by which this bone's own change moves what is farthest out on it."""
        exact, moved = self.exact[bone], np.zeros(1)
        if exact.rotation is not None and changed.rotation is not None:
            # two rotations by an angle from each other differ by sqrt(8) sin(angle / 2)
            apart = (changed.rotation - exact.rotation).reshape(-1, 9)
            moved = self.levers[bone] * np.sqrt(0.5 * np.einsum("ni,ni->n", apart, apart))
        if exact.location is not None and changed.location is not None:
            moved = moved + self.scale * np.linalg.norm(changed.location - exact.location, axis=-1)
        return moved

    def _ends(self, poses: Sequence[LocalPose]) -> np.ndarray:
        """(B, N, 2, 3) metres."""
        posing = Posing(self.rig)
        for bone, pose in zip(self.bones, poses, strict=True):
            if pose.rotation is not None:
                posing.set_rotation(bone, pose.rotation)
            if pose.location is not None:
                posing.set_location(bone, pose.location)
        ends = [
            np.stack([posing.head(bone), posing.place(bone, self.rig.tails[bone])], axis=-2)
            for bone in self.bones
        ]
        return self.scale * np.stack(np.broadcast_arrays(*ends))
