"""Lines of samples into braille dots, two across and four down in each cell. numpy only, no colours, no frame.

The least and the greatest sample of every dot column are drawn, so that no spike is lost; a line never crosses a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nagare.tui.renderables.value_axis import HUGE

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# More than this many expected steps between two samples is a hole, not a line.
GAP_STEPS = 2.5
BRAILLE = 0x2800
# Stamps beyond this are no Unix milliseconds (year 33,658); NaN and infinity fail the comparison too.
_LATEST_MS = 1e15
# The bit of each dot of a braille cell, by row and column.
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Samples:
    """Cleaned samples: finite, in order of time; ``joined[i]`` tells whether i and i+1 belong to one line."""

    ts_ms: Floats
    values: Floats
    joined: Bools

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to draw."""
        return self.values.size == 0

    def between(self, start_ms: float, end_ms: float) -> Samples:
        """Return the samples of a span, both ends included."""
        first = int(np.searchsorted(self.ts_ms, start_ms, side="left"))
        last = int(np.searchsorted(self.ts_ms, end_ms, side="right"))
        return Samples(self.ts_ms[first:last], self.values[first:last], self.joined[first : max(first, last - 1)])


def clean_samples(ts_ms: ArrayLike, values: ArrayLike, step_ms: float) -> Samples:
    """Sort samples, cut them to one length, leave out what is not finite, and find the gaps.

    ``step_ms`` is the expected distance; zero or less takes the median of the distances seen.
    """
    times = _floats(ts_ms)
    numbers = _floats(values)
    size = min(times.size, numbers.size)
    times, numbers = times[:size], numbers[:size]
    known = np.abs(times) < _LATEST_MS
    if not known.all():
        times, numbers = times[known], numbers[known]
    if times.size > 1 and (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")
        times, numbers = times[order], numbers[order]
    finite = np.isfinite(numbers)
    breaks = np.cumsum(~finite)
    if not finite.all():
        times, numbers, breaks = times[finite], numbers[finite], breaks[finite]
    steps = np.diff(times)
    if not step_ms > 0:
        positive = steps[steps > 0]
        step_ms = float(np.median(positive)) if positive.size else 1.0
    joined = (steps <= GAP_STEPS * step_ms) & (np.diff(breaks) == 0)
    return Samples(times, np.clip(numbers, -HUGE, HUGE), joined)


def _floats(data: ArrayLike) -> Floats:
    return np.atleast_1d(np.asarray(data, dtype=np.float64)).ravel()


def within(samples: Samples, start_ms: float, end_ms: float) -> Samples:
    """Return the samples of a span and one neighbour on either side, which lines at the edges need."""
    first = max(0, int(np.searchsorted(samples.ts_ms, start_ms, side="left")) - 1)
    last = min(samples.ts_ms.size, int(np.searchsorted(samples.ts_ms, end_ms, side="right")) + 1)
    return Samples(samples.ts_ms[first:last], samples.values[first:last], samples.joined[first : max(first, last - 1)])


def column_extremes(samples: Samples, start_ms: float, end_ms: float, columns: int) -> tuple[Floats, Floats]:
    """Return the least and the greatest value of the line in every column; NaN where there is none."""
    low = np.full(columns, np.inf)
    high = np.full(columns, -np.inf)
    span = max(1e-9, end_ms - start_ms)
    if samples.is_empty or columns < 1:
        return np.full(max(0, columns), np.nan), np.full(max(0, columns), np.nan)
    position = (samples.ts_ms - start_ms) * (columns / span)
    inside = (position >= 0) & (position <= columns)
    at = np.minimum(position[inside].astype(np.intp), columns - 1)
    np.minimum.at(low, at, samples.values[inside])
    np.maximum.at(high, at, samples.values[inside])
    _add_line_edges(samples, position, low, high)
    low[np.isinf(low)] = np.nan
    high[np.isinf(high)] = np.nan
    return low, high


def _add_line_edges(samples: Samples, position: Floats, low: Floats, high: Floats) -> None:
    """Widen each column by the line's height at its two edges, where a line passes."""
    if position.size < 2 or not samples.joined.any():
        return
    edges = np.arange(low.size + 1, dtype=np.float64)
    height = np.interp(edges, position, samples.values)
    # A line that starts exactly on an edge enters only the column right of it, one that ends there only the left one.
    enters_right = _passes(samples, np.searchsorted(position, edges[:-1], side="right") - 1)
    enters_left = _passes(samples, np.searchsorted(position, edges[1:], side="left") - 1)
    for seen, at_edge in ((enters_right, height[:-1]), (enters_left, height[1:])):
        low[seen] = np.minimum(low[seen], at_edge[seen])
        high[seen] = np.maximum(high[seen], at_edge[seen])


def _passes(samples: Samples, index: NDArray[np.intp]) -> Bools:
    inside = (index >= 0) & (index < samples.joined.size)
    return inside & samples.joined[np.clip(index, 0, samples.joined.size - 1)]


def dot_rows(values: Floats, low: float, high: float, rows: int) -> NDArray[np.int64]:
    """Return the dot row of each value, 0 at the bottom; NaN gives -1."""
    span = high - low
    # Cut first: what is far outside of a narrow scale is more than a number holds, in parts of it.
    share = (np.clip(values, low, high) / span - low / span) if span > 0 else np.zeros_like(values)
    with np.errstate(invalid="ignore"):
        row = np.rint(np.clip(share, 0.0, 1.0) * (rows - 1))
    return np.where(np.isnan(row), -1, row).astype(np.int64)


def raster(low_rows: NDArray[np.int64], high_rows: NDArray[np.int64], height: int, *, fill: bool = False) -> Bools:
    """Return the dots (4·height × columns) of a line; ``fill`` also sets everything below it."""
    rows = np.arange(4 * height - 1, -1, -1)[:, None]
    known = low_rows >= 0
    above = rows <= high_rows[None, :]
    return above & known[None, :] if fill else above & (rows >= low_rows[None, :]) & known[None, :]


def pack(dots: Bools) -> NDArray[np.uint32]:
    """Return the braille code points of dots: one cell for each 4 × 2 of them; blank cells are spaces."""
    height, width = dots.shape[0] // 4, dots.shape[1] // 2
    grid = dots.reshape(height, 4, width, 2).astype(np.uint32)
    bits = np.einsum("hrwc,rc->hw", grid, _BITS)
    return np.where(bits == 0, np.uint32(32), bits + np.uint32(BRAILLE)).astype(np.uint32)
