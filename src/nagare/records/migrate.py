"""Brings the records database to the newest revision; the only module that loads alembic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the missing migrations inside the caller's transaction: all of them or none.

    Raises StorageError for a database that a newer version of Nagare has written.
    """
    if connection.dialect.name == "postgresql":
        # A table is rewritten in the time that it takes.
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    with _known():
        command.upgrade(make_config(connection), revision)


def remove_all(connection: Connection) -> None:
    """Remove every table of ours, inside the caller's transaction. Raises StorageError as ``upgrade`` does."""
    with _known():
        command.downgrade(make_config(connection), "base")


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise StorageError(
            f"cannot use records: a newer version of Nagare wrote them ({error})",
            hint="start the newer version, or restore a backup made by this one",
        ) from error
