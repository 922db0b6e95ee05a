"""The metric store without HTTP: what a durable append costs, and how fast SQL answers over a million rows."""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from benches.report import Row, Section
from nagare.lib.clock import SystemClock
from nagare.metrics.store import MetricStore
from nagare.model.samples import Samples
from nagare.wire.batch import Batch, Cell
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import make_store

SENDERS = 64
RATIOS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "busy")
QUERIES = {
    "count of a million rows": "SELECT count(*) FROM cpu",
    "mean by host": "SELECT host, avg(user_ratio) FROM cpu GROUP BY 1",
    "newest of 100 000 series": "SELECT max(u) FROM (SELECT arg_max(user_ratio, ts) u FROM cpu GROUP BY host, core)",
    "one series by the minute": "SELECT time_bucket(INTERVAL '1 minute', ts), avg(user_ratio) FROM cpu "
    "WHERE host = 'h1' AND core = '0' GROUP BY 1",
}

SERIES, REQUEST, SAMPLE_TICKS = 12_000, 2_400, 120
SAMPLE_QUERIES = {
    "count of the newest of 12 000 series": "SELECT count(*) FROM samples_last WHERE value IS NOT NULL",
    "the newest of 12 000 series, as rows": "SELECT host, name, value FROM samples_last",
    "sum of 1.4 million": "SELECT sum(value) FROM samples",
    "one metric by host": "SELECT host, avg(value) FROM samples WHERE name = 'm07' GROUP BY 1",
}


def _batch(seq: int, rows: int, now_ms: int) -> Batch:
    cpu: dict[str, list[Cell]] = {"ts": [now_ms] * rows, "core": [str(row) for row in range(rows)]}
    cpu |= {f"{name}_ratio": [random.random() for _ in range(rows)] for name in RATIOS}
    cpu |= {"interrupts_total": list(range(rows)), "frequency_hertz": [None] * rows, "seconds_total": [1.5] * rows}
    return Batch(1, f"h{seq % 50}", "bench", seq, {"cpu": cpu})


async def _append(store: MetricStore, batches: list[Batch]) -> float:
    """Append from many senders at once and return the CPU seconds that it took."""
    waiting = iter(batches)

    async def send() -> None:
        for batch in waiting:
            await store.append(batch)

    begun = time.process_time()
    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return time.process_time() - begun


async def _milliseconds(work: Callable[[], Awaitable[object]]) -> float:
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


async def _samples(folder: Path, section: Section) -> None:
    """Append a fleet's samples as remote write brings them, 2 400 a call, and put them into a block."""
    clock = SystemClock()
    async with make_store(folder, clock=clock, flush_samples_bytes=2**30) as store:
        series = np.array([store.series.intern(f"m{n % 60:02d}", {"host": f"h{n // 60}"}) for n in range(SERIES)])
        chance = np.random.default_rng(1)
        values = np.cumsum(np.rint(chance.normal(100, 9, (SAMPLE_TICKS, SERIES))), axis=0) / 100
        begin_ms = clock.now_ms() - SAMPLE_TICKS * 5000
        begun = time.process_time()
        for tick in range(SAMPLE_TICKS):
            for low in range(0, SERIES, REQUEST):
                chosen = series[low : low + REQUEST].astype(np.int32)
                times = np.full(REQUEST, begin_ms + tick * 5000)
                await store.append_samples(Samples(chosen, times, values[tick, low : low + REQUEST]))
        appended = time.process_time() - begun
        await store.flush()
        flushed = time.process_time() - begun - appended
        count = SAMPLE_TICKS * SERIES
        section.rows += [
            Row(f"samples: append, {REQUEST} a call", appended / count * 1e9, "CPU ns a sample"),
            Row("samples: from head to block", flushed / count * 1e9, "CPU ns a sample"),
            Row("samples: block, counters in hundredths", store.status().block_bytes / count, "bytes a sample"),
        ]
        for name, sql in SAMPLE_QUERIES.items():
            taken = await _milliseconds(lambda sql=sql: store.query(SqlRequest(sql)))  # type: ignore[misc]
            section.rows.append(Row(f"samples: {name}", taken, "ms"))


async def _measure(folder: Path, section: Section) -> None:
    clock = SystemClock()
    async with make_store(folder, clock=clock, flush_rows=10**7) as store:
        seq = 0
        for rows, count in ((20, 2000), (200, 400)):
            batches = [_batch(seq + number, rows, clock.now_ms() - number) for number in range(count)]
            seq += count
            cpu = await _append(store, batches)
            section.rows.append(
                Row(f"values per CPU-second, batches of {rows * 15}", rows * 15 * count / cpu, "", more_is_better=True)
            )
        while seq < 2900:
            await store.append(_batch(seq, 2000, clock.now_ms() - seq * 1000))
            seq += 1
        await store.flush()
        for name, sql in QUERIES.items():
            taken = await _milliseconds(lambda sql=sql: store.query(SqlRequest(sql)))  # type: ignore[misc]
            section.rows.append(Row(name, taken, "ms"))


def run() -> Section:
    """Append to a store of its own and query it."""
    section = Section(
        "Metric store",
        f"{SENDERS} senders without HTTP, each append synced; queries over 1.1 million rows in blocks, median of 5.",
    )
    for part in (_measure, _samples):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(part(Path(folder), section))
    return section
