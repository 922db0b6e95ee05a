"""Records in a PostgreSQL database.

A write begins with one advisory lock of the database, so that writes come one after the other as they do on SQLite,
migrations and restores among them: stores may read and then insert, and the audit chain has one end. The database lets
go of the lock when a transaction or its connection ends, so a killed process leaves nothing behind.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from nagare.config.settings import RecordsSettings
from nagare.errors import ConfigError
from nagare.records.postgresql_locks import IN_USE, LOCKS, Serving

_WRITING = 1
_CONNECT_SECONDS = 5
# Longer than any write of ours takes; a migration of another server may hold the lock as long.
_LOCK_SECONDS = 30
_STATEMENT_SECONDS = 60


class PostgresBackend:
    """The database that ``settings.url`` names."""

    def __init__(self, settings: RecordsSettings) -> None:
        """Read the address; nothing is opened. Raises ConfigError."""
        self._settings = settings
        self._url = _driver_url(settings.url)
        self.readers = settings.connections
        self._serving: Serving | None = None
        bare = URL.create("postgresql", host=self._url.host, port=self._url.port, database=self._url.database)
        self.place = bare.render_as_string()

    def serve_alone(self) -> None:
        """Let the writing connection hold the right to serve, which one server at a time has."""
        self._serving = Serving(self.place)

    def prepare(self) -> None:
        """Do nothing: the database is there, or connecting says that it is not."""

    def make_engine(self, connections: int, *, writes: bool) -> Engine:
        """Return an engine that asks before it trusts a connection which lay idle, and opens another if it is gone."""
        try:
            engine = create_engine(
                self._url,
                pool_size=connections,
                max_overflow=0,
                pool_pre_ping=True,
                connect_args={"connect_timeout": _CONNECT_SECONDS, "application_name": "nagare"},
            )
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"cannot use records.url: {error.name} is not installed", hint="pip install 'nagare[postgres]'"
            ) from error
        event.listen(engine, "do_connect", self._add_password)
        event.listen(engine, "connect", _set_up_writer if writes else _set_up_reader)
        if writes:
            event.listen(engine, "begin", _queue_for_writing)
        if writes and self._serving is not None:
            event.listen(engine, "connect", self._serving.take)
        return engine

    def keep_copy(self, revision: str) -> None:
        """Keep none: migrations are one transaction here, and copies are the database's owner's."""

    def _add_password(self, _dialect: Any, _record: Any, _arguments: Any, named: dict[str, Any]) -> None:
        # At each connect, so that a changed password needs no restart. libpq's own sources stand without the file.
        file = self._settings.password_file
        if file is not None:
            named["password"] = file.read_text(encoding="utf-8").rstrip("\r\n")


def _driver_url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ConfigError(
            "cannot use records.url: it is no URL, such as postgresql://nagare@db.example/nagare"
        ) from error
    url = url.set(drivername="postgresql+psycopg")
    if url.host and not _is_near(url.host) and "sslmode" not in url.query:
        # libpq's default goes on in the clear when a server, or who stands between, says so.
        url = url.update_query_dict({"sslmode": "verify-full"})
        if "sslrootcert" not in url.query:
            url = url.update_query_dict({"sslrootcert": "system"})
    return url


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _set_up_writer(connection: Any, _record: Any) -> None:
    _set_up(connection, "SET default_transaction_isolation = 'read committed'")


def _set_up_reader(connection: Any, _record: Any) -> None:
    _set_up(
        connection, "SET default_transaction_isolation = 'repeatable read'", "SET default_transaction_read_only = on"
    )


def _set_up(connection: Any, *statements: str) -> None:
    for statement in (
        # First: a restore may hold the next.
        f"SET lock_timeout = '{_LOCK_SECONDS}s'",
        f"SELECT pg_advisory_lock_shared({LOCKS}, {IN_USE})",
        f"SET statement_timeout = '{_STATEMENT_SECONDS}s'",
        # A machine that went away without a word must not keep its locks for the two hours of most systems.
        "SET tcp_keepalives_idle = 15",
        "SET tcp_keepalives_interval = 5",
        "SET tcp_keepalives_count = 3",
        # Durable before it is said, also where the database's owner prefers otherwise for the rest.
        "SET synchronous_commit = on",
        *statements,
    ):
        connection.execute(statement)
    connection.commit()


def _queue_for_writing(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCKS}, {_WRITING})")
