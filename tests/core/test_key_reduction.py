# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np

from capf_blender.core.key_reduction import curve_values, reduce_keys


def reduced(frames, values, tolerance, edges=()):
    """The one track of a (N,) curve, and its values on all frames."""
    marks = np.zeros((1, len(frames)), bool)
    marks[0, list(edges)] = True

    def errors(approximations):
        return np.abs(approximations[0] - values[:, None]).T / tolerance

    (track,) = reduce_keys(frames, [values[:, None]], errors, marks)
    return track, curve_values(frames, track)[:, 0]


def test_a_cubic_needs_only_its_ends_and_noise_all():
    frames = np.arange(1.0, 51.0)
    s = (frames - 20) / 10
    track, values = reduced(frames, s**2 - 3 * s, 1e-6)  # slopes of a parabola are exact
    np.testing.assert_array_equal(track.keys, [0, 49])
    np.testing.assert_allclose(values, s**2 - 3 * s, atol=1e-9)
    noise = np.random.default_rng(0).normal(size=50)
    track, values = reduced(frames, noise, 1e-9)
    np.testing.assert_allclose(values, noise, atol=1e-9)


def test_the_error_stays_within_what_is_allowed_and_more_of_it_saves_keys():
    frames = np.arange(240.0)
    values = np.sin(frames / 12) + 0.3 * np.sin(frames / 3.7)
    counts = []
    for tolerance in (0.003, 0.01, 0.05):
        track, found = reduced(frames, values, tolerance)
        assert np.abs(found - values).max() <= tolerance
        assert {0, 239} <= set(track.keys)
        counts.append(len(track.keys))
    assert counts == sorted(counts, reverse=True) and counts[0] < 120


def test_edges_are_keys_and_may_be_corners():
    frames = np.arange(60.0)
    values = np.maximum(frames - 30, 0.0) ** 1.0  # stands, then moves at once
    track, found = reduced(frames, values, 1e-6, edges=[30])
    np.testing.assert_array_equal(track.keys, [0, 30, 59])
    np.testing.assert_allclose(found, values, atol=1e-9)
    assert track.slopes_in[1, 0] == 0.0 and track.slopes_out[1, 0] == 1.0
    without, _ = reduced(frames, values, 1e-6)
    assert len(without.keys) > 3


def test_a_gap_is_crossed_in_a_straight_line():
    frames = np.concatenate([np.arange(20.0), np.arange(60.0, 80.0)])
    values = np.where(frames < 40, frames**2 / 40, 5.0)
    track, _ = reduced(frames, values, 1e-3)
    before, after = list(track.keys).index(19), list(track.keys).index(20)
    slope = (values[20] - values[19]) / 41
    np.testing.assert_allclose(track.slopes_out[before], slope)
    np.testing.assert_allclose(track.slopes_in[after], slope)


def test_one_and_two_frames():
    for count in (1, 2):
        track, found = reduced(np.arange(count) + 5.0, np.arange(count) * 2.0, 1e-6)
        assert len(track.keys) == count
        np.testing.assert_array_equal(found, np.arange(count) * 2.0)
