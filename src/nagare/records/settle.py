"""Brings the records of a backup into the database that the configuration names: a file or PostgreSQL, from either."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Connection

from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConflictError
from nagare.records.dump import load_dump, opened, write_dump
from nagare.records.engine import read_revision
from nagare.records.postgresql_locks import take_alone

# In a backup, and in the directory that is kept: the records that were in PostgreSQL.
_DUMP = "records"


def settle_records(settings: Settings, old: Places, fresh: Places, *, may_replace: bool) -> None:
    """Put the records that ``fresh`` holds where they belong: all of them, or nothing is changed.

    What PostgreSQL held before is written into ``old``. Raises ConflictError, LockedError, ConnectFailedError.
    """
    dump = fresh.data / _DUMP
    if settings.records.url:
        if fresh.records.exists():
            _unload(fresh.records, dump)
        if dump.is_dir():
            _into_postgresql(settings, dump, old, may_replace=may_replace)
    elif dump.is_dir():
        with opened(fresh.records, None, writes=True) as connection:
            load_dump(connection, dump)
    shutil.rmtree(dump, ignore_errors=True)


def _unload(file: Path, dump: Path) -> None:
    dump.mkdir(mode=0o700)
    with opened(file, None) as connection:
        write_dump(connection, dump)
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()


def _into_postgresql(settings: Settings, dump: Path, old: Places, *, may_replace: bool) -> None:
    with opened(old.records, settings.records, writes=True) as connection:
        if read_revision(connection) is not None:
            if not may_replace:
                raise ConflictError(
                    "cannot restore records: the database of records.url is not empty",
                    hint="add --replace: what is there is kept beside the data directory",
                )
            _keep(connection, old.data / _DUMP)
        load_dump(connection, dump)


def _keep(connection: Connection, folder: Path) -> None:
    take_alone(connection)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    write_dump(connection, folder)
