"""SQL of a seeded fleet, as a server answers it: tables, rows, faults, and a question that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nagare.errors import NagareError
from nagare.lib.rfc3339 import format_ms
from nagare.wire.sql import ColumnView, SqlColumn, SqlReply, TableView
from tests.tui.jobs import MADE_MS

_TS = ColumnView("ts", "TIMESTAMP_MS", "time", "when it was measured, UTC")
_HOST = ColumnView("host", "VARCHAR", "key", "the host it is about")
TABLES = (
    TableView("cpu", "Use of processors.", [
        _TS, _HOST, ColumnView("core", "VARCHAR", "key", "all, or the number of the core"),
        ColumnView("busy_ratio", "DOUBLE", "gauge", "part of the time that is not idle"),
        ColumnView("iowait_ratio", "DOUBLE", "gauge", "part of the time that waits for disks"),
    ]),
    TableView("cpu_1m", "cpu by minute.", [_TS, _HOST]),
    TableView("disk", "Room on file systems.", [
        _TS, _HOST, ColumnView("mount", "VARCHAR", "key", "where it is mounted"),
        ColumnView("used_ratio", "DOUBLE", "gauge", "part that is used"), ColumnView("used_bytes", "BIGINT", "gauge", "what is used"),
    ]),
    TableView("influx.disk_io", "as its sender named it", [_TS, _HOST]),
    TableView("events", "What happened.", [_TS, _HOST, ColumnView("kind", "VARCHAR", "key", "what it is")]),
)  # fmt: skip


def reply_of(columns: Mapping[str, str], rows: Sequence[Sequence[Any]], **more: Any) -> SqlReply:
    """Return an answer; ``columns`` are names with DuckDB's types."""
    named = [SqlColumn(name, type_) for name, type_ in columns.items()]
    values: dict[str, Any] = {"truncated": False, "tier": "raw", "elapsed_ms": 12.3}
    return SqlReply(named, [list(row) for row in rows], **{**values, **more})


def busy_reply(hosts: Sequence[str], minutes: int = 5, **more: Any) -> SqlReply:
    """Return how busy hosts were, minute by minute, and one row of nulls."""
    columns = {
        "ts": "TIMESTAMP_MS",
        "host": "VARCHAR",
        "busy_ratio": "DOUBLE",
        "used_bytes": "BIGINT",
        "cores": "INTEGER",
        "note": "VARCHAR",
    }
    rows: list[list[Any]] = [
        [
            format_ms(MADE_MS - 60_000 * minute),
            host,
            (place * 7 + minute * 3) % 50 / 100,
            2**30 * (place + 1),
            4 + place,
            None,
        ]
        for minute in range(minutes)
        for place, host in enumerate(hosts)
    ]
    return reply_of(columns, [*rows, [format_ms(MADE_MS), None, None, None, None, "all\x1b[31m of them"]], **more)


@dataclass
class FleetQueries:
    """The far end's answers to SQL; with ``waits`` a question hangs until it is ended."""

    reply: SqlReply = field(default_factory=lambda: reply_of({"n": "BIGINT"}, [[1]]))
    fails: NagareError | None = None
    waits: bool = False
    asked: list[tuple[str, Any, int | None, int | None]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    async def tables(self) -> list[TableView]:
        """Return the tables."""
        return list(TABLES)

    async def sql(
        self,
        sql: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        limit: int | None = None,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SqlReply:
        """Answer with what is held."""
        self.asked.append((sql, params, since_ms, until_ms))
        if self.waits:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.dropped.append(sql)
                raise
        if self.fails is not None:
            raise self.fails
        rows = self.reply.rows if limit is None else self.reply.rows[:limit]
        return msgspec.structs.replace(
            self.reply, rows=rows, truncated=self.reply.truncated or len(rows) < len(self.reply.rows)
        )
