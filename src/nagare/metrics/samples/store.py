"""What the catalog keeps of samples: series, metadata, and the newest sample of each series at the checkpoint.

The newest samples are columns in a few large values: they change as a whole at every checkpoint, and a row a series
would cost more than the block.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import numpy as np

from nagare.metrics.samples.changes import SampleChanges
from nagare.metrics.samples.newest import NewestRows
from nagare.model.samples import MetricMetadata, Series
from nagare.wire.codec import decode, encode

# Series in one value: 20 bytes each, far below what SQLite takes.
PART_SERIES = 1 << 18


def read(connection: sqlite3.Connection) -> SampleChanges:
    """Return all that the catalog holds."""
    series = connection.execute("SELECT number, name, host, labels FROM series ORDER BY number")
    definitions = tuple((number, Series(name, _labels(labels), host)) for number, name, host, labels in series)
    metadata = connection.execute("SELECT name, type, unit, help FROM metric_metadata").fetchall()
    given = connection.execute("SELECT value FROM facts WHERE name = 'series_given'").fetchone()
    newest = _read_newest(connection)
    return SampleChanges(
        definitions, tuple(MetricMetadata(*row) for row in metadata), newest, int(given[0]) if given else 0
    )


def write(connection: sqlite3.Connection, changes: SampleChanges) -> None:
    """Write ``changes`` in the open transaction."""
    connection.executemany(
        "INSERT OR IGNORE INTO series VALUES (?, ?, ?, ?)",
        [(number, each.name, each.host, encode(each.labels).decode()) for number, each in changes.definitions],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO metric_metadata VALUES (?, ?, ?, ?)",
        [(each.name, each.type, each.unit, each.help) for each in changes.metadata],
    )
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('series_given', ?)", (changes.given,))
    _write_newest(connection, changes.newest)


def forget(connection: sqlite3.Connection, numbers: Iterable[int], given: int) -> None:
    """Forget the newest samples of series in the open transaction; none of the ``given`` numbers is given again.

    Their names stay: rollups outlive raw rows by years, and have a series by its number.
    """
    newest = _read_newest(connection)
    kept = ~np.isin(newest.series, np.fromiter(numbers, np.int32))
    _write_newest(connection, NewestRows(newest.series[kept], newest.ts_ms[kept], newest.values[kept]))
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('series_given', ?)", (given,))


def _read_newest(connection: sqlite3.Connection) -> NewestRows:
    parts = connection.execute("SELECT series, ts_ms, value FROM newest ORDER BY part").fetchall()
    return NewestRows(
        np.frombuffer(b"".join(part[0] for part in parts), "<i4"),
        np.frombuffer(b"".join(part[1] for part in parts), "<i8"),
        np.frombuffer(b"".join(part[2] for part in parts), "<f8"),
    )


def _write_newest(connection: sqlite3.Connection, newest: NewestRows) -> None:
    connection.execute("DELETE FROM newest")
    connection.executemany(
        "INSERT INTO newest VALUES (?, ?, ?, ?)",
        [
            (
                start,
                newest.series[start : start + PART_SERIES].astype("<i4").tobytes(),
                newest.ts_ms[start : start + PART_SERIES].astype("<i8").tobytes(),
                newest.values[start : start + PART_SERIES].astype("<f8").tobytes(),
            )
            for start in range(0, len(newest.series), PART_SERIES)
        ],
    )


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(decode(text.encode(), list[tuple[str, str]]))
