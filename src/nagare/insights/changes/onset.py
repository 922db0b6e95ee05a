"""The moment at which many series changed together, in a stretch of time of which nobody knows when it began to go wrong.

A two-sided window slides over each series; how far the means before and behind it stand apart is measured in what that
series' own windows show elsewhere, so that noise, bursts and slow load count for little. What is beyond is summed over the
series, and the first high summit is the onset. The windows are those of Gaussian-smoothed scan statistics (Hušková and
Slabý 2001, MOSUM; several widths as in Messer et al. 2014), the sum over series that of Zhang and Siegmund (2012).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nagare.insights.matrix import Floats, SeriesMatrix
from nagare.insights.robust import QUARTILES_APART, row_quantiles

Singles = NDArray[np.float32]
# Widths of a window as shares of the whole stretch, and the fewest points of one.
_WIDTHS = (1 / 60, 1 / 24, 1 / 10)
_FEWEST = 4
# In units of what the series' windows usually show: from where on a difference counts, and the most that one series adds.
_COUNTS_FROM = 4.5
_COUNTS_MOST = 15.0
# The first summit of that share of the highest is the onset: a recovery is as high as what went before it.
_FIRST_SUMMIT = 0.6
_NEARLY = 0.45
_CLIP = 8.0


def find_onset(matrix: SeriesMatrix, from_ms: int | None = None, until_ms: int | None = None) -> int | None:
    """Return the time (Unix milliseconds) at which most changed, None when nothing stands out.

    Only times from ``from_ms`` until ``until_ms`` are answered; what is outside still says what is usual.
    """
    times = matrix.times_ms
    strength = change_strength(matrix.values)
    if from_ms is not None:
        strength[times < from_ms] = 0
    if until_ms is not None:
        strength[times > until_ms] = 0
    if not len(strength) or strength.max() <= _COUNTS_FROM:
        return None
    return int(times[_first_summit(strength)])


def likely_onsets(matrix: SeriesMatrix, most: int = 5) -> tuple[int, ...]:
    """Return up to ``most`` times (Unix milliseconds) at which nearly as much changed as at any, the strongest first.

    For callers who can tell by other means which of them began an incident; no two are nearer than the narrowest window.
    """
    strength = change_strength(matrix.values)
    apart = max(_FEWEST, round(len(strength) * _WIDTHS[0]))
    found: list[int] = []
    least = max(_COUNTS_FROM, _NEARLY * strength.max(initial=0.0))
    while len(found) < most and len(strength) and strength.max() > least:
        place = int(np.argmax(strength))
        found.append(int(matrix.times_ms[place]))
        strength[max(place - apart, 0) : place + apart + 1] = 0
    return tuple(found)


def change_strength(values: Floats) -> Floats:
    """Return for each time how much changes there, summed over series; 0 where nothing is beyond the usual."""
    width = values.shape[1]
    strength = np.zeros(width)
    scaled = _scaled(values)
    sums, counts = _running(scaled)
    for share in _WIDTHS:
        points = max(_FEWEST, round(width * share))
        if 2 * points < width:
            strength += _window_strength(sums, counts, points)
    # Of thousands of series some are beyond the usual at any time.
    return np.maximum(strength - np.median(strength), 0.0)


def _scaled(values: Floats) -> Floats:
    """Return the series that move, in deviations from their medians."""
    figures = row_quantiles(values, (0.02, 0.25, 0.5, 0.75, 0.98))
    middle = figures[:, 2]
    with np.errstate(over="ignore", invalid="ignore"):
        usual = (figures[:, 3] - figures[:, 1]) / QUARTILES_APART
        # A series that stands still but for a change has no quartiles apart.
        usual = np.fmax(usual, np.fmax(0.02 * (figures[:, 4] - figures[:, 0]), 1e-3 * np.abs(middle)))
        moving = np.flatnonzero(usual > 0)
        return np.clip((values[moving] - middle[moving, None]) / usual[moving, None], -_CLIP, _CLIP)


def _running(scaled: Floats) -> tuple[Singles, NDArray[np.int32] | None]:
    """Return the sums of each series before each place, and the counts of what is known, None where all is."""
    rows, width = scaled.shape
    # Bounded values of one file: half the digits are enough, and half the memory to go through.
    sums = np.zeros((rows, width + 1), np.float32)
    np.cumsum(np.nan_to_num(scaled), axis=1, out=sums[:, 1:])
    is_known = ~np.isnan(scaled)
    if is_known.all():
        return sums, None
    counts = np.zeros((rows, width + 1), np.int32)
    np.cumsum(is_known, axis=1, out=counts[:, 1:])
    return sums, counts


def _window_strength(sums: Singles, counts: NDArray[np.int32] | None, points: int) -> Floats:
    width = sums.shape[1] - 1
    means = sums[:, points:] - sums[:, :-points]
    with np.errstate(divide="ignore", invalid="ignore"):
        means /= np.float32(points) if counts is None else counts[:, points:] - counts[:, :-points]
    apart = means[:, points:] - means[:, :-points]
    np.abs(apart, out=apart)
    np.nan_to_num(apart, copy=False)
    # Neighbouring windows share most of their points: some of them say what is usual as well as all.
    elsewhere = np.median(apart[:, :: max(points // 6, 1)], axis=1) + (2.0 / points) ** 0.5 * 0.25
    apart /= elsewhere[:, None].astype(np.float32)
    apart -= np.float32(_COUNTS_FROM)
    np.clip(apart, 0.0, _COUNTS_MOST, out=apart)
    strength = np.zeros(width)
    strength[points : points + apart.shape[1]] = apart.sum(axis=0)
    return strength


def _first_summit(strength: Floats) -> int:
    first = int(np.argmax(strength >= _FIRST_SUMMIT * strength.max()))
    # From the foot of the summit to its top: until it falls to half again.
    top = first
    for place in range(first, len(strength)):
        if strength[place] > strength[top]:
            top = place
        elif strength[place] < strength[top] / 2:
            break
    return top
