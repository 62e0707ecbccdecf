# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known motion through solve, retarget and bake onto rigs of all families, measured in Blender.

python3 run.py bench retarget [--rigs mixamo,vrm] [--assets ../shared/training] [--clips 12]

Each clip is filmed by a virtual camera twice: without noise (preset Raw), which shows what
retargeting does, and with Gaussian noise of 12 mm on the joints (preset Default), which shows what
users get. Rigs are compared with the solved joints, the solved joints with the source. A foot truly
stands where heel or toe is within 4 cm of the floor and slower than 0.25 m/s.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO), str(REPO / "tests")]

import bpy  # noqa: E402
import numpy as np  # noqa: E402
import retarget_metrics as metrics  # noqa: E402
import rig_zoo  # noqa: E402
from known_motion import FPS, KnownMotion, MotionLibrary  # noqa: E402
from synthetic_motion import look_at, take_of  # noqa: E402

from capf_blender.blender import channels, contact_keys, role_map  # noqa: E402
from capf_blender.blender.bake import Bake, BakeSettings, bake  # noqa: E402
from capf_blender.blender.rigs import read_rig  # noqa: E402
from capf_blender.core.camera import Intrinsics  # noqa: E402
from capf_blender.core.errors import CaptureError  # noqa: E402
from capf_blender.core.motion import Motion  # noqa: E402
from capf_blender.core.retarget import RetargetSettings, retarget  # noqa: E402
from capf_blender.core.rig import BODY_ROLES  # noqa: E402
from capf_blender.core.settings import PRESETS  # noqa: E402
from capf_blender.core.skeleton import JOINT  # noqa: E402
from capf_blender.core.solve import solve  # noqa: E402
from capf_blender.core.timing import TimeMap  # noqa: E402

CLIPS = (
    "cmu_walking_22_test", "dm_spinkick", "cmu_02_03", "cmu_jumping_3_train", "dm_spin",
    "m2m_tired-kneeling", "dm_dance_b", "amp_cartwheel", "dm_crawl", "cmu_11_01",
    "cmu_jumping_jacks", "cmu_02_06",
)  # fmt: skip
"""Walk, kick, run, jump, turning around, kneeling, dance, cartwheel, crawling, run-up and kick,
jumping jacks, bending and lifting."""
LONG_CLIP, LONG_FRAMES = "cmu_03_03", 1000
NOISE_M = 0.012
CAMERA = Intrinsics(1500.0, 1920, 1080)
WANTED = {
    "direction_mean": 0.5, "inverted": 0, "flips": 0, "noisy_inverted": 0, "noisy_flips": 0,
    "slide_mm": 1.0, "seconds": 2.0,
}  # fmt: skip
LINES = (
    ("direction_mean", "dir mean"), ("direction_worst", "dir max"), ("twist_mean", "twist"),
    ("inverted", "inverted"), ("flips", "flips"), ("noisy_inverted", "inv. 12mm"),
    ("noisy_flips", "flips 12mm"), ("slide_mm", "slide mm"), ("seconds", "s/1000"),
    ("roles_found", "roles"),
)  # fmt: skip


@dataclass(eq=False)
class Filmed:
    """A clip and what the solve makes of it."""

    clip: KnownMotion
    clean: Motion
    noisy: Motion


@dataclass
class RigFigures:
    """Degrees, millimetres, and seconds of processor time, which others at work do not stretch."""

    rig: str
    bones: int
    roles_found: int = 0
    roles_expected: int = 0
    wrong_roles: list[str] = field(default_factory=list)
    direction_mean: float = 0.0
    direction_worst: float = 0.0
    worst_part: str = ""
    directions: dict[str, float] = field(default_factory=dict)
    twist_mean: float = 0.0
    twists: dict[str, float] = field(default_factory=dict)
    inverted: int = 0
    flips: int = 0
    noisy_inverted: int = 0
    noisy_flips: int = 0
    flipped_parts: list[str] = field(default_factory=list)
    slide_mm: float = 0.0
    slide_worst_mm: float = 0.0
    retarget_s: float = 0.0
    bake_s: float = 0.0
    seconds: float = 0.0  # retarget and bake, 1,000 frames
    error: str = ""


