# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words in a bone's name say of its side and its role, whoever chose the name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .rig import SIDES

LEFT = frozenset({"l", "lt", "lf", "lft", "left", "links", "li", "gauche", "izquierda", "izq",
                  "sinistra", "sx", "左"})  # fmt: skip
RIGHT = frozenset({"r", "rt", "rgt", "right", "rechts", "re", "droite", "derecha", "der",
                   "destra", "dx", "右"})  # fmt: skip

ROLE_WORDS: dict[str, tuple[str, ...]] = {
    "hips": ("hips", "pelvis", "becken", "hüfte", "hufte", "bassin", "cadera", "腰"),
    "spine": ("spine", "chest", "upperchest", "torso", "abdomen", "abdomenlower", "abdomenupper",
              "chestlower", "chestupper", "waist", "ribcage", "ribs", "thorax", "lowerback",
              "upperbody", "back", "stomach", "belly", "wirbel", "wirbelsäule", "brust", "rücken",
              "colonne", "columna", "上半身"),
    "neck": ("neck", "necklower", "neckupper", "hals", "nacken", "cou", "cuello", "首"),
    "head": ("head", "skull", "kopf", "tete", "tête", "cabeza", "頭"),
    "clavicle": ("clavicle", "collar", "collarbone", "clav", "schlüsselbein", "clavicule",
                 "clavicula", "肩"),
    "upper_arm": ("upperarm", "uparm", "armupper", "uarm", "shldr", "humerus", "oberarm", "腕"),
    "forearm": ("forearm", "lowerarm", "loarm", "lowarm", "armlower", "elbow", "unterarm",
                "avantbras", "antebrazo", "ひじ"),
    "hand": ("hand", "wrist", "main", "mano", "手首"),
    "thigh": ("thigh", "upleg", "upperleg", "legupper", "uleg", "femur", "oberschenkel", "cuisse",
              "muslo"),
    "shin": ("shin", "calf", "lowerleg", "loleg", "lowleg", "leglower", "knee", "unterschenkel",
             "tibia", "ひざ"),
    "foot": ("foot", "ankle", "fuss", "fuß", "pied", "pie", "足首"),
    "toe": ("toe", "toes", "toebase", "ball", "zehe", "zehen", "orteils", "つま先"),
}  # fmt: skip
"""Words that mean one role and, almost always, no other."""

VAGUE_WORDS: dict[str, tuple[str, ...]] = {
    "hips": ("hip", "root", "cog", "center", "body"),
    "clavicle": ("shoulder", "schulter", "epaule"),
    "upper_arm": ("arm", "shoulder", "bras", "brazo"),
    "forearm": ("arm",),
    "thigh": ("leg", "hip", "bein", "jambe", "pierna"),
    "shin": ("leg",),
    "toe": ("foot",),
}
"""Words whose role depends on who used them."""

DECORATION = frozenset({
    "bone", "bones", "bn", "jnt", "joint", "jt", "ctrl", "ctl", "con", "control", "fk", "bind",
    "skin", "sk", "bip", "bip01", "bip001", "rig", "b", "j", "c", "m", "mid", "center", "base",
    "char", "character", "armature", "main", "anim", "geo", "deform", "def",
})  # fmt: skip
FOREIGN = frozenset({
    "ik", "pole", "target", "twist", "roll", "tweak", "mch", "org", "vis", "wgt", "helper", "hlp",
    "end", "nub", "tip", "finger", "fingers", "thumb", "index", "middle", "ring", "pinky", "little",
    "palm", "metacarpal", "hair", "skirt", "eye", "eyes", "jaw", "weapon", "prop", "cloth", "share",
    "corrective", "correctiveroot", "dyn", "jiggle", "breast", "pectoral", "ear", "nose", "tongue",
    "tail", "wing", "sleeve", "cape", "heel", "parent", "master", "socket", "attach", "pivot",
    "driver", "drv", "stretch", "bend", "bendy", "muscle", "physics", "phys", "spring", "vector",
})  # fmt: skip
"""Words of bones that are no part of the body's main chains."""


@dataclass(frozen=True)
class Reading:
    """What a name says."""

    side: str  # ".L", ".R" or ""
    text: str  # its words without side, decoration and numbers, run together
    foreign: bool


def read_name(name: str) -> Reading:
    bare = re.split(r"[:|]", name)[-1]
    spaced = re.sub(r"(?<=[a-zà-ÿ0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", bare)
    spaced = re.sub(r"(左|右)", r" \1 ", spaced)
    words = re.findall(r"[^\W\d_]+", spaced.casefold())
    words = [part for word in words for part in _with_glued_side(word)]
    sides = {SIDES[0] for word in words if word in LEFT} | {
        SIDES[1] for word in words if word in RIGHT
    }
    rest = [word for word in words if word not in LEFT | RIGHT]
    kept = [word for word in rest if word not in DECORATION] or rest
    return Reading(
        sides.pop() if len(sides) == 1 else "",
        "".join(word for word in kept if word not in FOREIGN),
        any(word in FOREIGN for word in rest),
    )


def _with_glued_side(word: str) -> Iterable[str]:
    """ "leftarm" and "armleft" are two words."""
    for side in ("left", "right"):
        if word != side and word.startswith(side):
            return side, word[len(side) :]
        if word != side and word.endswith(side):
            return word[: -len(side)], side
    return (word,)


def word_score(reading: Reading, role: str) -> float:
    """0..1, how clearly a name means `role`, its side included."""
    part, side = (role[:-2], role[-2:]) if role.endswith(SIDES) else (role, "")
    if reading.foreign or reading.side != side or part not in ROLE_WORDS:
        return 0.0
    if reading.text in ROLE_WORDS[part]:
        return 1.0
    return 0.5 if reading.text in VAGUE_WORDS.get(part, ()) else 0.0
