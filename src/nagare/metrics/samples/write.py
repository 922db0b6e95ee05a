"""Makes blocks of the head's samples: one for each UTC day, sorted by name, host, series and time.

A value is ``coalesce(mantissa / divisor, raw)``, bit for bit; a stale marker has neither and is null. The rows are
sorted and taken apart by numpy; DuckDB looks up the names and writes the file as the rows come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.files import DAY_MS, BlockFiles, Origin, Span
from nagare.metrics.engine import quote_text
from nagare.metrics.head import Generation
from nagare.metrics.samples.admit import joined, taken
from nagare.metrics.samples.decimal import Decimals, to_decimals
from nagare.metrics.samples.mirror import SERIES, SeriesMirror
from nagare.metrics.samples.order import in_order
from nagare.metrics.samples.series import SeriesTable
from nagare.model.samples import STALE_BITS, Samples

TABLE = "samples"
COLUMNS = ("name", "host", "series", "ts", "mantissa", "divisor", "raw")
ORDER = ("name", "host", "series", "ts")
VALUE_SQL = "coalesce(mantissa / divisor, raw)"
OPTIONS = "COMPRESSION zstd, COMPRESSION_LEVEL 3, PARQUET_VERSION v2, ROW_GROUP_SIZE 122880"


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
    mirror: SeriesMirror
    scales: Scales = field(default_factory=Scales)

    def write(self, cursor: duckdb.DuckDBPyConnection, generation: Generation) -> Iterator[Block]:
        """Yield each block once it is whole on disk. Raises duckdb.Error or OSError."""
        parts = [Samples(rows.series, rows.ts_ms, rows.values) for rows in generation.samples.rows()]
        if not parts:
            return
        self.mirror.fill(cursor)
        samples = joined(parts)
        days = samples.ts_ms // DAY_MS
        low, high = int(days.min()), int(days.max())
        for day in range(low, high + 1):
            of_day = samples if low == high else taken(samples, np.flatnonzero(days == day))
            if len(of_day):
                yield self._write_day(cursor, of_day, generation)

    def _write_day(self, cursor: duckdb.DuckDBPyConnection, samples: Samples, generation: Generation) -> Block:
        rows = in_order(samples, self.series.ranks())
        cursor.register("sorted", _columns(rows, self._decimals(rows)))
        origin = Origin(TABLE, COLUMNS, ORDER, generation.first_index, generation.last_index)
        span = Span(int(rows.ts_ms.min()), int(rows.ts_ms.max()), len(rows))
        try:
            return self.files.place(origin, span, lambda path: _copy(cursor, origin, path))
        finally:
            cursor.unregister("sorted")

    def _decimals(self, rows: Samples) -> Decimals:
        starts = np.flatnonzero(np.append(True, rows.series[1:] != rows.series[:-1]))
        numbers = rows.series[starts]
        decimals = to_decimals(rows.values, starts, self.scales.of(numbers))
        self.scales.put(numbers, decimals.scales)
        return decimals


def _columns(rows: Samples, decimals: Decimals) -> dict[str, Any]:
    is_raw = ~decimals.is_decimal
    bits = rows.values.view(np.int64)
    is_odd = np.isnan(rows.values) & (bits != STALE_BITS)
    columns: dict[str, Any] = {
        "series": rows.series,
        "ts": rows.ts_ms.view("datetime64[ms]"),
        "mantissa": np.ma.MaskedArray(decimals.mantissa, is_raw),
        "divisor": np.ma.MaskedArray(decimals.divisor, is_raw),
        # DuckDB takes every NaN for null, so those that are values come by their bits.
        "raw": np.ma.MaskedArray(rows.values, decimals.is_decimal),
        "bits": np.ma.MaskedArray(bits, ~is_odd),
    }
    return columns


def _copy(cursor: duckdb.DuckDBPyConnection, origin: Origin, path: Path) -> None:
    facts = {**origin.facts(), "nagare_value": VALUE_SQL}
    stored = ", ".join(f"{key}: {quote_text(value)}" for key, value in facts.items())
    cursor.execute(
        "COPY (SELECT known.name, known.host, sorted.series, CAST(ts AS TIMESTAMP_MS) AS ts, mantissa, divisor, "  # noqa: S608  made by us
        "CASE WHEN bits IS NULL THEN raw ELSE CAST(CAST(bits AS BIT) AS DOUBLE) END AS raw "
        f"FROM sorted LEFT JOIN {SERIES} AS known ON known.id = sorted.series) "
        f"TO {quote_text(str(path))} (FORMAT parquet, {OPTIONS}, KV_METADATA {{{stored}}})"
    )
