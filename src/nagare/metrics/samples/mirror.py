"""The series table as DuckDB sees it: filled from memory when a statement or a flush needs it, only with what is new."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

import duckdb
import numpy as np

from nagare.metrics import arrays
from nagare.metrics.engine import HEAD_SCHEMA, Engine
from nagare.metrics.samples.series import SeriesTable
from nagare.metrics.samples.wanted import Wanted
from nagare.wire.codec import encode

SERIES = f"{HEAD_SCHEMA}.series"
# Apart from names and hosts, because to fill them in takes three times as long and few statements name them.
LABELS = f"{HEAD_SCHEMA}.labels"
_COLUMNS = {SERIES: "id INTEGER, name VARCHAR, host VARCHAR", LABELS: "id INTEGER, labels MAP(VARCHAR, VARCHAR)"}

# Answers of ``wanted`` that are remembered, and how large each and its condition are at the most.
_KEPT, _KEPT_BYTES, _WHERE_LENGTH = 128, 65_536, 4096


class SeriesMirror:
    """Keeps ``head.series`` and ``head.labels`` up to the series table."""

    def __init__(self, series: SeriesTable, engine: Engine) -> None:
        """Mirror ``series`` in whatever database ``engine`` has open."""
        self._series = series
        self._engine = engine
        # One at a time, so that no series is filled in twice.
        self._filling = threading.Lock()
        # The database that was filled last and how many numbers were given then: asking it costs as much as some statements.
        self._filled = dict.fromkeys(_COLUMNS, (0, 0))
        # Guards _kept; held for moments.
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int, str], Wanted] = OrderedDict()

    def fill(self, cursor: duckdb.DuckDBPyConnection, *, with_labels: bool) -> None:
        """Add the series that are new. Raises duckdb.Error."""
        filled = (self._engine.opened, len(self._series))
        for table in (SERIES, LABELS) if with_labels else (SERIES,):
            if filled != self._filled[table]:
                with self._filling:
                    self._fill(cursor, table)
                    self._filled[table] = filled

    def wanted(self, cursor: duckdb.DuckDBPyConnection, where: str) -> Wanted:
        """Return the series for which ``where`` holds, a condition on name and host made by us; after ``fill``. Raises duckdb.Error."""
        # No series changes its name or host, so as many of them give the same ones; there may be more by now.
        key = (*self._filled[SERIES], where)
        with self._lock:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return known
        found = Wanted(cursor.execute(f"SELECT id FROM {SERIES} WHERE {where}").fetchnumpy()["id"])  # noqa: S608  made by us
        if found.size_bytes <= _KEPT_BYTES and len(where) <= _WHERE_LENGTH:
            with self._lock:
                self._kept[key] = found
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return found

    def are_named(self, numbers: Iterable[int], told: Iterable[tuple[str, str]]) -> bool:
        """Tell whether the series of ``numbers`` are known by the names and hosts that are ``told`` of them."""
        return all(self._series.is_named(number, *of) for number, of in zip(numbers, told, strict=True))

    def _fill(self, cursor: duckdb.DuckDBPyConnection, table: str) -> None:
        start = _start(cursor, table)
        if start >= len(self._series):
            return
        listed = self._series.listed(start)
        if not listed:
            return
        columns = {"id": np.array([number for number, _ in listed], np.int32)}
        if table == SERIES:
            columns["name"] = arrays.text_array([series.name for _, series in listed])
            columns["host"] = arrays.text_array([series.host for _, series in listed])
            items = "CAST(name AS VARCHAR), CAST(host AS VARCHAR)"
        else:
            columns["labels"] = arrays.text_array([encode(dict(series.labels)).decode() for _, series in listed])
            items = "CAST(CAST(labels AS JSON) AS MAP(VARCHAR, VARCHAR))"
        cursor.register("fresh_series", columns)
        cursor.execute(f"INSERT INTO {table} SELECT CAST(id AS INTEGER), {items} FROM fresh_series")  # noqa: S608  ours
        cursor.unregister("fresh_series")


def _start(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return the first number that is not filled in; asked of the database, which may have begun anew."""
    try:
        ((start,),) = cursor.execute(f"SELECT coalesce(max(id) + 1, 0) FROM {table}").fetchall()  # noqa: S608  ours
    except duckdb.CatalogException:
        cursor.execute(f"CREATE TABLE {table} ({_COLUMNS[table]})")
        return 0
    return int(start)
