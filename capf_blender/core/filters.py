# SPDX-FileCopyrightText: 2026 CAPF Blender authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline cleaning of sampled signals: outliers, gaps, smoothing. Windows in seconds, never frames.

Every function takes the frames on the first axis, any shape behind it, and NaN for "unknown".
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MAD_TO_SIGMA = 1.4826  # of a normal distribution
SUPPORT_S = 0.04  # a motion's peak lasts longer than that, a glitch does not
SUPPORT = 0.55  # share of an outlier that the values beside it must have for it to be a motion
UNIFORM_TOLERANCE = 0.02  # relative deviation of frame times that still counts as a fixed rate
# One second-order pass forwards and one backwards make a zero-phase fourth-order filter; each
# pass then needs a higher cut-off for the two together to be down 3 dB at the wanted frequency
# (Winter, Biomechanics and Motor Control of Human Movement, 4th ed., section 3.4.4.2).
DUAL_PASS = (np.sqrt(2.0) - 1.0) ** -0.25


def frame_interval(times_s: np.ndarray) -> float:
    """Median seconds from one frame to the next; NaN for fewer than two frames."""
    return float(np.median(np.diff(times_s))) if len(times_s) > 1 else float("nan")


def segments(known: np.ndarray) -> list[slice]:
    """The runs of consecutive True values in `known` (F,), in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def hampel(
    values: np.ndarray,
    times_s: np.ndarray,
    window_s: float = 0.24,
    sigmas: float = 3.0,
    least: float | np.ndarray = 0.0,
) -> np.ndarray:
    """`values` (F, ...) with outliers replaced by the median of the window around them.

    An outlier is farther from the median than `sigmas` robust standard deviations and than
    `least`, in the unit of the values and broadcast against one frame, and what comes shortly
    before and after it does not go along, as it would in a fast motion. NaN stays NaN and is
    ignored in windows. Where the window holds fewer than five frames nothing is an outlier: peaks
    could not be told from noise.
    """
    interval = frame_interval(times_s)
    half = round(0.5 * window_s / interval) if interval > 0 else 0
    if half < 2 or len(values) < 5:
        return values.copy()
    flat = values.reshape(len(values), -1)
    least = np.broadcast_to(least, values.shape[1:]).reshape(-1)
    padded = np.pad(flat, ((half, half), (0, 0)), mode="reflect" if len(flat) > half else "edge")
    # the median lies within the window's range: most values need no median to be found harmless
    low, high = _running_range(padded, half)
    with np.errstate(invalid="ignore"):
        suspect = np.maximum(high - flat, flat - low) > least
    frames, channels = np.nonzero(suspect)
    windows = sliding_window_view(padded, 2 * half + 1, axis=0)[frames, channels]  # (N, W)
    median = _median(windows)
    away = flat[frames, channels] - median
    beside = max(1, round(SUPPORT_S / interval))
    around = windows[:, [half - beside, half + beside]] - median[:, None]
    support = np.nansum(around, axis=1) / np.maximum(np.isfinite(around).sum(axis=1), 1)
    alone = (np.abs(away) > least[channels]) & (support * np.sign(away) < SUPPORT * np.abs(away))
    deviation = MAD_TO_SIGMA * _median(np.abs(windows[alone] - median[alone, None]))
    outlier = np.flatnonzero(alone)[np.abs(away[alone]) > sigmas * deviation]
    cleaned = flat.copy()
    cleaned[frames[outlier], channels[outlier]] = median[outlier]
    return cleaned.reshape(values.shape)


def _running_range(padded: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """(F, C) least and greatest values within `half` frames of each, of (F + 2 half, C)."""
    low, high, width, wanted = padded, padded, 1, 2 * half + 1
    while width < wanted:
        step = min(width, wanted - width)
        low, high = np.fmin(low[:-step], low[step:]), np.fmax(high[:-step], high[step:])
        width += step
    return low, high


def _median(windows: np.ndarray) -> np.ndarray:
    """(N,) medians of (N, W), W odd; NaN ignored, NaN where there is nothing else."""
    ordered = np.sort(windows, axis=1)  # NaN last; several times as fast as np.median here
    median = ordered[:, windows.shape[1] // 2].copy()
    holed = np.flatnonzero(np.isnan(ordered[:, -1]))
    count = np.isfinite(ordered[holed]).sum(axis=1)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    median[holed] = 0.5 * (ordered[holed, low] + ordered[holed, high])
    return median


def pchip(times_s: np.ndarray, values: np.ndarray, at_s: np.ndarray) -> np.ndarray:
    """Monotone cubic interpolation of `values` (F, ...) at `times_s` (F,), taken at `at_s` (N,).

    Fritsch and Butland, 1984, as in scipy.interpolate.PchipInterpolator; constant beyond the ends.
    """
    if len(times_s) == 1:
        return np.repeat(values, len(at_s), axis=0)
    at_s = np.clip(at_s, times_s[0], times_s[-1])
    step = np.diff(times_s).reshape((-1,) + (1,) * (values.ndim - 1))
    slope = np.diff(values, axis=0) / step
    tangent = np.empty_like(values, dtype=float)
    if len(times_s) == 2:
        tangent[:] = slope
    else:
        left, right = step[:-1], step[1:]
        w1, w2 = 2 * right + left, right + 2 * left
        with np.errstate(divide="ignore", invalid="ignore"):
            harmonic = (w1 + w2) / (w1 / slope[:-1] + w2 / slope[1:])
        tangent[1:-1] = np.where(slope[:-1] * slope[1:] > 0, harmonic, 0.0)
        tangent[0] = _end_tangent(step[0], step[1], slope[0], slope[1])
        tangent[-1] = _end_tangent(step[-1], step[-2], slope[-1], slope[-2])
    index = np.clip(np.searchsorted(times_s, at_s, side="right") - 1, 0, len(times_s) - 2)
    h = step[index]
    s = (at_s - times_s[index]).reshape((-1,) + (1,) * (values.ndim - 1)) / h
    return (
        values[index] * (1 + 2 * s) * (1 - s) ** 2
        + tangent[index] * h * s * (1 - s) ** 2
        + values[index + 1] * s**2 * (3 - 2 * s)
        + tangent[index + 1] * h * s**2 * (s - 1)
    )


def _end_tangent(h0, h1, d0: np.ndarray, d1: np.ndarray) -> np.ndarray:
    """Three-point slope at an end, limited so that the curve keeps its shape."""
    tangent = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    tangent = np.where(tangent * d0 <= 0, 0.0, tangent)
    overshoots = (d0 * d1 <= 0) & (np.abs(tangent) > 3 * np.abs(d0))
    return np.where(overshoots, 3 * d0, tangent)


def fill_gaps(values: np.ndarray, times_s: np.ndarray, longest_s: float = 0.5) -> np.ndarray:
    """`values` (F, ...) with gaps of up to `longest_s` seconds filled by `pchip`, per channel.

    A gap's length is the time between the known frames around it. Longer gaps, and what lies
    before the first and after the last known frame, stay NaN.
    """
    filled = np.array(values, dtype=float).reshape(len(values), -1)
    for known, channels in _alike(np.isfinite(filled)):
        if known.all() or known.sum() < 2:
            continue
        at = np.flatnonzero(known)
        after = np.searchsorted(at, np.arange(len(values)))
        inside = ~known & (after > 0) & (after < len(at))
        gap = np.flatnonzero(inside)
        gap = gap[times_s[at[after[gap]]] - times_s[at[after[gap] - 1]] <= longest_s + 1e-9]
        if len(gap):
            known_values = filled[np.ix_(at, channels)]
            filled[np.ix_(gap, channels)] = pchip(times_s[at], known_values, times_s[gap])
    return filled.reshape(values.shape)


def _alike(known: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Groups of equal columns of `known` (F, C): each group's column (F,) and their indices."""
    if (known == known[:, :1]).all():
        return [(known[:, 0], np.arange(known.shape[1]))]
    patterns, members = np.unique(known, axis=1, return_inverse=True)
    return [(p, np.flatnonzero(members.ravel() == index)) for index, p in enumerate(patterns.T)]


