# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names and places together say of the bones of an unknown rig."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from .rig import CHAIN_ROLES, Rig
from .rig_geometry import Guess
from .rig_words import Reading, word_score

CLEAR = 1.0  # word score of names that mean one role only
AGREED = 0.97  # confidences: name and place say the same,
NAME_ONLY = 0.75  # places say nothing of the role,
DISPUTED = 0.55  # name and place differ
ONE_PLACE_SHARE = 0.01  # of the rig's size: bones that start nearer than that repeat each other


@dataclass(frozen=True)
class Finding:
    bones: tuple[int, ...]
    confidence: float
    source: str  # "name" or "geometry"


@dataclass(frozen=True, eq=False)
class Evidence:
    rig: Rig
    readings: Sequence[Reading]
    guess: Guess | None
    same: float  # rig units

    def for_role(self, role: str, taken: Set[int]) -> Finding:
        """The bones but `taken` that fit `role` best; none where nothing speaks for any."""
        places = self.guess.bones.get(role, ()) if self.guess else ()
        places = tuple(bone for bone in places if bone not in taken)
        if role in CHAIN_ROLES:
            return self._chain(role, places, taken)
        named = self._named(role, taken)
        if not places:
            return self._by_name(role, named)
        sure = self.guess.confidence.get(role, 0.0) if self.guess else 0.0
        twins = [self._preferred(bone) for bone in places]
        agreed = [bone for bone in named if self._at_one_place(bone, places[0])]
        if agreed:
            return Finding((self._handiest(agreed),), AGREED, "name")
        clear = [bone for bone in named if self._score(bone, role) >= CLEAR]
        if clear and (sure < 0.8 or self.readings[twins[0]].foreign):
            return Finding((self._handiest(clear),), DISPUTED, "name")
        # a name that says another thing here is a reason to doubt
        silent = not self._speaks(twins[0])
        return Finding((twins[0],), sure if silent else min(sure, 0.8) - 0.15, "geometry")

    def _by_name(self, role: str, named: list[int]) -> Finding:
        if self.guess is None:
            clear = [bone for bone in named if self._score(bone, role) >= CLEAR] or named
        else:  # places were found, yet none for this role: only a clear name counts
            clear = [bone for bone in named if self._score(bone, role) >= CLEAR]
        if not clear:
            return Finding((), 0.0, "")
        return Finding((self._handiest(clear),), NAME_ONLY, "name")

    def _chain(self, role: str, places: tuple[int, ...], taken: Set[int]) -> Finding:
        if places:
            sure = self.guess.confidence.get(role, 0.0) if self.guess else 0.0
            twins = tuple(dict.fromkeys(self._preferred(bone) for bone in places))
            said = [self._score(bone, role) for bone in twins]
            if min(said) >= CLEAR:
                return Finding(twins, AGREED, "name")
            return Finding(twins, sure, "geometry")
        named = [bone for bone in self._named(role, taken) if self._score(bone, role) >= CLEAR]
        if not named:
            return Finding((), 0.0, "")
        return Finding(tuple(self._line(named)), NAME_ONLY, "name")

    def _line(self, bones: list[int]) -> list[int]:
        """Those of `bones` that follow each other, from the last one down to the first."""
        best: list[int] = []
        for bone in bones:
            line, here = [], bone
            while here >= 0:
                if here in bones:
                    line.append(here)
                here = int(self.rig.parents[here])
            best = max(best, line[::-1], key=len)
        return best

    def _named(self, role: str, taken: Set[int]) -> list[int]:
        bones = (bone for bone in range(len(self.readings)) if bone not in taken)
        return [bone for bone in bones if self._score(bone, role) > 0]

    def _score(self, bone: int, role: str) -> float:
        return word_score(self.readings[bone], role)

    def _speaks(self, bone: int) -> bool:
        """Whether the name of `bone` means any role clearly."""
        reading = self.readings[bone]
        side = reading.side
        roles = ("hips", "spine", "neck", "head") if not side else (
            "clavicle", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")  # fmt: skip
        return any(word_score(reading, role + side) >= CLEAR for role in roles)

    def _at_one_place(self, a: int, b: int) -> bool:
        return bool(np.linalg.norm(self.rig.heads[a] - self.rig.heads[b]) < self.same)

    def _handiest(self, bones: Sequence[int]) -> int:
        """Of bones that repeat each other the one that animators should hold."""
        children = np.bincount(self.rig.parents + 1, minlength=len(self.rig.names) + 1)[1:]
        return max(
            bones,
            key=lambda b: (self.rig.control[b], self.rig.deforms[b], children[b] > 0, -b),
        )

    def _preferred(self, bone: int) -> int:
        """`bone`, or the control that lies where it lies and points where it points."""
        if self.rig.control[bone]:
            return bone
        along = self.rig.tails - self.rig.heads
        along /= np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
        near = np.linalg.norm(self.rig.heads - self.rig.heads[bone], axis=-1) < self.same
        same_way = along @ along[bone] > 0.98
        side = self.readings[bone].side
        twins = [
            b
            for b in map(int, np.flatnonzero(near & same_way & self.rig.control))
            if not self.readings[b].foreign and self.readings[b].side == side
        ]
        return twins[0] if twins else bone


def gather(rig: Rig, readings: Sequence[Reading], guess: Guess | None) -> Evidence:
    size = float(np.linalg.norm(np.ptp(rig.heads, axis=0))) if len(rig.names) else 0.0
    return Evidence(rig, readings, guess, ONE_PLACE_SHARE * size)
