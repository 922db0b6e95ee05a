"""What a rollup keeps of a table: for each series and bucket every number's least, greatest, sum, last and count.

A rollup's file names a statistic ``<column>.<statistic>``: no column of a sender can have that name, and the column
that it is of is what stands before the last dot. SQL sees the mean under the column's own name, so that a statement
that was written for the table keeps its meaning, and the others as ``<column>_min`` and so on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nagare.metrics.engine import quote_name
from nagare.metrics.rollups.hours import TIERS, Tier, is_rolled, split_table
from nagare.metrics.schema import HISTORY_SCHEMAS, HOST_TYPE, SQL_TYPES, TIME_TYPE, Schema
from nagare.metrics.sql.macros import TIME_KEY
from nagare.model.tables import SAMPLES, ColumnKind, ColumnType

# Keys by the table's description that name no series: a process keeps its name when its rank changes.
_NOT_A_SERIES = MappingProxyType({"process": frozenset({"rank"})})
# Samples have no schema among the others: they are a row a value, of a series that has a number.
SAMPLES_SCHEMA = Schema(
    SAMPLES.name,
    MappingProxyType({"name": ColumnType.TEXT, "series": ColumnType.INTEGER, "value": ColumnType.FLOAT}),
)
# Rows of the bucket, whatever is null in them; the name of no column, as a column's name is never empty.
ROWS = ".count"
_STATISTICS = ("min", "max", "sum", "last", "count")


def statistic(column: str, name: str) -> str:
    """Return what the statistic ``name`` of ``column`` is called in a rollup's file."""
    return f"{column}.{name}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of one table, SQL types by name: what names its series, what is counted, and what describes."""

    base: str
    keys: Mapping[str, str]
    numbers: Mapping[str, str]
    attributes: Mapping[str, str]

    def narrowed(self, held: Collection[str]) -> Plan:
        """Return the plan of a table that has only the columns ``held``."""

        def kept(columns: Mapping[str, str]) -> dict[str, str]:
            return {name: type_ for name, type_ in columns.items() if name in held}

        return Plan(self.base, kept(self.keys), kept(self.numbers), kept(self.attributes))

    @property
    def order(self) -> tuple[str, ...]:
        """How rows stand in a file."""
        return ("host", *self.keys, "ts")

    def raw_columns(self) -> dict[str, str]:
        """Return the columns of the table that a rollup is made of."""
        return {"ts": TIME_TYPE, "host": HOST_TYPE, **self.keys, **self.attributes, **self.numbers}

    def file_columns(self) -> dict[str, str]:
        """Return the columns of a rollup's file."""
        columns = {"ts": TIME_TYPE, "host": HOST_TYPE, **self.keys, **self.attributes, ROWS: "BIGINT"}
        for name, type_ in self.numbers.items():
            for word in _STATISTICS:
                columns[statistic(name, word)] = {"sum": "DOUBLE", "count": "BIGINT"}.get(word, type_)
        return columns

    def from_raw(self, source: str, tier: Tier) -> str:
        """Return the SELECT that makes rows of ``tier`` from rows of the table."""
        items = [f"arg_max({quote_name(name)}, {TIME_KEY}(ts)) AS {quote_name(name)}" for name in self.attributes]
        items.append(f"count(*) AS {quote_name(ROWS)}")
        for name, type_ in self.numbers.items():
            column = quote_name(name)
            number = f"CAST(CAST({column} AS INTEGER) AS DOUBLE)" if type_ == "BOOLEAN" else f"CAST({column} AS DOUBLE)"
            made = {
                "min": f"min({column})", "max": f"max({column})", "sum": f"sum({number})",
                "last": f"arg_max({column}, {TIME_KEY}(ts))", "count": f"count({column})",
            }  # fmt: skip
            items += [f"{made[word]} AS {quote_name(statistic(name, word))}" for word in _STATISTICS]
        return self._grouped(items, source, tier)

    def from_tier(self, source: str, tier: Tier) -> str:
        """Return the SELECT that makes rows of ``tier`` from rows of a finer one."""
        items = [f"arg_max({quote_name(name)}, {TIME_KEY}(ts)) AS {quote_name(name)}" for name in self.attributes]
        items.append(_merged(ROWS, "count"))
        items += [_merged(statistic(name, word), word) for name in self.numbers for word in _STATISTICS]
        return self._grouped(items, source, tier)

    def as_rows(self, source: str) -> str:
        """Return the SELECT that gives each row of the table as a bucket of its own."""
        items = ["ts", "host", *(quote_name(name) for name in (*self.keys, *self.attributes))]
        items.append(f"CAST(1 AS BIGINT) AS {quote_name(ROWS)}")
        for name, type_ in self.numbers.items():
            column = quote_name(name)
            number = f"CAST(CAST({column} AS INTEGER) AS DOUBLE)" if type_ == "BOOLEAN" else f"CAST({column} AS DOUBLE)"
            made = {"sum": number, "count": f"CAST({column} IS NOT NULL AS BIGINT)"}
            items += [f"{made.get(word, column)} AS {quote_name(statistic(name, word))}" for word in _STATISTICS]
        return f"SELECT {', '.join(items)} FROM ({source})"  # noqa: S608  quoted names

    def _grouped(self, items: list[str], source: str, tier: Tier) -> str:
        groups = [quote_name(name) for name in ("host", *self.keys)]
        bucket = f"make_timestamp_ms(epoch_ms(ts) // {tier.width_ms} * {tier.width_ms})"
        selected = ", ".join([f"CAST({bucket} AS {TIME_TYPE}) AS ts", *groups, *items])
        return f"SELECT {selected} FROM ({source}) GROUP BY {', '.join([bucket, *groups])}"  # noqa: S608  quoted names

    def _is_number(self, name: str) -> bool:
        """Tell whether ``name`` is the number of a series, which stands for its labels and is shown to nobody."""
        return self.base == SAMPLES.name and name == "series"

    def sql_items(self) -> dict[str, str]:
        """Return what SQL sees of a rollup: the expression over its file's columns by name."""
        items = {name: quote_name(name) for name in ("ts", "host", *self.keys) if not self._is_number(name)}
        for name in self.numbers:
            total, count = (quote_name(statistic(name, word)) for word in ("sum", "count"))
            items[name] = f"{total} / nullif({count}, 0)"
        taken = {*items, *self.attributes}
        for name in self.numbers:
            for word in ("min", "max", "last", "count"):
                # A column of the sender's own by that name comes first.
                if f"{name}_{word}" not in taken:
                    items[f"{name}_{word}"] = quote_name(statistic(name, word))
        items |= {name: quote_name(name) for name in self.attributes}
        if "samples_count" not in items:
            items["samples_count"] = quote_name(ROWS)
        return items

    def sql_columns(self) -> dict[str, str]:
        """Return the SQL type of every column that SQL sees of a rollup, by name."""
        files = self.file_columns()
        by_expression = {quote_name(name): type_ for name, type_ in files.items()}
        return {name: by_expression.get(expression, "DOUBLE") for name, expression in self.sql_items().items()}


