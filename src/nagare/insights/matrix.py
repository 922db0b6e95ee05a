"""Many series on one time grid: the form in which everything that compares series takes them.

One row a series, so that what is computed a series reads memory in order. NaN is "no value"; it is never a zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nagare.errors import InputError

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
# Cells of one matrix, 1 GiB of them: what is longer is asked with a coarser step.
MAX_CELLS = 1 << 27


@dataclass(frozen=True, slots=True)
class SeriesMatrix:
    """``values[i, j]`` is series ``names[i]`` at ``times_ms[j]``: Unix milliseconds, rising; their steps may differ."""

    names: tuple[str, ...]
    times_ms: Times
    values: Floats

    def __post_init__(self) -> None:
        """Raise InputError where the shapes do not fit, or time does not rise."""
        if self.values.shape != (len(self.names), len(self.times_ms)):
            raise InputError(
                f"cannot use series: {self.values.shape} values for {len(self.names)} names at {len(self.times_ms)} times"
            )
        if len(self.times_ms) > 1 and bool(np.any(np.diff(self.times_ms) <= 0)):
            raise InputError("cannot use series: their times do not rise")

    @property
    def step_ms(self) -> float:
        """The usual distance of two times, in milliseconds; 0 for fewer than two times."""
        return float(np.median(np.diff(self.times_ms))) if len(self.times_ms) > 1 else 0.0

    def between(self, from_ms: int | None = None, until_ms: int | None = None) -> SeriesMatrix:
        """Return the columns with ``from_ms`` <= time < ``until_ms``; None is without that end."""
        first = 0 if from_ms is None else int(np.searchsorted(self.times_ms, from_ms))
        last = len(self.times_ms) if until_ms is None else int(np.searchsorted(self.times_ms, until_ms))
        return SeriesMatrix(self.names, self.times_ms[first:last], self.values[:, first:last])


def from_columns(names: Sequence[str], times_ms: Times, columns: Sequence[Floats]) -> SeriesMatrix:
    """Return the matrix of a wide table in any order of time; of rows at one time the last value counts.

    Infinities count as no value. Raises InputError where columns and times differ in length.
    """
    if any(len(column) != len(times_ms) for column in columns):
        raise InputError("cannot use series: a column is not as long as its times")
    values = np.array(columns, dtype=np.float64).reshape(len(names), len(times_ms))
    values[~np.isfinite(values)] = np.nan
    if len(times_ms) > 1 and bool(np.any(np.diff(times_ms) <= 0)):
        order = np.argsort(times_ms, kind="stable")
        times_ms, values = times_ms[order], _last_known(times_ms[order], values[:, order])
        times_ms = np.unique(times_ms)
    return SeriesMatrix(tuple(names), times_ms.astype(np.int64), values)


def _last_known(times_ms: Times, values: Floats) -> Floats:
    groups = np.concatenate(([0], np.cumsum(np.diff(times_ms) > 0)))
    merged = np.full((len(values), int(groups[-1]) + 1), np.nan)
    for row, known in zip(merged, values, strict=True):
        is_known = np.isfinite(known)
        # Of repeated indices numpy keeps the last assignment.
        row[groups[is_known]] = known[is_known]
    return merged


def from_points(series: Iterable[tuple[str, Times, Floats]], step_ms: int) -> SeriesMatrix:
    """Return series with times of their own on a grid of ``step_ms``: the mean of what falls into each step.

    Raises InputError when the grid would have more than MAX_CELLS cells, or nothing is in it.
    """
    known = [(name, times // step_ms, values) for name, times, values in series if len(times)]
    if not known:
        raise InputError("cannot compare series: there are none in this time")
    first = min(int(slots.min()) for _, slots, _ in known)
    last = max(int(slots.max()) for _, slots, _ in known)
    width = last - first + 1
    if width * len(known) > MAX_CELLS:
        raise InputError(
            f"cannot compare {len(known)} series at {width} times each: too many", hint="use a longer step or less time"
        )
    values = np.full((len(known), width), np.nan)
    for row, (_, slots, points) in zip(values, known, strict=True):
        finite = np.isfinite(points)
        places = (slots[finite] - first).astype(np.int64)
        counts = np.bincount(places, minlength=width)
        sums = np.bincount(places, weights=points[finite], minlength=width)
        np.divide(sums, counts, out=row, where=counts > 0)
    times_ms = (np.arange(width, dtype=np.int64) + first) * step_ms
    return SeriesMatrix(tuple(name for name, _, _ in known), times_ms, values)
