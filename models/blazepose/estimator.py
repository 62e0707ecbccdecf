# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds, follows and lifts the people of a clip with BlazePose."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..interface import Camera, Detections, Lifter, PersonPose
from .detector import detect, tiles, whole_frame
from .doubts import MIN_SCORE, look_again
from .landmarks import KEYPOINT_COUNT, KEYPOINT_NAMES, Landmarks, find_landmarks
from .network import GraphNetwork
from .tracking import (
    CONFIRM_FRAMES,
    LOOK_MARGIN,
    REMEMBER_S,
    UNCONFIRMED,
    Track,
    follow,
    look_distance,
    look_of,
    pack,
    same_person,
    same_place,
    start_track,
    unpack,
)
from .weights import DETECTOR_FILE, LANDMARKS_FILE, load_network
from .world_lifter import WorldLandmarkLifter

# newcomers are looked for so often (in each frame while nobody is there): in the whole frame and
# in large tiles ... (of 48 ms a frame of juggle.mp4 the search takes 22, with 0.5 s it would be 16,
# but the woman of walk_two_people.mp4 would be found five frames later)
SEARCH_S = 0.25
FINE_SEARCH_S = 1.0  # ... and in small tiles
FINE_TILE = 0.7  # their side in shorter sides of the frame
AROUND = 1.5  # side of the window around somebody just lost, in sides of the region


