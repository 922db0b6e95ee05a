"""A day of 200 hosts with all tables: how soon a server over it answers, and what the screens of ``nagare top`` wait for.

The statements are those that the screens send, made by their own code; each goes to a live server over HTTP, and the
slowest of five counts beside their median. Loading takes most of the time, so this bench runs only when it is named.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benches.cost import cost_of
from benches.day.load import host_name, load
from benches.report import Row, Section
from nagare.model.host_series import SERIES
from nagare.tui.history import (
    Statement,
    host_statement,
    make_span,
    processes_statement,
    rows_statements,
    seed_span,
    seed_statement,
    tables_of,
)
from nagare.tui.host_tabs import LIST_TABS
from nagare.tui.series import HOST_CHARTS
from tests.support.processes import RunningServer, child_environment, serving

HOSTS = int(os.environ.get("DAY_BENCH_HOSTS", "200"))
HOURS = float(os.environ.get("DAY_BENCH_HOURS", "24"))
TRIES = 5
START_PROMISE_SECONDS, QUERY_PROMISE_MS = 5.0, 100.0
_WINDOWS = {"15 minutes": 900, "1 hour": 3_600, "6 hours": 21_600, "24 hours": 86_400}
# Columns of a wide chart, two values each.
_COLUMNS = 240
_HOUR_MS = 3_600_000


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _host_charts(host: str, seconds: int) -> list[Statement]:
    now_ms = _now_ms()
    span = make_span(now_ms - seconds * 1000, now_ms, _COLUMNS, 1000)
    names = dict.fromkeys(name for chart in HOST_CHARTS for name in chart.series)
    return [host_statement(table, series, host, span) for table, series in tables_of(names).items()]


def _seed() -> list[Statement]:
    names = [series.id for series in SERIES.values() if series.table not in ("sensor", "gpu")]
    return [seed_statement(table, series, seed_span(_now_ms(), HOSTS)) for table, series in tables_of(names).items()]


def _asked() -> Iterator[tuple[str, Callable[[], list[Statement]]]]:
    host = host_name(HOSTS // 2)
    yield "overview: sparklines of every host", _seed
    yield "overview: busiest processes of all hosts", lambda: [processes_statement(_now_ms() - 180_000)]
    for title, seconds in _WINDOWS.items():
        yield f"host: every chart, {title}", lambda seconds=seconds: _host_charts(host, seconds)  # type: ignore[misc]
    tables = sorted({section.table for tab in LIST_TABS.values() for section in tab.sections})
    yield "host: newest rows of every list", lambda: [next(rows_statements(table, host, _now_ms())) for table in tables]
    yield (
        "host: rows of every list twelve hours ago",
        lambda: [next(rows_statements(table, host, _now_ms(), _now_ms() - 12 * _HOUR_MS)) for table in tables],
    )


def _milliseconds(server: RunningServer, statement: Statement) -> float:
    begun = time.perf_counter()
    server.request("/api/v1/sql", {"sql": statement.sql, "params": statement.params})
    return (time.perf_counter() - begun) * 1000


def _rows(server: RunningServer) -> Iterator[Row]:
    """Of each screen the sum of its statements, and the slowest single one."""
    for what, make in _asked():
        turns = [[_milliseconds(server, statement) for statement in make()] for _ in range(TRIES)]
        count = len(turns[0])
        slowest = max(statistics.median(turn[index] for turn in turns) for index in range(count))
        yield Row(f"{what}: slowest of {count} statements", slowest, "ms", promise=QUERY_PROMISE_MS)
        if count > 1:
            yield Row("… all of them, one after the other", statistics.median(map(sum, turns)), "ms")


def run() -> Section:
    """Load the day, start a server over it, and ask."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        begun = time.perf_counter()
        stored = load(data, HOSTS, HOURS)
        loaded = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in (data / "metrics").rglob("*") if path.is_file())
        begun = time.perf_counter()
        with serving(data, environment=child_environment(HOME=folder)) as server:
            ready = time.perf_counter() - begun
            memory = cost_of(server.process.pid)
            rows = list(_rows(server))
            after = cost_of(server.process.pid)
    section = Section(
        "A day of a fleet",
        f"{HOSTS} hosts, {HOURS:g} h at 5 s, all tables: {stored:,} rows, loaded in {loaded:.0f} s. A statement's time is the"
        f" median of {TRIES}, HTTP and JSON included; the first of them reads what the system may have to fetch from disk.",
    )
    section.rows += [
        Row("from the command to a ready server", ready, "s", promise=START_PROMISE_SECONDS),
        Row("disk, rollups included", size / stored, "bytes a row"),
        Row("memory (RSS) when ready", memory.rss_bytes / 1e6, "MB"),
        *rows,
        Row("memory (RSS) after all of it", after.rss_bytes / 1e6, "MB"),
    ]
    return section
