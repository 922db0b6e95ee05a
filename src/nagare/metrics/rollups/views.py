"""What SQL sees of a rollup: its blocks, and for the hours that they lack rows of, the raw rows rolled up on the way.

So an answer over a rollup is the aggregate of every row that is stored, the ones of this second included. An hour is
read from one of the two alone, whole, which is why no row counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from nagare.metrics.blocks.library import Snapshot
from nagare.metrics.blocks.sources import Sources
from nagare.metrics.blocks.views import View, Window
from nagare.metrics.engine import quote_name
from nagare.metrics.rollups.hours import HOUR_MS, Tier, spans_of
from nagare.metrics.rollups.plan import Plan, plan_of
from nagare.metrics.samples.mirror import LABELS
from nagare.metrics.samples.views import NO_LABELS
from nagare.metrics.schema import Schema
from nagare.model.tables import SAMPLES


@dataclass(frozen=True, slots=True)
class Asked:
    """A rollup that a statement names, and what of it the caller may see."""

    schema: Schema
    tier: Tier
    hosts: frozenset[str] | None
    window: Window
    # Whether labels of samples may be named.
    with_labels: bool = True


@dataclass(frozen=True, slots=True)
class RollupViews:
    """Makes views over rollups."""

    sources: Sources

    def body(self, cursor: duckdb.DuckDBPyConnection, asked: Asked, snapshot: Snapshot) -> str:
        """Return the SELECT of the rollup as SQL sees it. Raises duckdb.Error."""
        plan = plan_of(asked.schema)
        spans = find_spans(cursor, self.sources, snapshot, asked)
        within = during(spans)
        name = asked.tier.table(asked.schema.table)
        rolled = View(name, plan.file_columns(), asked.hosts, asked.window, f"NOT ({within})" if within else "")
        sources = self.sources.blocks(rolled, snapshot, name)
        if spans:
            sources.append(self._fresh(cursor, asked, plan, snapshot, spans))
        items = ", ".join(f"{expression} AS {quote_name(column)}" for column, expression in plan.sql_items().items())
        return self.labelled(cursor, asked, items, rolled.body(sources))

    def labelled(self, cursor: duckdb.DuckDBPyConnection, asked: Asked, items: str, body: str) -> str:
        """Return the SELECT of ``items`` from ``body``, of samples with their labels. Raises duckdb.Error."""
        if asked.schema.table != SAMPLES.name:
            return f"SELECT {items} FROM ({body})"  # noqa: S608  made by us
        if not asked.with_labels:
            return f"SELECT {items}, {NO_LABELS} AS labels FROM ({body})"  # noqa: S608  made by us
        self.sources.samples.mirror.fill(cursor, with_labels=True)
        known = f"(SELECT id, labels FROM {LABELS}) AS known"  # noqa: S608  made by us
        return f"SELECT {items}, known.labels FROM ({body}) AS rolled LEFT JOIN {known} ON known.id = rolled.series"  # noqa: S608  made by us

    def _fresh(
        self,
        cursor: duckdb.DuckDBPyConnection,
        asked: Asked,
        plan: Plan,
        snapshot: Snapshot,
        spans: list[tuple[int, int]],
    ) -> str:
        window = Window(spans[0][0], spans[-1][1])
        view = View(asked.schema.table, plan.raw_columns(), asked.hosts, window, during(spans))
        made = plan.from_raw(view.body(self.sources.raw(cursor, view, snapshot, asked.schema)), asked.tier)
        where = asked.window.sql()
        return f"SELECT * FROM ({made}){' WHERE ' + where if where else ''}"  # noqa: S608  made by us


def find_spans(
    cursor: duckdb.DuckDBPyConnection, sources: Sources, snapshot: Snapshot, asked: Asked
) -> list[tuple[int, int]]:
    """Return the spans of time in the window whose rollups lack rows. Raises duckdb.Error."""
    hours = set(snapshot.unrolled.get(asked.schema.table, ()))
    hours |= sources.head_hours(cursor, snapshot, asked.schema)
    window = asked.window.widened(HOUR_MS)
    return spans_of(hour for hour in hours if window.meets(hour, hour + HOUR_MS - 1))


def during(spans: Iterable[tuple[int, int]]) -> str:
    """Return the condition that ``ts`` is within one of ``spans``; empty without any."""
    return " OR ".join(
        f"(ts >= make_timestamp_ms({since}) AND ts < make_timestamp_ms({until}))" for since, until in spans
    )
