"""``nagare query --cardinality`` and ``--top-queries``: what weighs on the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nagare.cli.console.calls import call
from nagare.cli.console.invocation import Invocation
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.offline.source import count_series

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.queries import QueryCost

TOP = 20


def show_cardinality(invocation: Invocation, top: int | None) -> None:
    """Print the largest groups of series. Raises errors of ``nagare.errors``."""
    reply = count_series(invocation.settings, top or TOP)
    names = ("by", "name", "series")
    rows = [("all", "", reply.series), *((row.by, row.name, row.series) for row in reply.rows)]
    write_rows(invocation, Rows(names, rows, ("VARCHAR", "VARCHAR", "BIGINT")))


def show_top_queries(invocation: Invocation, top: int | None) -> None:
    """Print the statements that took the live server most time. Raises errors of ``nagare.errors``."""

    async def fetch(client: Client) -> list[QueryCost]:
        return await client.queries(top or TOP)

    rows = [
        (one.count, one.failures, one.total_seconds, one.max_seconds, one.rows, one.statement)
        for one in call(invocation.settings, fetch)
    ]
    names = ("count", "failures", "total_seconds", "max_seconds", "rows", "statement")
    types = ("BIGINT", "BIGINT", "DOUBLE", "DOUBLE", "BIGINT", "VARCHAR")
    write_rows(invocation, Rows(names, rows, types))
