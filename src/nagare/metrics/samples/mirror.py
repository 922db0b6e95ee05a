"""The series table as DuckDB sees it: filled from memory when a statement or a flush needs it, only with what is new."""

from __future__ import annotations

import threading

import duckdb
import numpy as np

from nagare.metrics import arrays
from nagare.metrics.engine import HEAD_SCHEMA
from nagare.metrics.samples.series import SeriesTable
from nagare.wire.codec import encode

SERIES = f"{HEAD_SCHEMA}.series"
_COLUMNS = "id INTEGER, name VARCHAR, host VARCHAR, labels MAP(VARCHAR, VARCHAR)"


class SeriesMirror:
    """Keeps ``head.series`` up to the series table."""

    def __init__(self, series: SeriesTable) -> None:
        """Mirror ``series``."""
        self._series = series
        # One at a time, so that no series is filled in twice.
        self._filling = threading.Lock()

    def fill(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Add the series that are new. Raises duckdb.Error."""
        with self._filling:
            start = self._start(cursor)
            if start >= len(self._series):
                return
            listed = self._series.listed(start)
            if not listed:
                return
            cursor.register(
                "fresh_series",
                {
                    "id": np.array([number for number, _ in listed], np.int32),
                    "name": arrays.text_array([series.name for _, series in listed]),
                    "host": arrays.text_array([series.host for _, series in listed]),
                    "labels": arrays.text_array([encode(dict(series.labels)).decode() for _, series in listed]),
                },
            )
            cursor.execute(
                f"INSERT INTO {SERIES} SELECT CAST(id AS INTEGER), CAST(name AS VARCHAR), CAST(host AS VARCHAR), "  # noqa: S608  ours
                "CAST(CAST(labels AS JSON) AS MAP(VARCHAR, VARCHAR)) FROM fresh_series"
            )
            cursor.unregister("fresh_series")

    def _start(self, cursor: duckdb.DuckDBPyConnection) -> int:
        """Return the first number that is not filled in; asked of the database, which may have begun anew."""
        try:
            ((start,),) = cursor.execute(f"SELECT coalesce(max(id) + 1, 0) FROM {SERIES}").fetchall()  # noqa: S608  ours
        except duckdb.CatalogException:
            cursor.execute(f"CREATE TABLE {SERIES} ({_COLUMNS})")
            return 0
        return int(start)
