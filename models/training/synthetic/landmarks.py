# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anatomical landmarks of MakeHuman's base mesh, as vertices, and the hip centres they give.

A landmark is the vertex of the undeformed base mesh (stature 1.666 m, soles at y = -0.817 m) that
is nearest to the place given here; being a vertex, it moves with every shape and pose. The places:

* anterior superior iliac spine: on the belly's surface at 0.57 of the stature, 0.088 of it to the
  side (250 mm apart on the average man and woman);
* tragus: the front edge of the ear at the level of its hole, (0.072, 0.718, 0.066);
* nose: the foremost vertex of the face; mouth: corners of the lips;
* top of the skull: the highest vertex;
* heel: the rearmost vertex of the foot 25 mm above the sole, where a heel marker is put;
  toe: the tip of the big toe.
"""

import numpy as np

# left, right
ILIAC_SPINES = (10904, 4274)
TRAGUS = (12023, 5424)
MOUTH_CORNERS = (7139, 379)
HEELS = (12442, 5845)
TOES = (11551, 4933)
NOSE = 297
SKULL_TOP = 881

# MakeHuman's joint cubes: first of eight vertices
HIP_CUBES = (13846, 14286)
INDEX_KNUCKLE_CUBES = (13974, 14414)
PINKY_KNUCKLE_CUBES = (13950, 14390)


def cube_centre(vertices: np.ndarray, first: int) -> np.ndarray:
    return vertices[first : first + 8].mean(0)


def hip_centres(vertices: np.ndarray) -> np.ndarray:
    """(2, 3) metres: centres of the left and right hip joint of a shaped body in rest pose.

    Height and depth are those of MakeHuman's joint cubes. Their distance (189 and 217 mm on the
    average woman and man; adults of both sexes have about 175) is replaced by the regression of
    Harrington et al., "Prediction of the hip joint centre in adults, children, and patients with
    cerebral palsy based on magnetic resonance imaging", J. Biomech. 40 (2007): 0.33 W + 7.3 mm
    from the midline, where W is the distance of the anterior superior iliac spines.
    """
    left, right = (cube_centre(vertices, first) for first in HIP_CUBES)
    breadth = np.linalg.norm(np.subtract(*vertices[list(ILIAC_SPINES)]))
    middle = (left + right) / 2
    side = (left - right) / np.linalg.norm(left - right)
    half = 0.33 * breadth + 0.0073
    return np.array([middle + half * side, middle - half * side])
