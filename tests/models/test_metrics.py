# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics against values known by hand, against slow literal formulas, and their invariances."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from models import metrics


@pytest.fixture
def poses() -> tuple[torch.Tensor, torch.Tensor]:
    """(6, 17, 3) predicted and true joints of the size of people, metres, float64."""
    rng = np.random.default_rng(3)
    truth = rng.normal(scale=0.4, size=(6, 17, 3))
    predicted = truth + rng.normal(scale=0.08, size=truth.shape)
    return torch.from_numpy(predicted), torch.from_numpy(truth)


def literal_errors(predicted: torch.Tensor, truth: torch.Tensor) -> list[list[float]]:
    return [
        [
            math.sqrt(sum((float(p[axis]) - float(t[axis])) ** 2 for axis in range(3)))
            for p, t in zip(pose, true_pose, strict=True)
        ]
        for pose, true_pose in zip(predicted, truth, strict=True)
    ]


def test_values_known_by_hand():
    truth = torch.zeros(1, 4, 3)
    predicted = torch.tensor([[[0.0, 0, 0], [0.03, 0.04, 0], [0, 0, 0.1], [0, 0.2, 0]]])
    assert metrics.mpjpe(predicted, truth).item() == pytest.approx((0 + 0.05 + 0.1 + 0.2) / 4)
    assert metrics.pck(predicted, truth).item() == 0.75
    # of the 31 thresholds 0, 5, .. 150 mm the errors 0, 50, 100, 200 lie below 30, 20, 10, 0
    truth[0, :, 0] = 1.0
    predicted = truth + torch.tensor([0.0, 0.0501, 0.1001, 0.2])[:, None] * torch.eye(3)[1]
    assert metrics.auc(predicted, truth).item() == pytest.approx((30 + 20 + 10) / 4 / 31)


def test_the_threshold_itself_is_no_hit():
    truth = torch.zeros(1, 1, 3, dtype=torch.float64)
    predicted = truth + torch.tensor([0.0, metrics.PCK_THRESHOLD, 0.0])
    assert metrics.pck(predicted.double(), truth, float(predicted[0, 0, 1])).item() == 0.0
    assert metrics.auc(truth, truth).item() == pytest.approx(30 / 31)  # not at the threshold 0


def test_velocity_error():
    """A prediction that is off by a constant has none; one that moves 2 cm a frame too fast has."""
    truth = torch.randn(5, 17, 3, dtype=torch.float64)
    steps = torch.arange(5)[:, None, None]
    drift = torch.tensor([0.0, 0.0, 0.02], dtype=torch.float64)
    assert metrics.mpjve(truth + 1.0, truth).abs().max() < 1e-12
    torch.testing.assert_close(
        metrics.mpjve(truth + steps * drift, truth), torch.full((4,), 0.02).double()
    )


def test_against_literal_formulas(poses):
    predicted, truth = poses
    errors = np.array(literal_errors(predicted, truth))
    np.testing.assert_allclose(metrics.mpjpe(predicted, truth), errors.mean(1), rtol=1e-12)
    hits = [sum(e < 0.15 for e in row) / 17 for row in errors]
    np.testing.assert_allclose(metrics.pck(predicted, truth), hits, rtol=1e-12)
    areas = [sum(sum(e < t * 0.005 for e in row) / 17 for t in range(31)) / 31 for row in errors]
    np.testing.assert_allclose(metrics.auc(predicted, truth), areas, rtol=1e-12)
    velocities = literal_errors(predicted[1:] - predicted[:-1], truth[1:] - truth[:-1])
    np.testing.assert_allclose(metrics.mpjve(predicted, truth), np.mean(velocities, 1), rtol=1e-12)


def test_procrustes_undoes_any_similarity(poses):
    truth = poses[1]
    turns = torch.from_numpy(Rotation.random(6, rng=np.random.default_rng(4)).as_matrix())
    moved = 1.7 * truth @ turns + torch.randn(6, 1, 3, dtype=torch.float64)
    assert metrics.p_mpjpe(moved, truth).max() < 1e-12
    mirrored = truth * torch.tensor([-1.0, 1.0, 1.0])
    assert metrics.p_mpjpe(mirrored, truth).min() > 0.05  # a mirror image is another pose


def test_procrustes_is_the_best_similarity(poses):
    """Against a search over rotation vector, logarithm of the scale and shift."""
    predicted, truth = (pose[0].numpy() for pose in poses)

    def moved(x: np.ndarray) -> np.ndarray:
        return np.exp(x[3]) * Rotation.from_rotvec(x[:3]).apply(predicted) + x[4:]

    best = minimize(lambda x: ((moved(x) - truth) ** 2).sum(), np.zeros(7), tol=1e-14).x
    found = metrics.procrustes(*poses)[0].numpy()
    np.testing.assert_allclose(found, moved(best), atol=1e-6)


def test_a_frame_does_not_depend_on_its_batch(poses):
    for metric in (metrics.mpjpe, metrics.p_mpjpe, metrics.pck, metrics.auc):
        alone = torch.cat([metric(p[None], t[None]) for p, t in zip(*poses, strict=True)])
        torch.testing.assert_close(metric(*poses), alone, rtol=1e-12, atol=0)


def test_all_joints_in_one_point():
    truth = torch.randn(2, 17, 3)
    assert metrics.p_mpjpe(torch.zeros_like(truth), truth).isfinite().all()


def test_different_shapes_are_refused(poses):
    with pytest.raises(ValueError, match=r"\(6, 16, 3\) predicted, \(6, 17, 3\) true"):
        metrics.mpjpe(poses[0][:, 1:], poses[1])
