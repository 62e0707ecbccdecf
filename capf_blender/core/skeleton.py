# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's skeleton: Human3.6M's 17 joints in their order, then extremities and face points.

"Left" and "right" are the person's own. Joint centres are anatomical (inside the body), except the
heels, toes, knuckles, nose and ears, which lie on the surface.
"""

JOINT_NAMES: tuple[str, ...] = (
    # Human3.6M order (Ionescu et al., 2014, in the 17-joint subset used by lifting papers)
    "pelvis", "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle",
    "spine", "thorax", "neck", "head_top",
    "l_shoulder", "l_elbow", "l_wrist", "r_shoulder", "r_elbow", "r_wrist",
    # extremities and face
    "l_heel", "r_heel", "l_toe", "r_toe",
    "l_index", "r_index", "l_pinky", "r_pinky",
    "nose", "l_ear", "r_ear",
)  # fmt: skip

JOINT: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}

_PARENT_NAMES: dict[str, str] = {
    "r_hip": "pelvis", "r_knee": "r_hip", "r_ankle": "r_knee",
    "l_hip": "pelvis", "l_knee": "l_hip", "l_ankle": "l_knee",
    "spine": "pelvis", "thorax": "spine", "neck": "thorax", "head_top": "neck",
    "l_shoulder": "thorax", "l_elbow": "l_shoulder", "l_wrist": "l_elbow",
    "r_shoulder": "thorax", "r_elbow": "r_shoulder", "r_wrist": "r_elbow",
    "l_heel": "l_ankle", "r_heel": "r_ankle", "l_toe": "l_ankle", "r_toe": "r_ankle",
    "l_index": "l_wrist", "r_index": "r_wrist", "l_pinky": "l_wrist", "r_pinky": "r_wrist",
    "nose": "neck", "l_ear": "neck", "r_ear": "neck",
}  # fmt: skip

JOINT_PARENTS: tuple[int, ...] = tuple(
    JOINT[_PARENT_NAMES[name]] if name in _PARENT_NAMES else -1 for name in JOINT_NAMES
)
"""Index of each joint's parent, -1 for the pelvis."""


def mirror_name(name: str) -> str:
    """The same joint of the other side of the body; `name` itself on the midline."""
    return {"l_": "r_", "r_": "l_"}.get(name[:2], name[:2]) + name[2:]


MIRROR: tuple[int, ...] = tuple(JOINT[mirror_name(name)] for name in JOINT_NAMES)
"""Index of each joint's counterpart on the other side of the body."""
