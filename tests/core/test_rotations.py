# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
from synthetic_motion import about, product

from capf_blender.core.rotations import (
    angle_between,
    continuous,
    frame_yx,
    frame_yz,
    matrix_from_quaternion,
    quaternion_from_matrix,
    shortest_arc,
    unit,
)

RNG = np.random.default_rng(0)


def random_quaternions(count: int) -> np.ndarray:
    return unit(RNG.normal(size=(count, 4)))


def test_quaternion_to_matrix_and_back():
    q = random_quaternions(1000)
    q = np.concatenate([q, np.eye(4), [[0, 0.6, 0, 0.8]]])
    m = matrix_from_quaternion(q)
    np.testing.assert_allclose(m @ np.swapaxes(m, -1, -2), np.broadcast_to(np.eye(3), m.shape),
                               atol=1e-12)  # fmt: skip
    back = quaternion_from_matrix(m)
    np.testing.assert_allclose(np.abs(np.sum(back * q, axis=1)), 1.0, atol=1e-12)
    assert (back[:, 0] >= 0).all()


def test_matrices_multiply_as_quaternions_do():
    a, b = random_quaternions(50), random_quaternions(50)
    np.testing.assert_allclose(
        matrix_from_quaternion(product(a, b)),
        matrix_from_quaternion(a) @ matrix_from_quaternion(b),
        atol=1e-12,
    )


def test_nan_stays_nan():
    q = random_quaternions(3)
    q[1] = np.nan
    m = matrix_from_quaternion(q)
    assert np.isnan(quaternion_from_matrix(m)[1]).all()
    assert np.isfinite(quaternion_from_matrix(m)[[0, 2]]).all()


def test_continuous_quaternions_have_no_sign_flips():
    q = quaternion_from_matrix(matrix_from_quaternion(about("y", np.linspace(0, 20, 400))))
    q[100] = np.nan
    smooth = continuous(q)
    known = np.delete(smooth, 100, axis=0)
    assert np.sum(known[1:] * known[:-1], axis=1).min() > 0.99
    assert np.isnan(smooth[100]).all()


def test_frames_are_right_handed_with_an_exact_y():
    y, other = RNG.normal(size=(2, 200, 3))
    other[0] = y[0]  # no second direction
    for m, column in ((frame_yz(y, other), 2), (frame_yx(y, other), 0)):
        np.testing.assert_allclose(np.linalg.det(m), 1.0)
        np.testing.assert_allclose(m[..., 1], unit(y), atol=1e-12)
        assert (np.sum(m[1:, :, column] * other[1:], axis=1) > 0).all()


def test_shortest_arc_turns_one_direction_into_the_other():
    a, b = unit(RNG.normal(size=(2, 100, 3)))
    b[0], b[1] = a[0], -a[1]
    m = shortest_arc(a, b)
    np.testing.assert_allclose(np.einsum("nij,nj->ni", m, a), b, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(m), 1.0)
    turned = np.arccos(np.clip((np.trace(m, axis1=1, axis2=2) - 1) / 2, -1, 1))
    np.testing.assert_allclose(turned, angle_between(a, b), atol=1e-6)
