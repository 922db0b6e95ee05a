"""Counts series by what they share, in SQL: those of ``samples`` that are known, and of other tables those of late.

A series of a table is a host with the table's keys. Old rows would tell of processes long gone, so the hour before the
newest row counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from nagare.metrics.blocks.library import Snapshot
from nagare.metrics.engine import quote_name
from nagare.metrics.rollups.hours import HOUR_MS
from nagare.metrics.rollups.plan import plan_of
from nagare.metrics.schema import Schema
from nagare.model.tables import SAMPLES
from nagare.model.wide import INFLUX_PREFIX
from nagare.wire.cardinality import CardinalityReply, CardinalityRow
from nagare.wire.sql import SqlReply, SqlRequest

Ask = Callable[[SqlRequest], Awaitable[SqlReply]]
TOP = 20
TOP_LIMIT = 10_000
_KINDS = ("table", "metric", "label", "value", "host")
_OF_SAMPLES = {
    "metric": "SELECT name, count(*) AS series FROM samples_last",
    "label": "SELECT name, count(*) AS series FROM (SELECT unnest(map_keys(labels)) AS name FROM samples_last)",
    "value": (
        "SELECT label || '=' || value AS name, count(*) AS series "
        "FROM (SELECT unnest(map_keys(labels)) AS label, unnest(map_values(labels)) AS value FROM samples_last)"
    ),
}


async def count_series(ask: Ask, schemas: Mapping[str, Schema], snapshot: Snapshot, top: int = TOP) -> CardinalityReply:
    """Return the ``top`` groups of each kind. Raises what ``ask`` does."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    for kind, sql in _OF_SAMPLES.items():
        counts[kind] = await _counted(ask, SqlRequest(f"{sql} GROUP BY name ORDER BY series DESC, name", None, top))
    hosts = "SELECT host, count(*) AS series FROM samples_last GROUP BY host"
    counts["host"] = await _counted(ask, SqlRequest(hosts))
    counts["table"][SAMPLES.name] = counts["host"].total()
    newest_ms = _newest_ms(snapshot)
    for name in sorted(_named(snapshot) & schemas.keys()):
        found = await _counted(ask, SqlRequest(_of_table(schemas[name]), since_ms=newest_ms - HOUR_MS))
        counts["table"][name] = found.total()
        counts["host"].update(found)
    rows = [
        CardinalityRow(kind, name, series)
        for kind in _KINDS
        for name, series in sorted(counts[kind].items(), key=lambda item: (-item[1], item[0]))[:top]
        if series
    ]
    return CardinalityReply(counts["table"].total(), rows)


async def _counted(ask: Ask, request: SqlRequest) -> Counter[str]:
    return Counter({str(name): int(series) for name, series in (await ask(request)).rows})


def _of_table(schema: Schema) -> str:
    keys = ", ".join(quote_name(name) for name in ("host", *plan_of(schema).keys))
    measurement = schema.table.removeprefix(INFLUX_PREFIX)
    table = quote_name(measurement) if measurement == schema.table else f"{INFLUX_PREFIX}{quote_name(measurement)}"
    return f"SELECT host, count(*) AS series FROM (SELECT DISTINCT {keys} FROM {table}) GROUP BY host"  # noqa: S608  quoted


def _named(snapshot: Snapshot) -> set[str]:
    """Return the tables that have rows; a rollup's rows are its table's."""
    return {*snapshot.blocks, *(name for generation in snapshot.generations for name in generation.tables)}


def _newest_ms(snapshot: Snapshot) -> int:
    times = [block.max_ms for blocks in snapshot.blocks.values() for block in blocks]
    heads = [table.max_ms for generation in snapshot.generations for table in generation.tables.values()]
    return max([*times, *(at_ms for at_ms in heads if at_ms is not None)], default=0)
