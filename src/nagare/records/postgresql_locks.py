"""Who may serve and who may replace records in PostgreSQL: advisory locks, which end with the connection that holds them.

The right to serve is held by the one connection that writes. So no write is ever made without it, however often that
connection is lost: the next one takes the right again or fails.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection

from nagare.errors import ConnectFailedError, LockedError, NagareError

# Our corner of the database's advisory locks ("naga"), and who holds what in it.
LOCKS = 0x6E616761
# Shared by every connection: a restore takes it alone, or is told that somebody works here.
IN_USE = 2
_SERVING = 3
# The database needs a moment to see that a killed server is gone.
_PATIENCE_SECONDS = 3
# How often, and how long between, the lock of a database is tried that must be nobody else's.
_TRIES, _PAUSE_SECONDS = 10, 0.1
_FREE_HINT = "stop the server that uses it, or give this one a database of its own"
_AGAIN_HINT = "start this server again, so that it reads them anew"


class Serving:
    """The right to serve one database."""

    def __init__(self, place: str) -> None:
        """Name the place, for messages."""
        self._place = place
        self._mark = f"served by {secrets.token_hex(8)}"
        self._has_served = False

    def take(self, connection: Any, _record: Any) -> None:
        """Take the right with a new connection, or close it.

        Raises LockedError at the start and ConnectFailedError later, when others wait for an answer.
        """
        try:
            self._wait(connection)
            self._compare_mark(connection)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self._has_served = True

    def _wait(self, connection: Any) -> None:
        from psycopg.errors import LockNotAvailable  # noqa: PLC0415  an extra: there when there is a connection

        connection.execute(f"SET LOCAL lock_timeout = '{_PATIENCE_SECONDS}s'")
        try:
            connection.execute(f"SELECT pg_advisory_lock({LOCKS}, {_SERVING})")
        except LockNotAvailable as error:
            raise self._refusal("another server works with them", _FREE_HINT) from error

    def _compare_mark(self, connection: Any) -> None:
        """Leave who serves in the comment of a table: what we know of records is old if another served in between."""
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone()[0] is None:
            return
        found = connection.execute("SELECT obj_description('alembic_version'::regclass)").fetchone()[0]
        if self._has_served and found is not None and found != self._mark:
            raise self._refusal("another server worked with them meanwhile", _AGAIN_HINT)
        connection.execute(f"COMMENT ON TABLE alembic_version IS '{self._mark}'")

    def _refusal(self, cause: str, hint: str) -> NagareError:
        message = f"cannot use records {self._place}: {cause}"
        if self._has_served:
            return ConnectFailedError(message, hint=hint, retry_after_seconds=10.0)
        return LockedError(message, hint=hint)


def take_alone(connection: Connection) -> None:
    """Keep everybody else out of the database until the transaction ends. Raises LockedError while somebody is in."""
    if connection.dialect.name != "postgresql":
        return
    # Who has just left is in for a moment still: the database lets go of it once it has read that the connection ended.
    for _ in range(_TRIES):
        if connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({LOCKS}, {IN_USE})").scalar_one():
            return
        connection.exec_driver_sql(f"SELECT pg_sleep({_PAUSE_SECONDS})")
    raise LockedError("cannot replace records: somebody works with the database", hint="stop the server first")