def film(clip: KnownMotion, noise_m: float, seed: int = 0):
    """The take of a camera at 1.4 m that sees the whole clip."""
    middle = 0.5 * (clip.joints.min(axis=(0, 1)) + clip.joints.max(axis=(0, 1)))
    reach = float(np.ptp(clip.joints, axis=(0, 1))[:2].max())
    place = (float(middle[0]), float(middle[1] - 4.0 - 1.2 * reach), 1.4)
    pitch = np.arctan2(1.4 - 0.9, 4.0 + 1.2 * reach)
    return take_of(clip.joints, clip.time_s, look_at(place, pitch), CAMERA, noise_m, 0.0, seed)


def solved(clip: KnownMotion) -> Filmed:
    clean = solve(film(clip, 0.0), replace(PRESETS["RAW"], height_m=None))
    noisy = solve(film(clip, NOISE_M), replace(PRESETS["DEFAULT"], height_m=None))
    return Filmed(clip, clean, noisy)


def key(ob: bpy.types.Object, motion: Motion, limbs: str) -> tuple[float, float]:
    """Keys `motion` on `ob` from frame 1 on, as Apply does; seconds of retargeting and of baking
    (which includes reading the rig)."""
    start = time.process_time()
    rig = read_rig(ob)
    rig_map = role_map.found(ob, rig)
    read = time.process_time()
    settings = RetargetSettings(limbs="IK" if limbs == "IK" else "FK")
    present = motion.present
    joints, times = motion.joints[present], motion.time_s[present]
    pose = retarget(joints, times, rig, rig_map, settings, motion.contacts)
    posed = time.process_time()
    frames = 1.0 + np.arange(len(motion.time_s))[present]
    time_map = TimeMap(1.0, float(motion.time_s[0]), 1.0 / FPS)
    keys = channels.straight(channels.bone_values(ob, pose), frames)
    marks = contact_keys.contact_keys(motion.contacts, frames, time_map)
    bake(ob, Bake("bench", time_map, keys, pose.switches, marks), BakeSettings())
    return posed - read, time.process_time() - posed + read - start


def evaluate(ob: bpy.types.Object, known: rig_zoo.Expected, frames: int) -> metrics.Evaluated:
    """What Blender shows of `ob` in scene frames 1 to `frames`."""
    scene = bpy.context.scene
    carriers = {role: known.carrier(role) for role in known.roles}
    carriers["spine"] = known.shown.get("spine") or known.roles["spine"][-1]
    bones = {role: ob.data.bones[name] for role, name in carriers.items()}
    world = ob.matrix_world.copy()
    back = {role: np.linalg.inv(np.array(world @ b.matrix_local)) for role, b in bones.items()}
    moves = {role: np.empty((frames, 4, 4)) for role in bones}
    for frame in range(frames):
        scene.frame_set(frame + 1)
        shown = ob.evaluated_get(bpy.context.evaluated_depsgraph_get())
        for role, name in carriers.items():
            now = np.array(shown.matrix_world @ shown.pose.bones[name].matrix)
            moves[role][frame] = now @ back[role]
    heads = {}
    for role, bone in bones.items():
        rest = np.array((*(world @ bone.head_local), 1.0))
        heads[role] = (moves[role] @ rest)[:, :3]
    turns = {role: move[:, :3, :3] for role, move in moves.items()}
    return metrics.Evaluated(heads, turns, known.joints)


def standing(motion: Motion) -> np.ndarray:
    """(F, 2) bool: the solve says that the foot stands."""
    frames = 1.0 + np.arange(len(motion.time_s))
    time_map = TimeMap(1.0, float(motion.time_s[0]), 1.0 / FPS)
    return contact_keys.on_frames(motion.contacts, frames, time_map)


