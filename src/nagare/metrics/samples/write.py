"""Makes blocks of the head's samples: one for each UTC day, sorted by name, host, series and time.

A value is ``coalesce(mantissa / divisor, raw)``, bit for bit; a stale marker has neither and is null. A value that is
no number has NaN in ``raw`` and its bits, which Parquet writers do not keep apart, in ``mantissa``, without a divisor.
The rows are sorted and taken apart by numpy; DuckDB looks up the names and writes the file as the rows come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from nagare.metrics.arrays import text_array
from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.files import DAY_MS, BlockFiles, Origin, Span
from nagare.metrics.engine import quote_text
from nagare.metrics.head import Generation
from nagare.metrics.samples.admit import joined, taken
from nagare.metrics.samples.decimal import Decimals, to_decimals
from nagare.metrics.samples.order import in_order
from nagare.metrics.samples.series import SeriesTable
from nagare.model.samples import STALE_BITS, Samples, Series

TABLE = "samples"
COLUMNS = ("name", "host", "series", "ts", "mantissa", "divisor", "raw")
ORDER = ("name", "host", "series", "ts")
VALUE_SQL = "coalesce(mantissa / divisor, raw)"
# The same, and of what is no number the bits too.
EXACT_SQL = f"CASE WHEN divisor IS NULL AND mantissa IS NOT NULL THEN CAST(CAST(mantissa AS BIT) AS DOUBLE) ELSE {VALUE_SQL} END"
# Measured, see docs/explanation/storage-format.md: a dictionary of times costs thirty times what their differences do,
# and larger row groups are neither smaller nor faster.
OPTIONS = "COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE 61440, DICTIONARY_SIZE_LIMIT 4096"
# Hosts that are few are written by their numbers, in a third of the time that it takes to find each in a dictionary. Every
# row group then lists all of them and tells no bounds of its own; where hosts are many, bounds are worth more. The bounds
# of names always are: they are how a metric finds its row groups.
ENUM_LIMIT = 256
# A merged block stays: a fifth more time for a twentieth less room.
MERGE_LEVEL = 9


class Scales:
    """How many decimals each series had in its last block: the next one begins there and mostly finds it so."""

    __slots__ = ("_scales",)

    def __init__(self) -> None:
        """Begin with none."""
        self._scales = np.zeros(0, np.uint8)

    def of(self, numbers: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Return the decimals of each series."""
        missing = int(numbers.max()) + 1 - len(self._scales)
        if missing > 0:
            self._scales = np.append(self._scales, np.zeros(missing, np.uint8))
        return self._scales[numbers]

    def put(self, numbers: NDArray[np.int32], scales: NDArray[np.uint8]) -> None:
        """Keep the decimals of each series."""
        self._scales[numbers] = scales


