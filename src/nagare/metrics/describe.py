"""Every table that SQL sees, in words: for completion, for the reference, and for whoever writes a query."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare.metrics.rollups.hours import TIERS, Tier, is_rolled
from nagare.metrics.rollups.plan import SAMPLES_SCHEMA, plan_of
from nagare.metrics.schema import HOST_TYPE, SQL_TYPES, TIME_TYPE, Schema, kind_of
from nagare.model.columns import RecordTable
from nagare.model.tables import SAMPLE_TABLES, ColumnKind, ColumnType, Table
from nagare.wire.sql import ColumnView, TableView

_ENDS = MappingProxyType(
    {"min": "its least", "max": "its greatest", "last": "its last that was known", "count": "how many were known"}
)
_TS = ColumnView("ts", TIME_TYPE, "time", "when it was measured, UTC")
_HOST = ColumnView("host", HOST_TYPE, "key", "the host it is about")


def describe(schemas: Mapping[str, Schema], records: Mapping[str, RecordTable]) -> list[TableView]:
    """Return the tables in the order of their names."""
    views = [_metric_view(schema) for schema in schemas.values() if schema.table not in records]
    views.extend(_sample_view(table) for table in SAMPLE_TABLES.values())
    rolled = [schema for schema in (*schemas.values(), SAMPLES_SCHEMA) if is_rolled(schema.table)]
    views.extend(_rollup_view(schema, tier) for schema in rolled for tier in TIERS)
    views.extend(_record_view(record) for record in records.values())
    return sorted(views, key=lambda view: view.name)


def _metric_view(schema: Schema) -> TableView:
    columns = [ColumnView("ts", schema.time_type, _TS.kind, _TS.text), _HOST]
    shown = schema.shown_columns()
    for name, type_ in schema.columns.items():
        if name not in shown:
            continue
        kind, text = kind_of(schema, name)
        columns.append(ColumnView(name, SQL_TYPES[type_], kind, text))
    return TableView(schema.table, schema.own.text if schema.own else "as its sender named it", columns)


def _sample_view(table: Table) -> TableView:
    columns = [
        ColumnView(column.name, SQL_TYPES[column.type], column.kind.value, column.text) for column in table.columns
    ]
    return TableView(table.name, table.text, [_TS, _HOST, *columns])


def _rollup_view(schema: Schema, tier: Tier) -> TableView:
    columns = [ColumnView("ts", TIME_TYPE, "time", "begin of the bucket, UTC"), _HOST]
    plan = plan_of(schema)
    for name, type_ in plan.sql_columns().items():
        if name in ("ts", "host"):
            continue
        if name not in schema.columns:
            columns.append(ColumnView(name, type_, ColumnKind.GAUGE.value, _ENDS[name.rpartition("_")[2]]))
            continue
        kind, text = kind_of(schema, name)
        if name in plan.numbers:
            kind, text = ColumnKind.GAUGE.value, f"mean: {text}"
        columns.append(ColumnView(name, type_, kind, text))
    if schema is SAMPLES_SCHEMA:
        columns.append(ColumnView("labels", SQL_TYPES[ColumnType.MAP], ColumnKind.KEY.value, "labels of the series"))
    return TableView(tier.table(schema.table), f"{schema.table} by {tier.text}.", columns)


def _record_view(record: RecordTable) -> TableView:
    columns = [
        ColumnView(
            column.name, TIME_TYPE if column.name == "ts" else SQL_TYPES[column.type], column.kind.value, column.text
        )
        for column in record.table.columns
    ]
    return TableView(record.table.name, record.table.text, columns)
