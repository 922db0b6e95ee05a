"""Which tables and columns exist and of what type: our own by model.tables, foreign ones as they were first seen.

A ``Schema`` is immutable and shared freely between threads; ``Schemas`` is the growing set of them, changed by its one
owner (the log's writer) and read by everybody else through ``current``, which is replaced, never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nagare.model.history import HISTORY_TABLES
from nagare.model.tables import SAMPLE_TABLES, TABLES, ColumnKind, ColumnType, Table
from nagare.model.wide import INFLUX_PREFIX

SQL_TYPES: Mapping[ColumnType, str] = MappingProxyType(
    {
        ColumnType.FLOAT: "DOUBLE",
        ColumnType.INTEGER: "BIGINT",
        ColumnType.TEXT: "VARCHAR",
        ColumnType.BOOLEAN: "BOOLEAN",
        ColumnType.MAP: "MAP(VARCHAR, VARCHAR)",
        ColumnType.TAG: "VARCHAR",
    }
)
TIME_TYPE = "TIMESTAMP_MS"
WIDE_TIME_TYPE = "TIMESTAMP_NS"
HOST_TYPE = "VARCHAR"
# Names that other rooms give to records, and the ends that rollups will have: a sender may not take them first.
RECORD_TABLES = frozenset(
    {
        "alerts",
        "audit",
        "commands",
        "diagnoses",
        "gaps",
        "heartbeats",
        "hosts",
        "incidents",
        "notifications",
        "schedules",
        "silences",
        "tasks",
    }
)
_RESERVED_TABLES = RECORD_TABLES | SAMPLE_TABLES.keys()
_RESERVED_ENDS = ("_1m", "_1h")


# In a foreign table, held by the rows that may stand there already; see ``wide.again``.
AGAIN = "_again"


def is_wide(table: str) -> bool:
    """Tell whether that table came by the line protocol."""
    return table.startswith(INFLUX_PREFIX)


def is_raw(table: str) -> bool:
    """Tell whether its rows are what was measured: neither a rollup nor a history of records."""
    return not table.endswith(_RESERVED_ENDS) and table not in HISTORY_TABLES


def is_reserved(table: str) -> bool:
    """Tell whether no sender may create a table of that name."""
    return table in _RESERVED_TABLES or table.endswith(_RESERVED_ENDS)


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of one table besides ``ts`` and ``host``, in the order they came to be."""

    table: str
    columns: Mapping[str, ColumnType]

    @property
    def own(self) -> Table | None:
        """Our own description of the table, None for a foreign one."""
        return TABLES.get(self.table) or HISTORY_TABLES.get(self.table)

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that name a series: declared ones, the tags, or every text column of another foreign table."""
        if self.own is not None:
            return self.own.keys
        if self.is_wide:
            return tuple(sorted(name for name, type_ in self.columns.items() if type_ is ColumnType.TAG))
        return tuple(name for name, type_ in self.columns.items() if type_ is ColumnType.TEXT)

    @property
    def is_wide(self) -> bool:
        """Whether it came by the line protocol: its times have nanoseconds."""
        return is_wide(self.table)

    @property
    def time_type(self) -> str:
        """The SQL type of its ``ts``."""
        return WIDE_TIME_TYPE if self.is_wide else TIME_TYPE

    def shown_columns(self) -> dict[str, str]:
        """Return what ``sql_columns`` does, but for what is ours alone."""
        columns = self.sql_columns()
        if self.is_wide:
            columns.pop(AGAIN, None)
        return columns

    def sql_columns(self) -> dict[str, str]:
        """Return the SQL type of every column by name, ``ts`` and ``host`` first."""
        return {
            "ts": self.time_type,
            "host": HOST_TYPE,
            **{name: SQL_TYPES[type_] for name, type_ in self.columns.items()},
        }

    def with_columns(self, more: Mapping[str, ColumnType]) -> Schema:
        """Return this schema with ``more`` columns at its end."""
        return Schema(self.table, MappingProxyType({**self.columns, **more}))


def _own_schema(table: Table) -> Schema:
    return Schema(table.name, MappingProxyType({column.name: column.type for column in table.columns}))


# Apart from the others: no sender writes them, and their blocks alone are ours.
HISTORY_SCHEMAS: Mapping[str, Schema] = MappingProxyType(
    {
        table.name: Schema(
            table.name,
            MappingProxyType(
                {column.name: column.type for column in table.columns if column.name not in ("ts", "host")}
            ),
        )
        for table in HISTORY_TABLES.values()
    }
)


class Schemas:
    """All schemas of the installation; ``foreign`` lists what must be kept because no code declares it."""

    __slots__ = ("current",)

    def __init__(self, foreign: Iterable[tuple[str, str, str]] = ()) -> None:
        """Begin with our own tables and the ``foreign`` columns (table, column, type)."""
        self.current: Mapping[str, Schema] = MappingProxyType(
            {name: _own_schema(table) for name, table in TABLES.items()}
        )
        for table, column, type_ in foreign:
            self.add(table, {column: ColumnType(type_)})

    def find(self, table: str) -> Schema | None:
        """Return the schema of ``table``, or None."""
        return self.current.get(table)

    def add(self, table: str, columns: Mapping[str, ColumnType]) -> None:
        """Add ``columns`` to ``table``, which comes to be if it is new; known columns stay as they are."""
        schema = self.current.get(table) or Schema(table, MappingProxyType({}))
        more = {name: type_ for name, type_ in columns.items() if name not in schema.columns}
        if more or table not in self.current:
            self.current = MappingProxyType({**self.current, table: schema.with_columns(more)})

    def foreign(self) -> list[tuple[str, str, str]]:
        """Return (table, column, type) of every column that no code declares, in order."""
        rows: list[tuple[str, str, str]] = []
        for schema in self.current.values():
            declared = schema.own
            for name, type_ in schema.columns.items():
                if declared is None or declared.find_column(name) is None:
                    rows.append((schema.table, name, type_.value))
        return rows


def kind_of(schema: Schema, column: str) -> tuple[str, str]:
    """Return the kind of ``column`` and the sentence about it."""
    declared = schema.own.find_column(column) if schema.own else None
    if declared is not None:
        return declared.kind.value, declared.text
    kind = ColumnKind.KEY if column in schema.keys else ColumnKind.GAUGE
    if schema.is_wide and schema.columns[column] is ColumnType.TEXT:
        kind = ColumnKind.ATTRIBUTE
    return kind.value, "as its sender named it"