class BlazePoseEstimator:
    """A `PoseEstimator`: BlazePose's networks, several people, any lifter behind them.

    How the frames are divided over calls of `process` does not matter to the result.
    """

    keypoint_names = KEYPOINT_NAMES

    def __init__(
        self, weights_folder: Path, device: str, camera: Camera, lifter: Lifter | None = None
    ) -> None:
        self.camera = camera
        self.lifter = lifter or WorldLandmarkLifter()
        self.name = self.lifter.name
        self._detector = GraphNetwork(load_network(weights_folder, DETECTOR_FILE)).to(device)
        self._landmarks = GraphNetwork(load_network(weights_folder, LANDMARKS_FILE)).to(device)
        self._tracks: list[Track] = []
        self._people = 0  # numbers given away
        self._searched_s = self._searched_finely_s = -np.inf

    def process(
        self, frames: Sequence[np.ndarray], times_s: Sequence[float]
    ) -> list[list[PersonPose]]:
        """The people in each of the (H, W, 3) uint8 RGB frames, which follow those of the last
        call; times increase."""
        return [
            self._process_frame(frame, float(time_s))
            for frame, time_s in zip(frames, times_s, strict=True)
        ]

    def state(self) -> dict[str, np.ndarray]:
        """What a later `restore` needs to go on exactly as if there had been no break."""
        counters = np.array([self._people, self._searched_s, self._searched_finely_s])
        return {"counters": counters, **pack(self._tracks)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        people, self._searched_s, self._searched_finely_s = (float(v) for v in state["counters"])
        self._people = int(people)
        self._tracks = unpack(state)

    def _process_frame(self, frame: np.ndarray, time_s: float) -> list[PersonPose]:
        first = not np.isfinite(self._searched_s)
        followed = self._follow(frame, time_s)
        known = [] if followed[1] is None else list(followed[1].points[:, :KEYPOINT_COUNT])
        arrived = self._search(frame, time_s, known)
        self._tracks = [
            track
            for track in self._tracks
            if not track.lost
            or (track.person != UNCONFIRMED and time_s - track.seen_s <= REMEMBER_S)
        ]
        poses = []
        for tracks, landmarks in (followed, arrived):
            if landmarks is not None:
                self._confirm(tracks, at_once=first)
                poses += self._lift(tracks, landmarks)
        return sorted(poses, key=lambda pose: pose.person)

    def _follow(self, frame: np.ndarray, time_s: float) -> "Found":
        """Looks for everybody where they should be by now; marks who is not there as lost."""
        tracks = [track for track in self._tracks if not track.lost]
        if not tracks:
            return [], None
        landmarks = find_landmarks(
            self._landmarks, frame, np.stack([track.region for track in tracks])
        )
        landmarks = look_again(self._landmarks, frame, time_s, tracks, landmarks)
        looks = [look_of(frame, points[:KEYPOINT_COUNT]) for points in landmarks.points]
        kept: list[int] = []
        for row in np.flatnonzero(landmarks.scores >= MIN_SCORE).tolist():
            twin = next((k for k in kept if _same(landmarks, row, k)), None)
            if twin is None:
                kept.append(row)
            # two tracks have run into one body: it is whose look it has, the older one's in doubt
            elif look_distance(tracks[row], looks[row]) + LOOK_MARGIN < look_distance(
                tracks[twin], looks[twin]
            ):
                kept[kept.index(twin)] = row
        for row, track in enumerate(tracks):
            track.lost = row not in kept
        for row in kept:
            tracks[row] = self._whose(tracks[row], landmarks.next_regions[row], looks[row])
            follow(tracks[row], landmarks.points[row], looks[row], time_s)
        return [tracks[row] for row in kept], landmarks.chosen(kept)

    def _whose(self, track: Track, region: np.ndarray, look: np.ndarray) -> Track:
        """The track that a body belongs to: `track`, unless that has slipped over to somebody who
        is missed near there and looks like that; then `track` is lost instead."""
        missed = self._lost_near(region, look)
        if missed is None or (
            look_distance(missed, look) + LOOK_MARGIN > look_distance(track, look)
        ):
            return track
        track.lost = True
        return missed

    def _search(self, frame: np.ndarray, time_s: float, known: list[np.ndarray]) -> "Found":
        """Runs the detector where it is due; gives newcomers a track and the lost theirs back.
        `known` are the keypoints of those already found in this frame."""
        windows = self._windows(frame, time_s)
        if not len(windows):
            return [], None
        active = [track for track in self._tracks if not track.lost]
        regions = [
            region
            for region in detect(self._detector, frame, windows).regions
            if all(same_place(region, track.region, 0.15) is None for track in active)
        ]
        if not regions:
            return [], None
        landmarks = find_landmarks(self._landmarks, frame, np.stack(regions))
        tracks: list[Track] = []
        kept: list[int] = []
        for row in np.argsort(-landmarks.scores, kind="stable").tolist():
            points, side = landmarks.points[row, :KEYPOINT_COUNT], landmarks.regions[row, 2]
            if landmarks.scores[row] < MIN_SCORE or any(
                same_person(points, other, side) for other in known
            ):
                continue
            known = [*known, points]
            look = look_of(frame, points)
            track = self._lost_near(landmarks.next_regions[row], look)
            if track is None:
                track = start_track(landmarks.points[row], look, time_s)
                self._tracks.append(track)
            else:
                follow(track, landmarks.points[row], look, time_s)
            tracks.append(track)
            kept.append(row)
        return tracks, landmarks.chosen(kept)

    def _windows(self, frame: np.ndarray, time_s: float) -> np.ndarray:
        """(W, 3) the windows of the frame to search now."""
        height, width = frame.shape[:2]
        short = min(width, height)
        windows = [
            np.array([[x - AROUND * side / 2, y - AROUND * side / 2, AROUND * side]])
            for x, y, side, _ in (track.region for track in self._tracks if track.lost)
        ]
        nobody = all(track.lost for track in self._tracks)
        if nobody or time_s - self._searched_s >= SEARCH_S:
            self._searched_s = time_s
            windows += [whole_frame(width, height), tiles(width, height, short)]
        if time_s - self._searched_finely_s >= FINE_SEARCH_S:
            self._searched_finely_s = time_s
            windows.append(tiles(width, height, round(FINE_TILE * short)))
        return np.concatenate(windows) if windows else np.zeros((0, 3))

    def _lost_near(self, region: np.ndarray, look: np.ndarray) -> Track | None:
        """Who of the lost was last seen near the region, and of several the most alike."""
        near = [
            track
            for track in self._tracks
            if track.lost and same_place(region, track.region, 0.5) is not None
        ]
        return min(near, key=lambda track: look_distance(track, look), default=None)

    def _confirm(self, tracks: list[Track], at_once: bool) -> None:
        """Numbers those who have been there for long enough; `at_once` for a still image's sake."""
        for track in tracks:
            if track.person == UNCONFIRMED and (at_once or track.frames >= CONFIRM_FRAMES):
                track.person = self._people
                self._people += 1

    def _lift(self, tracks: list[Track], landmarks: Landmarks) -> list[PersonPose]:
        rows = [row for row, track in enumerate(tracks) if track.person != UNCONFIRMED]
        if not rows:
            return []
        landmarks = landmarks.chosen(rows)
        keypoints = landmarks.points[:, :KEYPOINT_COUNT]
        crop_points = landmarks.points_crop[:, :KEYPOINT_COUNT]
        device = landmarks.maps[0].device

        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(values.astype(np.float32)).to(device)

        detections = Detections(
            keypoints=tensor(keypoints),
            confidence=tensor(landmarks.visibility),
            keypoints_crop=tensor(2 * crop_points - 1),
            maps=landmarks.maps,
            region=tensor(landmarks.regions),
            world=tensor(landmarks.world),
            presence=tensor(landmarks.presence),
        )
        with torch.inference_mode():
            lifted = self.lifter(detections, self.camera)
        joints, joints_2d, confidence = (
            values.float().cpu().numpy()
            for values in (lifted.joints, lifted.joints_2d, lifted.confidence)
        )
        size = (self.camera.width, self.camera.height)
        return [
            PersonPose(
                person=tracks[row].person,
                bbox=bounds_of(joints_2d[n], size),
                keypoints_2d=keypoints[n].astype(np.float32),
                confidence=landmarks.visibility[n].astype(np.float32),
                joints=joints[n],
                joints_2d=joints_2d[n],
                joints_confidence=confidence[n],
            )
            for n, row in enumerate(rows)
        ]


Found = tuple[list[Track], Landmarks | None]  # row n of the landmarks belongs to track n


def _same(landmarks: Landmarks, row: int, other: int) -> bool:
    points = landmarks.points[:, :KEYPOINT_COUNT]
    return same_person(points[row], points[other], landmarks.regions[[row, other], 2].max())


def bounds_of(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(4,) left, top, right, bottom of (N, 2) points, inside the frame."""
    low, high = np.clip(points.min(axis=0), 0, size), np.clip(points.max(axis=0), 0, size)
    return np.concatenate((low, high)).astype(np.float32)
