"""Into which stretches of one level each series falls: change points, of thousands of series at once.

The split is the cheapest of all: squared distances from the levels plus a price for each change, found exactly by dynamic
programming (Jackson et al. 2005), the objective that PELT (Killick et al. 2012) minimises. Instead of pruning, all series take
each step together, on at most 128 blocks of points; the place is then found to the point. Distances are bounded, so that an
outlier is no stretch of its own (Fearnhead and Rigaill 2019), and the price is in units of how much neighbouring blocks
differ, so that a series that wanders is not cut into pieces.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from nagare.insights.matrix import Floats, SeriesMatrix
from nagare.insights.robust import QUARTILES_APART, count_known, row_median, row_quantiles

_MAX_BLOCKS = 128
# A stretch is at least so many blocks long, and what a change costs: between the criterion of Schwarz and twice that.
_SHORTEST = 2
_PRICE = 6.0
_CLIP = 6.0


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """One change of one series: the time of its first point at the new level, and the levels (medians) on both sides."""

    name: str
    at_ms: int
    before: float
    after: float


def change_points(matrix: SeriesMatrix) -> list[ChangePoint]:
    """Return the changes of level of every series, series by series and in order of time."""
    rows, width = matrix.values.shape
    if rows == 0 or width < 4 * _SHORTEST:
        return []
    long = -(-width // _MAX_BLOCKS)
    scaled = _scaled(matrix.values)
    means, weights = _blocks(scaled, long)
    places = _cheapest_splits(means, weights)
    found: list[ChangePoint] = []
    for row, blocks in enumerate(places):
        if blocks:
            found += _located(matrix, row, scaled[row], [block * long for block in blocks], long)
    return found


def _scaled(values: Floats) -> Floats:
    figures = row_quantiles(values, (0.0, 0.25, 0.5, 0.75, 1.0))
    middle = figures[:, 2]
    with np.errstate(invalid="ignore", over="ignore"):
        usual = (figures[:, 3] - figures[:, 1]) / QUARTILES_APART
        floor = np.fmax(1e-3 * np.abs(middle), 0.02 * (figures[:, 4] - figures[:, 0]))
        usual = np.fmax(usual, floor)
        usual = np.where(usual > 0, usual, 1.0)
        return np.clip((values - middle[:, None]) / usual[:, None], -_CLIP, _CLIP)


def _blocks(scaled: Floats, long: int) -> tuple[Floats, Floats]:
    """Return the median of each block, 0 for one without values, and the share of its values that are known."""
    rows, width = scaled.shape
    count = width // long
    cut = np.ascontiguousarray(scaled[:, : count * long]).reshape(rows * count, long)
    middles = np.nan_to_num(row_median(cut))
    return middles.reshape(rows, count), (count_known(cut) / long).reshape(rows, count)


def _cheapest_splits(means: Floats, weights: Floats) -> list[list[int]]:
    """Return for each row the blocks at which a new stretch begins."""
    rows, count = means.shape
    # Neighbours differ by their noise alone nearly everywhere.
    apart = np.where((weights[:, 1:] > 0) & (weights[:, :-1] > 0), np.abs(np.diff(means, axis=1)), np.nan)
    noise = np.fmax(row_median(apart) / 0.954, 0.02)
    price = _PRICE * np.log(count)
    weight = _from_zero(weights)
    sums = _from_zero(weights * means)
    squares = _from_zero(weights * means**2)
    cheapest = np.full((rows, count + 1), np.inf)
    cheapest[:, 0] = -price
    came_from = np.zeros((rows, count + 1), dtype=np.int64)
    for end in range(_SHORTEST, count + 1):
        begins = np.arange(0, end - _SHORTEST + 1)
        total = weight[:, [end]] - weight[:, begins]
        away = squares[:, [end]] - squares[:, begins]
        toward = (sums[:, [end]] - sums[:, begins]) ** 2
        cost = away - np.divide(toward, total, out=np.zeros_like(toward), where=total > 0)
        whole = cheapest[:, begins] + cost / noise[:, None] ** 2 + price
        came_from[:, end] = np.argmin(whole, axis=1)
        cheapest[:, end] = np.take_along_axis(whole, came_from[:, [end]], axis=1)[:, 0]
    return [_walk_back(row, count) for row in came_from]


def _from_zero(values: Floats) -> Floats:
    return np.concatenate((np.zeros((len(values), 1)), np.cumsum(values, axis=1)), axis=1)


def _walk_back(came_from: np.ndarray[tuple[int, ...], np.dtype[np.int64]], end: int) -> list[int]:
    found: list[int] = []
    while (end := int(came_from[end])) > 0:
        found.append(end)
    return found[::-1]


def _located(matrix: SeriesMatrix, row: int, scaled: Floats, rough: list[int], long: int) -> list[ChangePoint]:
    borders = [0, *rough, len(scaled)]
    exact = [
        _exact(scaled, max(before, place - 2 * long), place, min(after, place + 2 * long))
        for before, place, after in zip(borders, rough, borders[2:], strict=False)
    ]
    # Two rough places may turn out to be one.
    ends = [0, *sorted(set(exact)), len(scaled)]
    values = matrix.values[row]
    levels = [_level(values[first:last]) for first, last in itertools.pairwise(ends)]
    return [
        ChangePoint(matrix.names[row], int(matrix.times_ms[place]), before, after)
        for place, before, after in zip(ends[1:], levels, levels[1:], strict=False)
    ]


def _exact(scaled: Floats, first: int, rough: int, last: int) -> int:
    """Return the place between ``first`` and ``last`` that leaves the least squares on both sides."""
    part = scaled[first:last]
    is_known = ~np.isnan(part)
    sums = np.cumsum(np.where(is_known, part, 0.0))
    counts = np.cumsum(is_known)
    left, right = counts[:-1], counts[-1] - counts[:-1]
    is_split = (left > 0) & (right > 0)
    if not is_split.any():
        return rough
    gain = np.zeros(len(left))
    gain[is_split] = sums[:-1][is_split] ** 2 / left[is_split] + (sums[-1] - sums[:-1][is_split]) ** 2 / right[is_split]
    return first + int(np.argmax(gain)) + 1


def _level(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")