@dataclass(frozen=True, slots=True)
class SampleWriter:
    """Writes the samples of sealed generations; used by the store's maintenance thread alone."""

    files: BlockFiles
    series: SeriesTable
    scales: Scales = field(default_factory=Scales)

    def write(self, cursor: duckdb.DuckDBPyConnection, generation: Generation) -> Iterator[Block]:
        """Yield each block once it is whole on disk. Raises duckdb.Error or OSError."""
        parts = [Samples(rows.series, rows.ts_ms, rows.values) for rows in generation.samples.rows()]
        if not parts:
            return
        low = min(int(part.ts_ms.min()) for part in parts) // DAY_MS
        high = max(int(part.ts_ms.max()) for part in parts) // DAY_MS
        origin = Origin(TABLE, COLUMNS, ORDER, generation.first_index, generation.last_index)
        for day in range(low, high + 1):
            of_day = parts if low == high else [_of_day(part, day) for part in parts]
            if any(map(len, of_day)):
                # Not kept in a name: the copies of a whole head are let go one by one.
                yield self._write_day(cursor, in_order(joined(of_day), self.series.ranks()), origin, self.scales)

    def merge(self, cursor: duckdb.DuckDBPyConnection, group: Sequence[Block], level: int = MERGE_LEVEL) -> Block:
        """Write one block with the samples of ``group``, all of one day. Raises duckdb.Error or OSError."""
        paths = ", ".join(quote_text(str(self.files.directory / block.path)) for block in group)
        found = cursor.execute(
            f"SELECT series, ts, {EXACT_SQL} AS value FROM read_parquet([{paths}], hive_partitioning = false)"  # noqa: S608  ours
        ).fetchnumpy()
        samples = Samples(found["series"], stored_times(found["ts"]), stored_values(found["value"]))
        first, last = min(block.log_first for block in group), max(block.log_last for block in group)
        origin = Origin(TABLE, COLUMNS, ORDER, first, last, tuple(block.id for block in group), level)
        return self._write_day(cursor, in_order(samples, self.series.ranks()), origin, Scales())

    def _write_day(self, cursor: duckdb.DuckDBPyConnection, rows: Samples, origin: Origin, scales: Scales) -> Block:
        starts = np.flatnonzero(np.append(True, rows.series[1:] != rows.series[:-1]))
        numbers = rows.series[starts]
        _name(cursor, numbers, [self.series.get(number) for number in numbers.tolist()])
        decimals = to_decimals(rows.values, starts, scales.of(numbers))
        scales.put(numbers, decimals.scales)
        cursor.register("sorted", _columns(rows, decimals))
        span = Span(int(rows.ts_ms.min()), int(rows.ts_ms.max()), len(rows))
        try:
            return self.files.place(origin, span, lambda path: _copy(cursor, origin, path))
        finally:
            cursor.unregister("sorted")


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


def _name(cursor: duckdb.DuckDBPyConnection, numbers: NDArray[np.int32], series: Sequence[Series]) -> None:
    """Let ``cursor`` see name and host of ``numbers`` as its table ``known``."""
    names, hosts = [each.name for each in series], [each.host for each in series]
    cursor.register("given", {"id": numbers, "name": text_array(names), "host": text_array(hosts)})
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE known AS SELECT id, CAST(name AS VARCHAR) AS name, CAST(host AS {_host_type(hosts)}) AS host FROM given"  # noqa: S608  made by us
    )
    cursor.unregister("given")


def _host_type(hosts: Sequence[str]) -> str:
    distinct = set(hosts)
    if len(distinct) > ENUM_LIMIT:
        return "VARCHAR"
    return f"ENUM ({', '.join(map(quote_text, sorted(distinct)))})"


def _columns(rows: Samples, decimals: Decimals) -> dict[str, Any]:
    is_raw = ~decimals.is_decimal
    bits = rows.values.view(np.int64)
    is_odd = np.isnan(rows.values) & (bits != STALE_BITS)
    return {
        "series": rows.series,
        "ts": rows.ts_ms.view("datetime64[ms]"),
        "mantissa": np.ma.MaskedArray(np.where(is_odd, bits, decimals.mantissa), is_raw & ~is_odd),
        "divisor": np.ma.MaskedArray(decimals.divisor, is_raw),
        # DuckDB takes every NaN of an array for null; those that are values become NaN again on the way out.
        "raw": np.ma.MaskedArray(rows.values, decimals.is_decimal),
    }


def _copy(cursor: duckdb.DuckDBPyConnection, origin: Origin, path: Path) -> None:
    facts = {**origin.facts(), "nagare_value": VALUE_SQL}
    stored = ", ".join(f"{key}: {quote_text(value)}" for key, value in facts.items())
    cursor.execute(
        "COPY (SELECT known.name, known.host, sorted.series, CAST(ts AS TIMESTAMP_MS) AS ts, mantissa, divisor, "  # noqa: S608  made by us
        "CASE WHEN divisor IS NULL AND mantissa IS NOT NULL THEN CAST('NaN' AS DOUBLE) ELSE raw END AS raw "
        "FROM sorted LEFT JOIN known ON known.id = sorted.series) "
        f"TO {quote_text(str(path))} (FORMAT parquet, {OPTIONS}, COMPRESSION_LEVEL {origin.level}, KV_METADATA {{{stored}}})"
    )
