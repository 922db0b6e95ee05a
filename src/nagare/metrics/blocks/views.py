"""One view a table: the rows of head and blocks together, every column typed, only the caller's hosts.

The text is made by us from names we checked; a caller's statement never reaches what a view is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import duckdb

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.engine import quote_name, quote_text

_NO_LIMIT = 2**62
# SQL types by the name of a column.
Types = Mapping[str, str]
NO_TYPES: Types = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Window:
    """Times that a query asks for, Unix milliseconds, ``since_ms`` included and ``until_ms`` not; None is no bound."""

    since_ms: int | None = None
    until_ms: int | None = None

    def meets(self, low_ms: int, high_ms: int) -> bool:
        """Tell whether any moment from ``low_ms`` to ``high_ms`` is inside."""
        return (self.since_ms is None or high_ms >= self.since_ms) and (self.until_ms is None or low_ms < self.until_ms)

    def widened(self, width_ms: int) -> Window:
        """Return the window with the rest of the buckets that it cuts; ``width_ms`` is theirs."""
        since, until = self.since_ms, self.until_ms
        return Window(
            None if since is None else since // width_ms * width_ms,
            None if until is None else -(-until // width_ms) * width_ms,
        )

    def sql(self) -> str:
        """Return the condition on ``ts``, empty without bounds."""
        bounds = []
        if self.since_ms is not None:
            bounds.append(f"ts >= make_timestamp_ms({self.since_ms})")
        if self.until_ms is not None:
            bounds.append(f"ts < make_timestamp_ms({self.until_ms})")
        return " AND ".join(bounds)


def make_view(name: str, body: str, hosts: frozenset[str] | None = None) -> str:
    """Return the statement that makes the view ``name`` of the SELECT ``body``, which has rows of ``hosts`` only (None: all).

    No condition of a statement is looked at below a limit, even one that limits nothing. Without it one that fails for
    some values would tell, by failing, that a host which the caller must not see has them.
    """
    return f"CREATE OR REPLACE TEMP VIEW {quote_name(name)} AS {_fenced(body, hosts)}"


def _fenced(body: str, hosts: frozenset[str] | None) -> str:
    return body if hosts is None else f"SELECT * FROM ({body}) LIMIT {_NO_LIMIT}"  # noqa: S608  made by us


@dataclass(slots=True)
class Tables:
    """What the tables of one statement are made of: SELECTs by name, of rows of ``hosts`` only (None: all).

    They become views, or stand before a statement that names none of its own so: a view is bound once when it is made
    and once more where it is named.
    """

    hosts: frozenset[str] | None
    bodies: dict[str, str] = field(default_factory=dict)

    def make(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make views of them. Raises duckdb.Error."""
        for name, body in self.bodies.items():
            cursor.execute(make_view(name, body, self.hosts))

    def before(self, sql: str) -> str:
        """Return ``sql`` with all of them before it."""
        listed = (
            f"{quote_name(name)} AS NOT MATERIALIZED ({_fenced(body, self.hosts)})"
            for name, body in self.bodies.items()
        )
        return f"WITH {', '.join(listed)}\n{sql}" if self.bodies else sql


@dataclass(frozen=True, slots=True)
class View:
    """What one view is made of: column types by name, the caller's hosts (None: all) and times.

    ``condition`` is one more on ``ts``, made by us. Of no interest are rows whose columns have other ``texts``, where any
    are told: they may be left out, and need not be.
    """

    name: str
    columns: Mapping[str, str]
    hosts: frozenset[str] | None
    window: Window
    condition: str = ""
    texts: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def sql(self, sources: Sequence[str]) -> str:
        """Return the statement that makes the view over ``sources``."""
        return make_view(self.name, self.body(sources), self.hosts)

    def body(self, sources: Sequence[str]) -> str:
        """Return the SELECT of all rows of ``sources``."""
        if sources:
            return " UNION ALL ".join(sources)
        nothing = ", ".join(f"CAST(NULL AS {type_}) AS {quote_name(column)}" for column, type_ in self.columns.items())
        return f"SELECT {nothing} WHERE false"

    def table_source(self, table: str, present: Iterable[str]) -> str:
        """Return the SELECT over one DuckDB table that has the columns ``present``."""
        return self._select(table, set(present))

    def block_sources(self, blocks: Iterable[Block], directory: str, held: Types = NO_TYPES) -> list[str]:
        """Return one SELECT for each group of blocks that have the same columns; blocks outside the window are left out.

        ``held`` are types that columns surely have in them: to bind a cast, even one to the same type, takes as long as
        to read some hundred rows.
        """
        groups: dict[str, list[Block]] = {}
        for block in blocks:
            if self.window.meets(block.min_ms, block.max_ms):
                groups.setdefault(block.columns, []).append(block)
        sources = []
        for present, group in groups.items():
            paths = ", ".join(quote_text(f"{directory}/{block.path}") for block in group)
            source = f"read_parquet([{paths}], hive_partitioning = false)"
            sources.append(self._select(source, set(present.split(",")), held))
        return sources

    def made_source(self, source: str, made: Mapping[str, str]) -> str:
        """Return the SELECT over ``source``, which has ``ts`` and ``host``, of expressions that have the types of the columns."""
        items = ", ".join(f"{made[name]} AS {quote_name(name)}" for name in self.columns)
        return f"SELECT {items} FROM {source}{self._where({'ts', 'host'})}"  # noqa: S608  made by us

    def _select(self, source: str, present: set[str], held: Types = NO_TYPES) -> str:
        items = ", ".join(
            quote_name(name)
            if name in present and held.get(name) == type_
            else f"CAST({quote_name(name) if name in present else 'NULL'} AS {type_}) AS {quote_name(name)}"
            for name, type_ in self.columns.items()
        )
        return f"SELECT {items} FROM {source}{self._where(present)}"  # noqa: S608  made by us

    def _where(self, present: set[str]) -> str:
        conditions = [self.window.sql(), self.condition] if "ts" in present else []
        if self.hosts is not None:
            conditions.append(self._host_condition(present))
        where = " AND ".join(condition for condition in conditions if condition)
        return f" WHERE {where}" if where else ""

    def _host_condition(self, present: set[str]) -> str:
        # A table that does not say whose its rows are shows nothing to a caller who may not see all.
        if "host" not in present or not self.hosts:
            return "false"
        return f"host IN ({', '.join(quote_text(host) for host in sorted(self.hosts))})"
