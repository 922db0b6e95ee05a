"""Statements of records are compiled once a test process, not once for each database that a test opens.

SQLAlchemy keeps what it compiled with the engine. A server begins with some thirty statements at a millisecond each, most
tests ask a few more of a database of their own, and the text depends on the kind of the database alone.
"""

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Engine
from sqlalchemy.util import LRUCache

_LIMIT = 5_000


class _Shared:
    """A dialect that is the same for every engine, and with it what was compiled for it."""

    _statements: LRUCache[Any, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._statements = LRUCache(_LIMIT)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Have a new engine look among the statements of all."""
        engine.update_execution_options(compiled_cache=cls._statements)


class SharedSqlite(_Shared, SQLiteDialect_pysqlite):
    """SQLite's."""

    supports_statement_cache = True


class SharedPostgresql(_Shared, PGDialect_psycopg):
    """PostgreSQL's."""

    supports_statement_cache = True


def share_statements() -> None:
    """Use them for every engine that this process makes from now on."""
    registry.register("sqlite", __name__, SharedSqlite.__name__)
    registry.register("postgresql.psycopg", __name__, SharedPostgresql.__name__)