def measure(name: str, filmed: list[Filmed], long: Motion | None) -> RigFigures:
    """All figures of one rig."""
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = int(FPS)
    ob = rig_zoo.build(name)
    known = rig_zoo.expected(ob)
    figures = RigFigures(name, len(ob.data.bones))
    found = role_map.found(ob, read_rig(ob))
    wanted = [role for role in BODY_ROLES if role in known.roles]
    figures.roles_expected = len(wanted)
    figures.wrong_roles = [
        f"{role}: {', '.join(found.bones(role)) or 'none'} for {', '.join(known.roles[role])}"
        for role in wanted
        if found.bones(role) != known.roles[role]
    ]
    figures.roles_found = len(wanted) - len(figures.wrong_roles)
    directions: dict[str, list[np.ndarray]] = {}
    twists: dict[str, list[np.ndarray]] = {}
    slides: list[np.ndarray] = []
    for one in filmed:
        key(ob, one.clean, known.limbs)
        shown = evaluate(ob, known, len(one.clean.time_s))
        for role, angles in metrics.directions(shown, one.clean.joints).items():
            directions.setdefault(role, []).append(angles)
        turned, inverted = metrics.twists(shown, one.clean.joints)
        for role, angles in turned.items():
            twists.setdefault(role, []).append(angles)
        figures.inverted += inverted
        for role, count in metrics.flips(shown).items():
            figures.flips += count
            figures.flipped_parts.append(f"{role} {count} ({one.clip.name})")
        key(ob, one.noisy, known.limbs)
        shown = evaluate(ob, known, len(one.noisy.time_s))
        figures.noisy_inverted += metrics.twists(shown, one.noisy.joints)[1]
        for role, count in metrics.flips(shown).items():
            figures.noisy_flips += count
            figures.flipped_parts.append(f"{role} {count} (noisy {one.clip.name})")
        slides.append(metrics.slide(metrics.rig_feet(shown), one.clip.planted))
    degrees = {role: np.degrees(np.concatenate(a)) for role, a in directions.items()}
    figures.directions = {role: float(a.mean()) for role, a in degrees.items()}
    figures.direction_mean = float(np.concatenate(list(degrees.values())).mean())
    figures.worst_part = max(degrees, key=lambda role: float(degrees[role].max()))
    figures.direction_worst = float(degrees[figures.worst_part].max())
    turned = {role: np.degrees(np.concatenate(a)) for role, a in twists.items()}
    figures.twists = {role: float(a.mean()) for role, a in turned.items() if len(a)}
    figures.twist_mean = float(np.concatenate(list(turned.values())).mean())
    slid = 1000 * np.concatenate(slides)
    if len(slid):
        figures.slide_mm, figures.slide_worst_mm = float(slid.mean()), float(slid.max())
    if long is not None:
        figures.retarget_s, figures.bake_s = key(ob, long, known.limbs)
        figures.seconds = figures.retarget_s + figures.bake_s
    return figures


def solve_figures(filmed: list[Filmed]) -> list[dict]:
    """Per clip: solved joints against the source's, and contacts against the true ones."""
    rows = []
    for one in filmed:
        row: dict = {"clip": one.clip.name, "frames": len(one.clip.time_s)}
        for label, motion in (("clean", one.clean), ("noisy", one.noisy)):
            near = metrics.aligned(motion.joints, one.clip.joints)
            error = np.linalg.norm(near - one.clip.joints, axis=-1)
            row[label + "_joints_mm"] = 1000 * float(error.mean())
            row[label + "_root_mm"] = 1000 * float(error[:, JOINT["pelvis"]].mean())
        both, found, true = metrics.overlap(standing(one.noisy), one.clip.planted)
        row["contact_frames"] = [both, found, true]
        row["precision"] = both / found if found else float("nan")
        row["recall"] = both / true if true else float("nan")
        for label, joints in (("source", one.clip.joints), ("noisy", one.noisy.joints)):
            slid = metrics.slide(metrics.feet_of(joints), one.clip.planted)
            row[label + "_slide_mm"] = 1000 * float(slid.mean()) if len(slid) else float("nan")
        rows.append(row)
    return rows


def table(rows: list[RigFigures]) -> str:
    lines = ["".join([f"{'rig':24}{'bones':>6}", *(f"{title:>11}" for _, title in LINES)])]
    for row in rows:
        if row.error:
            lines.append(f"{row.rig:24}{row.bones:>6}  {row.error}")
            continue
        cells = []
        for name, _ in LINES:
            value = getattr(row, name)
            if name == "roles_found":
                cells.append(f"{value}/{row.roles_expected}")
            else:
                cells.append(f"{value:.2f}" if isinstance(value, float) else str(value))
        lines.append("".join([f"{row.rig:24}{row.bones:>6}", *(f"{c:>11}" for c in cells)]))
    return "\n".join(lines)


