"""Records as files that belong to no database: one line of JSON a row, one file a table, and what revision they have.

What is written on one database is read into the other. Tables come from the database, not from the code, so an older
revision is brought in as it was and then upgraded like an installation of that age.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, MetaData, Table, insert, select

from nagare.config.settings import RecordsSettings
from nagare.errors import InputError, StorageError
from nagare.records.engine import make_backend, read_revision
from nagare.records.faults import translated
from nagare.records.postgresql_locks import take_alone

ABOUT = "about.json"
_VERSION = 1
# Rows in memory at one time.
_PIECE = 1_000


def write_dump(connection: Connection, folder: Path) -> list[Path]:
    """Write all rows that the transaction sees into the empty ``folder``; return the files. Raises StorageError, OSError."""
    revision = read_revision(connection)
    if revision is None:
        raise StorageError("cannot copy records: there are none", hint="start the server once, or check records.url")
    _without_deadline(connection)
    counts, files = {}, []
    for table in _tables(connection):
        file = folder / f"{table.name}.ndjson"
        with file.open("x", encoding="utf-8") as sink:
            counts[table.name] = 0
            for row in connection.execute(select(table), execution_options={"yield_per": _PIECE}).mappings():
                sink.write(json.dumps(dict(row), ensure_ascii=False) + "\n")
                counts[table.name] += 1
        files.append(file)
    about = folder / ABOUT
    about.write_text(json.dumps({"version": _VERSION, "revision": revision, "rows": counts}), encoding="utf-8")
    return [*files, about]


def load_dump(connection: Connection, folder: Path) -> int:
    """Put what ``folder`` holds in the place of all rows, inside the caller's transaction; return how many rows.

    Raises InputError for files that do not fit together, LockedError while somebody else is in the database,
    StorageError for what a newer version wrote.
    """
    from nagare.records.migrate import remove_all, upgrade  # noqa: PLC0415  loads alembic

    revision, counts = _read_about(folder)
    take_alone(connection)
    _without_deadline(connection)
    if read_revision(connection) is not None:
        remove_all(connection)
    upgrade(connection, revision)
    tables = _tables(connection)
    if {table.name for table in tables} != counts.keys():
        raise InputError(f"cannot bring records in: they hold other tables than revision {revision} has")
    for table in tables:
        found = _load_table(connection, table, folder / f"{table.name}.ndjson")
        if found != counts[table.name]:
            raise InputError(f"cannot bring records in: {table.name} has {found} rows, not {counts[table.name]}")
    upgrade(connection)
    return sum(counts.values())


@contextmanager
def opened(path: Path, settings: RecordsSettings | None, *, writes: bool = False) -> Iterator[Connection]:
    """Yield one transaction of records without a server: of the database that ``settings`` name, else of ``path``.

    Raises ConnectFailedError, StorageError.
    """
    backend = make_backend(path, settings)
    with translated(f"{'write' if writes else 'read'} records {backend.place}"):
        if writes:
            backend.prepare()
        engine = backend.make_engine(1, writes=writes)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()


def _load_table(connection: Connection, table: Table, file: Path) -> int:
    count = 0
    with file.open(encoding="utf-8") as lines:
        rows = (_row(table, line) for line in lines)
        while piece := list(islice(rows, _PIECE)):
            connection.execute(insert(table), piece)
            count += len(piece)
    return count


def _row(table: Table, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or row.keys() != set(table.columns.keys()):
        raise InputError(f"cannot bring records in: {table.name} holds a line that is no row of it")
    return row


def _read_about(folder: Path) -> tuple[str, dict[str, int]]:
    try:
        about = json.loads((folder / ABOUT).read_bytes())
        if about["version"] == _VERSION:
            return str(about["revision"]), {str(name): int(rows) for name, rows in about["rows"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("cannot bring records in: they do not say what they are") from error
    raise InputError("cannot bring records in: a newer version of Nagare wrote them")


def _tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    found.remove(found.tables["alembic_version"])
    for table in found.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, JSON):
                # A row without a value is not a row with JSON's null.
                column.type.none_as_null = bool(column.nullable)
    return found.sorted_tables


def _without_deadline(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