def lowpass(values: np.ndarray, times_s: np.ndarray, cutoff_hz: np.ndarray | float) -> np.ndarray:
    """`values` (F, ...) through a zero-phase fourth-order Butterworth, down 3 dB at `cutoff_hz`.

    `cutoff_hz` broadcasts against one frame of the values. Each run of known frames is filtered by
    itself, gaps stay. Times that are not evenly spaced are resampled to an even rate and back.
    Channels with a cut-off of 0, and frequencies that the frame rate cannot hold, are left as they
    are.
    """
    flat = np.array(values, dtype=float).reshape(len(values), -1)
    cutoff = np.broadcast_to(np.asarray(cutoff_hz, dtype=float), values.shape[1:]).reshape(-1)
    filtered = np.flatnonzero(cutoff > 0)
    for known, members in _alike(np.isfinite(flat[:, filtered])) if len(filtered) else []:
        channels = filtered[members]
        for run in segments(known):
            part = np.ix_(np.arange(run.start, run.stop), channels)
            flat[part] = _lowpass_run(flat[part], times_s[run], cutoff[channels])
    return flat.reshape(values.shape)


def dead_zone(fast: np.ndarray, times_s: np.ndarray, cutoff_hz: float, size: float) -> np.ndarray:
    """`fast` (F, ...), what is left of values above `cutoff_hz`, without what is smaller than
    `size`.

    Twice that amplitude and more passes unchanged, with a smooth step between; the amplitude is
    that of the time around, so that a motion passes whole and not by its peaks.
    """
    amplitude = np.sqrt(2.0 * np.maximum(lowpass(fast**2, times_s, cutoff_hz), 0.0))
    return smoothstep(size, 2.0 * size, amplitude) * fast


