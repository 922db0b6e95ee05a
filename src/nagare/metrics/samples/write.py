"""Makes blocks of the head's samples: one for each UTC day, sorted by name, host, series and time.

A stale marker is null in all columns of values. A value that is no number has NaN in ``raw`` and its bits, which
readers do not keep apart, in ``mantissa``, without a divisor. How others are computed says ``formula``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.files import DAY_MS, BlockFiles, Origin, Span
from nagare.metrics.head import Generation
from nagare.metrics.parquet.runs import run_starts
from nagare.metrics.samples.admit import taken
from nagare.metrics.samples.formula import FORMULA, exact_rows
from nagare.metrics.samples.layout import COLUMNS as LAYOUT
from nagare.metrics.samples.layout import Runs, Scales, write_file
from nagare.metrics.samples.order import in_order
from nagare.metrics.samples.series import SeriesTable
from nagare.model.samples import STALE_BITS, Samples

TABLE = "samples"
COLUMNS = tuple(LAYOUT)
ORDER = ("name", "host", "series", "ts")
# Of zstd: what lies in few bits already gains a fiftieth by level 9, for a quarter more time. Old blocks get more.
LEVEL = 3


@dataclass(frozen=True, slots=True)
class SampleWriter:
    """Writes the samples of sealed generations; used by the store's maintenance thread alone."""

    files: BlockFiles
    series: SeriesTable
    scales: Scales = field(default_factory=Scales)

    def write(self, generation: Generation) -> Iterator[Block]:
        """Yield each block once it is whole on disk. Raises OSError."""
        parts = [Samples(rows.series, rows.ts_ms, rows.values) for rows in generation.samples.rows()]
        if not parts:
            return
        low = min(int(part.ts_ms.min()) for part in parts) // DAY_MS
        high = max(int(part.ts_ms.max()) for part in parts) // DAY_MS
        origin = Origin(TABLE, COLUMNS, ORDER, generation.first_index, generation.last_index)
        for day in range(low, high + 1):
            of_day = parts if low == high else [_of_day(part, day) for part in parts]
            if any(map(len, of_day)):
                yield self._write_day(in_order(of_day, self.series.ranks()), origin, self.scales)

    def merge(self, cursor: duckdb.DuckDBPyConnection, group: Sequence[Block], level: int = LEVEL) -> Block:
        """Write one block with the samples of ``group``, all of one day. Raises duckdb.Error or OSError."""
        found = cursor.execute(exact_rows(group, str(self.files.directory))).fetchnumpy()
        samples = Samples(found["series"], stored_times(found["ts"]), stored_values(found["value"]))
        first, last = min(block.log_first for block in group), max(block.log_last for block in group)
        origin = Origin(TABLE, COLUMNS, ORDER, first, last, tuple(block.id for block in group), level)
        return self._write_day(in_order([samples], self.series.ranks()), origin, Scales())

    def _write_day(self, rows: Samples, origin: Origin, scales: Scales) -> Block:
        starts = run_starts(rows.series)
        runs = Runs(starts, [self.series.get(number) for number in rows.series[starts].tolist()])
        span = Span(int(rows.ts_ms.min()), int(rows.ts_ms.max()), len(rows))
        facts = {**origin.facts(), "nagare_value": FORMULA.value}
        return self.files.place(origin, span, lambda path: write_file(path, rows, runs, scales, facts, origin.level))


def stored_times(found: Any) -> NDArray[np.int64]:
    """Return times as they came from a block, as Unix milliseconds."""
    times: NDArray[np.int64] = found.astype("datetime64[ms]").view(np.int64)
    return times


def stored_values(found: Any) -> NDArray[np.float64]:
    """Return values as they came from a block: what is null there is a stale marker."""
    if not isinstance(found, np.ma.MaskedArray):
        values: NDArray[np.float64] = found
        return values
    bits = np.where(np.ma.getmaskarray(found), STALE_BITS, found.data.view(np.int64))
    return bits.view(np.float64)


def _of_day(samples: Samples, day: int) -> Samples:
    return taken(samples, np.flatnonzero(samples.ts_ms // DAY_MS == day))