def solve_table(rows: list[dict]) -> str:
    names = ("clean_joints_mm", "clean_root_mm", "noisy_joints_mm", "noisy_root_mm", "precision",
             "recall", "source_slide_mm", "noisy_slide_mm")  # fmt: skip
    lines = [f"{'clip':22}{'frames':>7}" + "".join(f"{name:>17}" for name in names)]
    for row in rows:
        cells = "".join(f"{row[name]:17.2f}" for name in names)
        lines.append(f"{row['clip']:22}{row['frames']:>7}{cells}")
    both, found, true = np.sum([row["contact_frames"] for row in rows], axis=0)
    lines.append(
        f"Feet that stand, in all frames: precision {both / max(found, 1):.3f}, "
        f"recall {both / max(true, 1):.3f}"
    )
    return "\n".join(lines)


def deviations(rows: list[RigFigures]) -> list[str]:
    """A line for each rig that misses a target."""
    lines = []
    for row in rows:
        missed = [
            f"{name} {getattr(row, name):.3g} (wanted {wanted:g})"
            for name, wanted in WANTED.items()
            if getattr(row, name) > wanted
        ]
        missed += [f"roles {'; '.join(row.wrong_roles)}"] if row.wrong_roles else []
        missed += [f"flipped {', '.join(row.flipped_parts)}"] if row.flipped_parts else []
        if row.direction_mean > WANTED["direction_mean"]:
            worst = sorted(row.directions.items(), key=lambda pair: -pair[1])[:4]
            missed.append("by part " + ", ".join(f"{role} {a:.2f}" for role, a in worst))
        if row.error or missed:
            lines.append(f"{row.rig}: {row.error or '; '.join(missed)}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="run.py bench retarget", description=__doc__)
    parser.add_argument("--rigs", default="", help="names with commas; all unless told")
    parser.add_argument("--assets", type=Path, default=REPO.parent / "shared" / "training")
    parser.add_argument("--clips", type=int, default=len(CLIPS), help="how many of them")
    parser.add_argument("--frames", type=int, default=60, help="at most, of each clip")
    parser.add_argument("--out", type=Path, default=REPO / "out")
    options = parser.parse_args()
    names = options.rigs.split(",") if options.rigs else list(rig_zoo.NAMES)
    if unknown := [name for name in names if name not in rig_zoo.NAMES]:
        raise SystemExit(f"{unknown[0]} is no rig. There are: {', '.join(rig_zoo.NAMES)}")
    file = options.assets / "motion" / "motion_30fps.npz"
    if not file.is_file():
        raise SystemExit(f"{file} is missing. Give the folder of motion clips with --assets.")
    library = MotionLibrary(file)
    filmed = [solved(library.clip(name, options.frames)) for name in CLIPS[: options.clips]]
    clips = solve_figures(filmed)
    print(solve_table(clips), flush=True)
    long = library.clip(LONG_CLIP, LONG_FRAMES)
    take = film(long, NOISE_M)
    start = time.process_time()
    long_motion = solve(take, PRESETS["DEFAULT"])
    solve_s = time.process_time() - start
    print(f"\nSolving {len(long.time_s)} frames: {solve_s:.2f} s\n", flush=True)
    rows = []
    for name in names:
        try:
            rows.append(measure(name, filmed, long_motion))
        except (CaptureError, FileNotFoundError) as error:
            rows.append(RigFigures(name, 0, error=str(error)))
        print(table(rows[-1:]).splitlines()[len(rows) > 1 :][-1], flush=True)
    text = f"{table(rows)}\n\nMissed targets\n" + "\n".join(deviations(rows) or ["none"])
    print(f"\n{text}")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench_retarget.txt").write_text(f"{solve_table(clips)}\n\n{text}\n")
    figures = {
        "blender": bpy.app.version_string, "noise_m": NOISE_M, "solve_s": solve_s,
        "clips": clips, "rigs": [asdict(row) for row in rows], "wanted": WANTED,
    }  # fmt: skip
    (options.out / "bench_retarget.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # a generated rig can hang Blender's module at exit (4.5)