def smoothstep(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """0 up to `low`, 1 from `high`, and a cubic between."""
    s = np.clip((values - low) / (high - low), 0.0, 1.0)
    return s * s * (3 - 2 * s)


def _lowpass_run(values: np.ndarray, times_s: np.ndarray, cutoff_hz: np.ndarray) -> np.ndarray:
    count = len(values)
    if count < 3:
        return values
    interval = (times_s[-1] - times_s[0]) / (count - 1)
    even = times_s[0] + interval * np.arange(count)
    if np.abs(times_s - even).max() <= UNIFORM_TOLERANCE * interval:
        return _butterworth(values, interval, cutoff_hz)
    # at least as fine as the closest two frames within reason, so that nothing is lost on the way
    finest = max(float(np.diff(times_s).min()), interval / 4)
    even = np.linspace(times_s[0], times_s[-1], int(np.ceil((count - 1) * interval / finest)) + 1)
    smooth = _butterworth(pchip(times_s, values, even), even[1] - even[0], cutoff_hz)
    return pchip(even, smooth, times_s)


def _butterworth(values: np.ndarray, interval: float, cutoff_hz: np.ndarray) -> np.ndarray:
    """(F, C) evenly spaced values, filtered forwards and backwards.

    Done in the frequency domain, where both passes are one real gain. Taking off the line between
    the ends and continuing as an odd function is the usual odd padding, carried on for ever: no
    start-up transient, constants and lines pass unchanged, and any length from three frames works.
    """
    count = len(values)
    ramp = np.linspace(0.0, 1.0, count)[:, None]
    line = (1 - ramp) * values[:1] + ramp * values[-1:]
    odd = np.concatenate([values - line, (line - values)[-2:0:-1]])  # period 2 (F - 1)
    frequency = np.fft.rfftfreq(len(odd), interval)[:, None]
    cutoff = np.minimum(cutoff_hz, 0.49 / interval)
    # gain of the digital filter: the bilinear transform warps frequencies to tan(pi f dt)
    corner = DUAL_PASS * np.tan(np.pi * cutoff * interval)
    warped = np.tan(np.pi * np.minimum(frequency * interval, 0.49999)) / corner
    gain = np.where(cutoff_hz * interval >= 0.49, 1.0, 1.0 / (1.0 + warped**4))
    return line + np.fft.irfft(np.fft.rfft(odd, axis=0) * gain, len(odd), axis=0)[:count]
