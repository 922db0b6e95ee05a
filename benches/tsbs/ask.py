"""The same questions to our store in this process, to our server over HTTP and to DuckDB alone, in turns."""

from __future__ import annotations

import http.client
import json
import math
import statistics
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benches.tsbs.cpu_only import CpuOnly
from benches.tsbs.queries import KINDS, Kind
from nagare.lib.clock import SystemClock
from nagare.lib.garbage import calm_collector
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import make_store
from tests.support.processes import RunningServer

ROUNDS = 7
Rows = Sequence[Sequence[Any]]


@dataclass(slots=True)
class Answered:
    """Medians in milliseconds of one kind; NaN where it was not asked."""

    raw_ms: float = math.nan
    store_ms: float = math.nan
    http_ms: float = math.nan
    rows: int = 0


@dataclass(slots=True)
class Suite:
    """One shape of the data: the table of ours, the Parquet file of DuckDB, and which SQL fits both."""

    cpu: CpuOnly
    table: str
    parquet: Path
    is_wide: bool
    answered: dict[str, Answered] = field(default_factory=lambda: {kind.name: Answered() for kind in KINDS})

    def sql(self, kind: Kind, table: str, number: int) -> str:
        """Return the statement of a kind over ``table``."""
        return (kind.wide if self.is_wide else kind.tall)(table, kind.window(self.cpu, number))

    def ask_server(self, server: RunningServer) -> None:
        """Ask every kind over HTTP on one connection."""
        where = urllib.parse.urlsplit(server.url)
        connection = http.client.HTTPConnection(where.netloc, timeout=120)
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
        for kind in KINDS:
            taken = []
            for number in range(ROUNDS):
                body = json.dumps({"sql": self.sql(kind, self.table, number)})
                begun = time.perf_counter()
                connection.request("POST", "/api/v1/sql", body, headers)
                answer = connection.getresponse()
                content = answer.read()
                taken.append((time.perf_counter() - begun) * 1000)
                if answer.status != 200:
                    raise RuntimeError(f"{kind.name} was answered {answer.status}: {content[:500]!r}")
            self.answered[kind.name].http_ms = statistics.median(taken)
        connection.close()

    async def ask_store(self, data: Path) -> None:
        """Ask every kind of the store in this process and of DuckDB, in turns. Raises RuntimeError for a wrong answer."""
        # As in the server: else its passes over all that this process imported are a fourth of an answer of 50,000 rows.
        with calm_collector(), duckdb.connect(config={"threads": 2}) as alone:
            alone.execute("SET TimeZone = 'UTC'")
            alone.execute(f"CREATE VIEW raw AS SELECT * FROM '{self.parquet}'")
            async with make_store(data, clock=SystemClock()) as store:
                # As a minute after the load: small blocks merge, rollups are made.
                await store.keep_house()
                for kind in KINDS:
                    await self._compare(kind, store.query, alone)

    async def _compare(self, kind: Kind, query: Callable[[SqlRequest], Awaitable[Any]], alone: Any) -> None:
        ours_ms, raw_ms = [], []
        for number in range(ROUNDS):
            raw_sql, our_sql = self.sql(kind, "raw", number), self.sql(kind, self.table, number)
            begun = time.perf_counter()
            expected = alone.execute(raw_sql).fetchall()
            between = time.perf_counter()
            reply = await query(SqlRequest(our_sql))
            ours_ms.append((time.perf_counter() - between) * 1000)
            raw_ms.append((between - begun) * 1000)
            if fault := first_difference(reply.rows, expected):
                raise RuntimeError(f"{kind.name} is answered wrongly: {fault}; the statement: {our_sql}")
            self.answered[kind.name].rows = len(expected)
        self.answered[kind.name].store_ms = statistics.median(ours_ms)
        self.answered[kind.name].raw_ms = statistics.median(raw_ms)


def first_difference(found: Rows, expected: Rows) -> str:
    """Return where two answers differ, or nothing."""
    if len(found) != len(expected):
        return f"{len(found)} rows where {len(expected)} belong"
    for row, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        if not all(_is_same(one, other) for one, other in zip(ours, theirs, strict=True)):
            return f"row {row} is {list(ours)} where {list(theirs)} belongs"
    return ""


def _is_same(found: Any, expected: Any) -> bool:
    if isinstance(expected, datetime):
        # DuckDB's own times carry no zone; ours are texts in UTC.
        return datetime.fromisoformat(str(found)).replace(tzinfo=UTC) == expected.replace(tzinfo=UTC)
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12)
    return bool(found == expected)
