"""Loads the data into a fresh server, waits until all of it lies in blocks, and has every kind asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from benches.cost import cpu_of
from benches.foreign.targets import nagare_at
from benches.report import Row
from benches.tsbs.ask import Suite
from benches.tsbs.cpu_only import CpuOnly, make_cpu_only
from benches.tsbs.queries import KINDS
from tests.support.flood import Load, Request, flood

LANES = 4
# Other work on the machine; a median beyond this times the baseline is a fault of ours.
MOST = 1.5


def newest_cpu_only() -> CpuOnly:
    """Return the data of the 24 hours up to now."""
    return make_cpu_only(time.time_ns() // 1_000_000)


def answer(
    suite: Suite, folder: Path, requests: Iterable[Request], protocol: str, headers: Mapping[str, str]
) -> list[Row]:
    """Load through HTTP, ask the live server, stop it, ask its files; return a row for the load and two for each kind."""
    load = Load.write(folder / "load", requests)
    with nagare_at(folder) as (target, server):
        done = flood(load, target.url, target.paths[protocol], {**headers, **target.headers})
        if not done.is_whole:
            raise RuntimeError(f"the load was refused: {done.said} (answers: {done.statuses})")
        target.settle()
        cpu = cpu_of(target.pid)
        suite.ask_server(server)
        server.process.stop()
    asyncio.run(suite.ask_store(folder / "data"))
    rows = [Row("values loaded per CPU-second", done.samples / cpu, "", more_is_better=True)]
    for kind in KINDS:
        figures = suite.answered[kind.name]
        limit = figures.raw_ms * MOST
        rows.append(
            Row(f"{kind.name} ({figures.rows:,} rows)", figures.store_ms, "ms", figures.raw_ms, "DuckDB", limit)
        )
        rows.append(Row("… over HTTP", figures.http_ms, "ms"))
    return rows
