"""How a block of samples lies in its file: an encoding for each column, chosen by measurement.

Rows are runs of a series. Name, host, series and divisor are told once a run; times and mantissas by their differences.
The figures stand in docs/explanation/storage-format.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nagare.metrics.parquet.columns import (
    BIGINT,
    DOUBLE,
    INTEGER,
    TEXT,
    TIME_MS,
    Kind,
    Page,
    double_page,
    integer_page,
    number_pages,
    repeated_page,
    text_page,
    time_pages,
)
from nagare.metrics.parquet.delta import SMALLEST
from nagare.metrics.parquet.writer import ParquetWriter
from nagare.metrics.samples.chain import chained
from nagare.metrics.samples.decimal import Decimals, to_decimals
from nagare.model.samples import STALE_BITS, Samples, Series

COLUMNS: Mapping[str, Kind] = {
    "name": TEXT,
    "host": TEXT,
    "series": INTEGER,
    "ts": TIME_MS,
    "mantissa": BIGINT.optional(),
    "base": BIGINT.optional(),
    "divisor": DOUBLE.optional(),
    "raw": DOUBLE.optional(),
}
# Small enough that a scan of one metric or host skips most: of twice as many rows, five metrics of one host over half a day
# take an eighth more time and a file a thirtieth less room. Half as many rows gain nothing more, as each group costs a reader
# something, wanted or not.
GROUP_ROWS = 61_440
# So many groups are packed at once: numpy is slow in small pieces, and more of them take memory for nothing.
_BATCH_ROWS = 8 * GROUP_ROWS


@dataclass(frozen=True, slots=True)
class Runs:
    """Where the rows of each series begin, and the series."""

    starts: NDArray[np.int64]
    series: Sequence[Series]

    def of(self, begin: int, end: int) -> tuple[Sequence[Series], NDArray[np.int64]]:
        """Return the series of the rows from ``begin`` to ``end`` and how many rows there each has."""
        first = int(np.searchsorted(self.starts, begin, side="right")) - 1
        last = int(np.searchsorted(self.starts, end, side="left"))
        edges = np.append(self.starts[first:last], end)
        edges[0] = begin
        return self.series[first:last], np.diff(edges)


class Scales:
    """How many decimals each series had last: the next rows of it begin there and mostly find it so."""

    __slots__ = ("_scales",)

    def __init__(self) -> None:
        """Begin with none."""
        self._scales = np.zeros(0, np.uint8)

    def decimals(self, values: NDArray[np.float64], numbers: NDArray[np.int32], starts: NDArray[np.int64]) -> Decimals:
        """Return ``values``, whose runs begin at ``starts`` and are of the series ``numbers``, as decimals."""
        missing = int(numbers.max()) + 1 - len(self._scales)
        if missing > 0:
            self._scales = np.append(self._scales, np.zeros(missing, np.uint8))
        found = to_decimals(values, starts, self._scales[numbers])
        self._scales[numbers] = found.scales
        return found


def write_file(path: Path, rows: Samples, runs: Runs, scales: Scales, facts: Mapping[str, str], level: int) -> None:
    """Write sorted ``rows`` as a Parquet file. Raises OSError."""
    with path.open("wb") as target:
        writer = ParquetWriter(target, COLUMNS, level)
        writer.begin()
        for begin in range(0, len(rows), _BATCH_ROWS):
            for pages in _groups(rows, runs, scales, begin, min(begin + _BATCH_ROWS, len(rows))):
                writer.add(pages)
        writer.finish(facts)


def _groups(rows: Samples, runs: Runs, scales: Scales, begin: int, end: int) -> Iterator[list[Page]]:
    batch = slice(begin, end)
    _, lengths = runs.of(begin, end)
    starts = np.cumsum(lengths) - lengths
    # Batch by batch: arrays of a whole head would each come from the system as fresh pages, which it has to clear.
    decimals = scales.decimals(rows.values[batch], rows.series[begin + starts], starts)
    is_decimal, divisor = decimals.is_decimal, decimals.divisor
    bits = rows.values[batch].view(np.int64)
    is_nan = np.isnan(rows.values[batch])
    # What is no number has its bits in the mantissa; what all readers agree on is that it is none.
    is_odd, has_rest = is_nan & (bits != STALE_BITS), decimals.has_rest & (bits != STALE_BITS)
    rest = np.where(is_nan, np.nan, decimals.rest)
    mantissa, base = np.where(is_odd, bits, 0), np.zeros(end - begin, np.int64)
    mantissa[is_decimal], base[is_decimal] = chained(
        decimals.mantissa[is_decimal], np.repeat(np.arange(len(lengths)), lengths)[is_decimal]
    )
    ends = [*range(GROUP_ROWS, end - begin, GROUP_ROWS), end - begin]
    # Where runs are short every miniblock has a jump, and fewer widths are fewer bytes.
    mini = SMALLEST if base.any() else 8 * SMALLEST
    times = time_pages(rows.ts_ms[batch], ends)
    mantissas = number_pages(mantissa, is_decimal | is_odd, ends, mini)
    for low, high, time, number in zip([0, *ends], ends, times, mantissas, strict=False):
        series, counts = runs.of(begin + low, begin + high)
        numbers = rows.series[begin + low + np.cumsum(counts) - counts]
        yield [
            text_page([one.name for one in series], counts),
            text_page([one.host for one in series], counts),
            integer_page(numbers, counts),
            time,
            number,
            repeated_page(base[low:high], is_decimal[low:high]),
            repeated_page(divisor[low:high], is_decimal[low:high]),
            double_page(rest[low:high], has_rest[low:high]),
        ]
