"""How evidence is asked for: one SELECT at a time, with the sight of the caller."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from nagare.errors import NagareError
from nagare.wire.sql import SqlReply, SqlRequest

T = TypeVar("T")
Row = Mapping[str, object]
Query = Callable[[SqlRequest], Awaitable[SqlReply]]
# More than any tool needs; a fleet's answers are one row a component.
ROWS_LIMIT = 20_000


def _nothing() -> None:
    """Whoever does not ask for everything need not know that something was cut off."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the metric store as the caller sees it; the tables ``hidden`` do not exist for that caller."""

    query: Query
    hidden: frozenset[str] = frozenset()
    # Called when an answer is not whole.
    on_cut: Callable[[], None] = _nothing

    def sees(self, table: str) -> bool:
        """Tell whether the caller sees ``table``."""
        return table not in self.hidden

    async def ask(self, sql: str, params: Mapping[str, object] | None = None, since_ms: int | None = None) -> list[Row]:
        """Return the rows of ``sql`` by column; none older than ``since_ms``, where given. Raises what a query raises."""
        request = SqlRequest(sql, dict(params) if params else None, limit=ROWS_LIMIT, since_ms=since_ms)
        reply = await self.query(request)
        if reply.truncated:
            self.on_cut()
        return rows_of([column.name for column in reply.columns], reply.rows)


def in_turn(asker: Asker, turns: asyncio.Semaphore) -> Asker:
    """Return an asker that waits with each query for one of ``turns``."""

    async def query(request: SqlRequest) -> SqlReply:
        async with turns:
            return await asker.query(request)

    return replace(asker, query=query)


async def side_by_side(asks: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Return what ``asks`` return, asked at one time. Raises the first error of ours that one of them raises."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask) for ask in asks]
    except ExceptionGroup as errors:
        if isinstance(first := errors.exceptions[0], NagareError):
            raise first from errors
        raise
    return [task.result() for task in tasks]


def rows_of(names: Sequence[str], rows: Sequence[Sequence[object]]) -> list[Row]:
    """Return each of ``rows`` by the names of its columns."""
    return [dict(zip(names, row, strict=True)) for row in rows]


def number(row: Row, name: str) -> float | None:
    """Return a number of ``row``, None where there is none."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else None


def text(row: Row, name: str) -> str:
    """Return a text of ``row``, empty where there is none."""
    value = row.get(name)
    return value if isinstance(value, str) else ""
