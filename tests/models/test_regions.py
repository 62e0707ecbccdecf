# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry of regions, anchors, refinement and suppression, without a network."""

import numpy as np
import pytest
import torch

from models.blazepose.detector import (
    ANCHORS,
    INPUT_SIZE,
    _suppress,
    _window_image,
    overlap,
    tiles,
    whole_frame,
)
from models.blazepose.landmarks import refine
from models.blazepose.regions import MARGIN, crop, regions_from_alignment, to_frame


def test_region_of_an_upright_person():
    (region,) = regions_from_alignment(np.array([[100.0, 200.0]]), np.array([[100.0, 120.0]]))
    np.testing.assert_allclose(region, [100, 200, 2 * 80 * MARGIN, 0], atol=1e-12)


@pytest.mark.parametrize("angle", np.radians([-170, -90, -30, 0, 45, 90, 135, 180]))
def test_regions_turn_with_the_person(angle):
    up = np.array([np.sin(angle), -np.cos(angle)])
    centre = np.array([[300.0, 250.0]])
    (region,) = regions_from_alignment(centre, centre + 70 * up)
    assert np.isclose(np.cos(region[3] - angle), 1)
    # the middle of the crop's upper edge is where the person's up points to
    top = to_frame(np.array([[[0.5, 0.0]]]), region[None])[0, 0]
    np.testing.assert_allclose(top, centre[0] + 70 * MARGIN * up, atol=1e-9)


def test_crop_shows_what_to_frame_says():
    rows, columns = np.mgrid[:240, :320]
    frame = np.stack((columns % 256, rows, columns // 256), axis=-1).astype(np.uint8)
    region = np.array([150.0, 120.0, 80.0, 0.6])
    picture = crop(frame, region, 64)
    points = np.array([[[8.0, 20.0], [32.0, 32.0], [50.0, 11.0]]])
    expected = to_frame(points / 64, region[None])[0]
    for (x, y), position in zip(points[0].astype(int), expected, strict=True):
        np.testing.assert_allclose(picture[y, x, :2], position, atol=1)


def test_a_quarter_turn_of_the_frame_turns_the_crop_with_it():
    frame = np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8)
    turned = np.ascontiguousarray(np.rot90(frame, -1))  # clockwise: (x, y) -> (199 - y, x)
    region = np.array([140.0, 90.0, 100.0, 0.2])
    turned_region = np.array([199 - 90.0, 140.0, 100.0, 0.2 + np.pi / 2])
    difference = crop(frame, region, 100).astype(int) - crop(turned, turned_region, 100)
    # OpenCV interpolates in steps of 1/32 of a pixel
    assert np.abs(difference).mean() < 3


def test_anchors_are_those_of_the_detector():
    assert ANCHORS.shape == (2254, 2)
    np.testing.assert_allclose(ANCHORS[[0, 1, 2]], [[0.5 / 28] * 2] * 2 + [[1.5 / 28, 0.5 / 28]])
    np.testing.assert_allclose(ANCHORS[-1], [6.5 / 7, 6.5 / 7])


@pytest.mark.parametrize(("width", "height"), [(1768, 994), (720, 1280), (500, 500), (4000, 300)])
def test_tiles_cover_the_frame(width, height):
    side = round(0.7 * min(width, height))
    covered = np.zeros((height, width), bool)
    for left, top, extent in tiles(width, height, side).round().astype(int):
        covered[max(top, 0) : top + extent, max(left, 0) : left + extent] = True
    assert covered.all()
    ((left, top, extent),) = whole_frame(width, height)
    assert left <= 0 <= width <= left + extent
    assert top <= 0 <= height <= top + extent


def test_windows_of_any_size_anywhere_become_images():
    rng = np.random.default_rng(0)
    frame = np.full((90, 160, 3), 200, np.uint8)

    def beside(left: float, top: float, side: float) -> bool:
        edges = [(max(a, 0), min(a + side, b)) for a, b in ((left, 160), (top, 90))]
        return any(end - start <= max(1, side / INPUT_SIZE) for start, end in edges)

    for _ in range(2000):
        side = np.exp(rng.uniform(np.log(3), np.log(900)))
        left, top = rng.uniform(-1.2, 1.2, 2) * (160, 90) - side / 4
        image = _window_image(frame, np.array([left, top, side]))
        assert image.shape == (INPUT_SIZE, INPUT_SIZE, 3)
        if not image.any():
            assert beside(left, top, side)
            continue
        for axis, start, size in ((0, left, 160), (1, top, 90)):
            pixels = np.ptp(np.flatnonzero((image[..., 0] > 0).any(axis))) + 1
            inside = np.ptp(np.clip([start, start + side], 0, size))
            # edges are rounded to whole pixels in the frame and in the image
            assert abs(pixels - inside * INPUT_SIZE / side) <= INPUT_SIZE / side + 1


def test_overlapping_boxes_become_their_weighted_mean():
    boxes = np.array([[0.0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]])
    points = np.arange(24.0).reshape(3, 4, 2)
    found = _suppress(boxes, points, np.array([0.9, 0.6, 0.7]))
    np.testing.assert_allclose(found.scores, [0.9, 0.7])
    np.testing.assert_allclose(found.boxes, [[0.8, 0, 10.8, 10], [50, 50, 60, 60]])
    np.testing.assert_allclose(found.points[0], 0.6 * points[0] + 0.4 * points[1])
    assert len(_suppress(boxes[:0], points[:0], np.zeros(0)).boxes) == 0


def test_overlap():
    boxes = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(overlap(boxes[0], boxes), [1, 1 / 3, 0])


def test_refinement_moves_to_the_peak_only_where_it_is_confident():
    heatmaps = torch.full((1, 3, 64, 64), -20.0)
    heatmaps[0, 0, 21, 30] = 8.0  # confident, two cells from the point
    heatmaps[0, 1, 21, 30] = -1.0  # not confident
    heatmaps[0, 2, 21, 40] = 8.0  # out of the window
    points = torch.tensor([[28.5, 20.5]] * 3)[None] / 64
    refined = refine(points, heatmaps)[0] * 64
    torch.testing.assert_close(refined[0], torch.tensor([30.0, 21.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(refined[1:], points[0, 1:] * 64)


def test_refinement_leaves_points_outside_alone():
    points = torch.tensor([[[-0.2, 0.5], [0.5, 1.3], [0.999, 0.001]]])
    refined = refine(points, torch.full((1, 3, 64, 64), 5.0))
    torch.testing.assert_close(refined[0, :2], points[0, :2])
    assert ((refined[0, 2] >= 0) & (refined[0, 2] <= 1)).all()