def _merged(column: str, word: str) -> str:
    name = quote_name(column)
    made = {
        "min": f"min({name})", "max": f"max({name})", "sum": f"sum({name})", "last": f"arg_max({name}, {TIME_KEY}(ts))",
        "count": f"CAST(sum({name}) AS BIGINT)",
    }  # fmt: skip
    return f"{made[word]} AS {name}"


def plan_of(schema: Schema) -> Plan:
    """Return the plan of the table that ``schema`` describes."""
    if schema is SAMPLES_SCHEMA:
        return Plan(schema.table, {"name": SQL_TYPES[ColumnType.TEXT], "series": "INTEGER"}, {"value": "DOUBLE"}, {})
    keys = {name for name in schema.keys if name not in _NOT_A_SERIES.get(schema.table, ())}
    parts: dict[str, dict[str, str]] = {"keys": {}, "numbers": {}, "attributes": {}}
    shown = schema.shown_columns()
    for name, type_ in schema.columns.items():
        if name not in shown:
            continue
        if name in keys:
            part = "keys"
        elif type_ in (ColumnType.TEXT, ColumnType.MAP) or _is_attribute(schema, name):
            part = "attributes"
        else:
            part = "numbers"
        parts[part][name] = SQL_TYPES[type_]
    return Plan(schema.table, **parts)


def schema_of(base: str, schemas: Mapping[str, Schema]) -> Schema:
    """Return the schema by which rollups of ``base`` are made."""
    return SAMPLES_SCHEMA if base == SAMPLES.name else schemas[base]


def layout(table: str, schemas: Mapping[str, Schema]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the columns of a block of ``table``, a rollup or not, and the keys that its rows stand by."""
    base, tier = split_table(table)
    if tier is None:
        schema = HISTORY_SCHEMAS.get(table) or schemas[table]
        return schema.sql_columns(), schema.keys
    plan = plan_of(schema_of(base, schemas))
    return plan.file_columns(), tuple(plan.keys)


def sql_columns(table: str, schemas: Mapping[str, Schema]) -> dict[str, str]:
    """Return the SQL type of every column that SQL sees of ``table``, a rollup or not, by name."""
    base, tier = split_table(table)
    if tier is None:
        return schemas[table].shown_columns()
    columns = plan_of(schema_of(base, schemas)).sql_columns()
    return {**columns, "labels": SQL_TYPES[ColumnType.MAP]} if base == SAMPLES.name else columns


def rollups_of(schemas: Mapping[str, Schema]) -> dict[str, str]:
    """Return the tables that SQL sees beside ``schemas``: the name of each rollup and its base."""
    return {tier.table(base): base for base in (*schemas, SAMPLES.name) if is_rolled(base) for tier in TIERS}


def _is_attribute(schema: Schema, name: str) -> bool:
    declared = schema.own.find_column(name) if schema.own is not None else None
    return declared is not None and declared.kind is ColumnKind.ATTRIBUTE
