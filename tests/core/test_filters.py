# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
import time

import numpy as np
import pytest

from capf_blender.core.filters import (
    DUAL_PASS,
    dead_zone,
    fill_gaps,
    hampel,
    lowpass,
    pchip,
    segments,
)


def test_segments_are_the_runs_of_true():
    assert segments(np.array([1, 1, 0, 0, 1], bool)) == [slice(0, 2), slice(4, 5)]
    assert segments(np.zeros(3, bool)) == []


def test_low_pass_is_scipys_forward_backward_filter():
    signal = pytest.importorskip("scipy.signal")
    rng = np.random.default_rng(0)
    times = np.arange(200) / 30
    values = np.cumsum(rng.normal(size=(200, 3)), axis=0)
    corner = np.arctan(DUAL_PASS * np.tan(np.pi * 6 / 30)) * 30 / np.pi
    b, a = signal.butter(2, corner, fs=30)
    expected = signal.filtfilt(b, a, values, axis=0)
    found = lowpass(values, times, 6.0)
    np.testing.assert_allclose(found[20:-20], expected[20:-20], atol=1e-9)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.ptp(values))


@pytest.mark.parametrize(("hz", "gain"), [(1.0, 1.0), (6.0, np.sqrt(0.5)), (12.0, 0.088)])
def test_low_pass_gain_and_phase(hz, gain):
    times = np.arange(600) / 60
    wave = np.sin(2 * np.pi * hz * times)
    inside = slice(60, -60)
    np.testing.assert_allclose(lowpass(wave, times, 6.0)[inside], gain * wave[inside], atol=2e-3)


def test_low_pass_keeps_lines_whatever_the_length():
    for frames in (1, 2, 3, 5, 50):
        times = np.arange(frames) / 25
        line = np.stack([3 + 2 * times, -times], axis=1)
        np.testing.assert_allclose(lowpass(line, times, np.array([6.0, 2.0])), line, atol=1e-12)


def test_low_pass_keeps_a_fast_strikes_peak():
    times = np.arange(120) / 60
    strike = np.exp(-0.5 * ((times - 1) / 0.05) ** 2)
    assert lowpass(strike, times, 9.0).max() > 0.9
    assert np.argmax(lowpass(strike, times, 9.0)) == 60


def test_low_pass_of_uneven_times_equals_that_of_even_ones():
    rng = np.random.default_rng(3)
    even = np.arange(300) / 60
    uneven = np.sort(even + rng.uniform(-0.3, 0.3, 300) / 60)

    def wave(times):
        return np.sin(2 * np.pi * times) + 0.3 * np.sin(2 * np.pi * 15 * times)

    found = lowpass(wave(uneven), uneven, 5.0)
    expected = np.interp(uneven, even, lowpass(wave(even), even, 5.0))
    np.testing.assert_allclose(found[30:-30], expected[30:-30], atol=0.03)


def test_low_pass_filters_each_run_by_itself():
    rng = np.random.default_rng(1)
    times = np.arange(90) / 30
    values = rng.normal(size=(90, 2))
    holed = values.copy()
    holed[40:60] = np.nan
    found = lowpass(holed, times, 4.0)
    np.testing.assert_allclose(found[:40], lowpass(values[:40], times[:40], 4.0))
    np.testing.assert_allclose(found[60:], lowpass(values[60:], times[60:], 4.0))
    assert np.isnan(found[40:60]).all()


def test_frequencies_beyond_the_frame_rate_are_left_alone():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(40, 3))
    np.testing.assert_allclose(lowpass(values, np.arange(40) / 5, 6.0), values, atol=1e-12)


def test_hampel_takes_out_spikes_only():
    times = np.arange(100) / 30
    wave = np.sin(times)[:, None] * np.ones(3)
    spiked = wave.copy()
    spiked[[20, 50], 1] += (0.4, -0.7)
    cleaned = hampel(spiked, times, least=0.02)
    np.testing.assert_allclose(cleaned, wave, atol=0.03)
    np.testing.assert_array_equal(cleaned[:, [0, 2]], wave[:, [0, 2]])


def test_hampel_passes_over_unknown_frames():
    times = np.arange(60) / 30
    values = np.sin(times)
    values[30:34] = np.nan
    values[36] += 1.0
    cleaned = hampel(values, times, least=0.05)
    assert np.isnan(cleaned[30:34]).all()
    assert abs(cleaned[36] - np.sin(times[36])) < 0.15


def test_gaps_up_to_the_limit_are_filled_and_longer_ones_stay():
    times = np.arange(200) / 30
    values = np.stack([np.sin(times), np.cos(times)], axis=1)
    holed = values.copy()
    holed[:5] = np.nan
    holed[30:40, 0] = np.nan
    holed[80:120] = np.nan
    filled = fill_gaps(holed, times, 0.5)
    np.testing.assert_allclose(filled[30:40], values[30:40], atol=6e-3)
    assert np.isnan(filled[:5]).all()
    assert np.isnan(filled[80:120]).all()
    assert np.isfinite(np.delete(filled, np.r_[0:5, 80:120], axis=0)).all()


def test_pchip_is_scipys():
    interpolate = pytest.importorskip("scipy.interpolate")
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.uniform(0.01, 0.1, 50))
    values = rng.normal(size=(50, 4))
    at = np.linspace(times[0], times[-1], 333)
    expected = interpolate.PchipInterpolator(times, values)(at)
    np.testing.assert_allclose(pchip(times, values, at), expected, atol=1e-10)
    two = interpolate.PchipInterpolator(times[:2], values[:2])(at[:3])
    np.testing.assert_allclose(pchip(times[:2], values[:2], at[:3]), two, atol=1e-10)


def test_hampel_keeps_the_peak_of_a_fast_motion():
    """A strike that is over within 0.15 s, beside a glitch of the same size."""
    for fps in (24, 30, 60, 120):
        times = np.arange(2 * fps) / fps
        strike = 0.6 * np.exp(-0.5 * ((times - 1) / 0.05) ** 2)
        glitch = strike.copy()
        glitch[fps // 2] += 0.6
        np.testing.assert_array_equal(hampel(strike, times, least=0.02), strike)
        np.testing.assert_allclose(hampel(glitch, times, least=0.02), strike, atol=0.02)


def test_dead_zone_is_smooth_and_ends():
    times = np.arange(300) / 30
    wave = np.sin(2 * np.pi * 5 * times)
    for size, share in ((2.0, 0.0), (0.4, 1.0)):
        found = dead_zone(wave, times, 2.0, size)
        np.testing.assert_allclose(found[30:-30], share * wave[30:-30], atol=1e-3)
    sizes = np.linspace(0.45, 1.1, 30)
    kept = [np.abs(dead_zone(wave, times, 2.0, size)[30:-30]).max() for size in sizes]
    assert (np.diff(kept) <= 1e-9).all() and np.abs(np.diff(kept)).max() < 0.1


def test_ten_thousand_frames_are_quick():
    rng = np.random.default_rng(0)
    times = np.arange(10_000) / 30
    values = np.sin(times + np.arange(84)[:, None]).T.reshape(-1, 28, 3)
    values = values + rng.normal(0.0, 0.02, values.shape)
    start = time.process_time()
    lowpass(fill_gaps(hampel(values, times, least=0.05), times), times, 6.0)
    assert time.process_time() - start < 1.0  # a fifth of that on an idle machine
