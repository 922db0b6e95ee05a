"""Gives a new catalog what it must know of samples: series from their files, the newest samples from the blocks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import numpy as np

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.verify import find_undecodable
from nagare.metrics.engine import Engine, storage_error
from nagare.metrics.samples.changes import SampleChanges
from nagare.metrics.samples.formula import exact_rows, sources
from nagare.metrics.samples.newest import NewestRows
from nagare.metrics.samples.series_files import SeriesFiles
from nagare.metrics.samples.write import TABLE, stored_times, stored_values
from nagare.metrics.sql.macros import TIME_KEY
from nagare.model.samples import Series

_NOTHING = NewestRows(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float64))


def recovered(engine: Engine, metrics: Path, blocks: Iterable[Block]) -> SampleChanges:
    """Return what files and ``blocks`` below ``metrics`` say. Raises StorageError."""
    found = [block for block in blocks if block.table == TABLE]
    if not found and not SeriesFiles(metrics).paths():
        # An installation that begins: DuckDB can wait.
        return SampleChanges((), (), _NOTHING)
    try:
        with engine.cursor() as cursor:
            try:
                return _told(cursor, metrics, found)
            except duckdb.Error:
                # A block that does not read back is found by whoever reads it; the others still tell what they know.
                whole = [block for block in found if not find_undecodable(cursor, metrics / block.path)]
                return _told(cursor, metrics, whole)
    except duckdb.Error as error:
        raise storage_error("read samples of", metrics, error) from error


def with_newer(kept: SampleChanges, found: SampleChanges) -> SampleChanges:
    """Return what a catalog that knows ``kept`` must know once the blocks of ``found`` count too."""
    series = np.concatenate([kept.newest.series, found.newest.series])
    times = np.concatenate([kept.newest.ts_ms, found.newest.ts_ms])
    values = np.concatenate([kept.newest.values, found.newest.values])
    order = np.lexsort((times, series))
    series, times, values = series[order], times[order], values[order]
    is_last = np.append(series[1:] != series[:-1], True)[: len(series)]
    newest = NewestRows(series[is_last], times[is_last], values[is_last])
    return SampleChanges(found.definitions, (), newest, kept.given)


def _told(cursor: duckdb.DuckDBPyConnection, metrics: Path, blocks: list[Block]) -> SampleChanges:
    definitions = dict(SeriesFiles(metrics).load(cursor))
    definitions |= {number: series for number, series in _named(cursor, metrics, blocks) if number not in definitions}
    return SampleChanges(tuple(sorted(definitions.items())), (), _newest(cursor, metrics, blocks))


def _named(cursor: duckdb.DuckDBPyConnection, metrics: Path, blocks: list[Block]) -> list[tuple[int, Series]]:
    """Return what blocks say of their series: name and host, and the number in place of the labels."""
    found = [
        row
        for _, source in sources(blocks, str(metrics))
        for row in cursor.execute(f"SELECT DISTINCT series, name, host FROM {source}").fetchall()  # noqa: S608  ours
    ]
    return [(number, Series(name, (("series", str(number)),), host)) for number, name, host in found]


def _newest(cursor: duckdb.DuckDBPyConnection, metrics: Path, blocks: list[Block]) -> NewestRows:
    if not blocks:
        return _NOTHING
    found = cursor.execute(
        f"SELECT series, max(ts) AS ts, arg_max_null(value, {TIME_KEY}(ts)) AS value "  # noqa: S608  made by us
        f"FROM ({exact_rows(blocks, str(metrics))}) GROUP BY series ORDER BY series"
    ).fetchnumpy()
    return NewestRows(found["series"], stored_times(found["ts"]), stored_values(found["value"]))
