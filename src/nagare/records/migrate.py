"""Brings the records database to the newest revision; the only module that loads alembic."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from nagare.errors import StorageError

_MIGRATIONS = Path(__file__).with_name("migrations")


def make_config(connection: Connection | None = None) -> Config:
    """Return alembic's configuration for the migrations of this package."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def keep_copy(path: Path, revision: str) -> None:
    """Copy the database beside itself before it is changed, named after the revision that it has (0600)."""
    copy = path.with_name(f"{path.stem}-{revision}{path.suffix}")
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def upgrade(connection: Connection) -> None:
    """Run the missing migrations inside the caller's transaction: all of them or none.

    Raises StorageError for a database that a newer version of Nagare has written.
    """
    try:
        command.upgrade(make_config(connection), "head")
    except CommandError as error:
        raise StorageError(
            f"cannot use records: a newer version of Nagare wrote them ({error})",
            hint="start the newer version, or restore a backup made by this one",
        ) from error
