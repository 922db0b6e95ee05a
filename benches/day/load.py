"""A day of a fleet, put into a metric store through its own front door: every table of ours, at the agents' own rates.

Each host is four cores, three file systems, two devices and interfaces, twenty processes. Values are walks of a fixed
seed. One moment's rows are of the agent's usual intervals: five seconds, ten for sensors, a minute and more for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nagare.errors import OverloadedError
from nagare.lib.clock import SystemClock
from nagare.metrics.store import MetricStore
from nagare.model.tables import TABLES, Column, ColumnKind, ColumnType
from nagare.wire.batch import Batch
from tests.support.metric_store import make_store

SEED = 20_261_126
STEP_MS = 5_000
# A batch of each host holds so many moments: a day of single batches would measure the loader.
MOMENTS = 60
# Rows a moment, and how many steps of five seconds lie between two moments.
SHAPE = {
    "cpu": (5, 1), "load": (1, 1), "memory": (1, 1), "disk": (3, 1), "disk_io": (2, 1), "network": (2, 1),
    "process": (20, 1), "container": (2, 1), "gpu": (1, 1), "gpu_process": (1, 1), "sensor": (4, 2), "unit": (6, 12),
    "agent": (8, 12), "probe": (2, 12), "smart": (2, 60),
}  # fmt: skip
_KEYS = {"core": "all", "kind": "temperature"}
# Senders at one time.
_LANES = 16


def host_name(number: int) -> str:
    """Return the name of the host of that number."""
    return f"host-{number:03d}"


def _cells(column: Column, rows: int, moments: int, chance: np.random.Generator) -> list[Any]:
    if column.type is ColumnType.TEXT:
        first = _KEYS.get(column.name, f"{column.name}-0")
        return [first, *(f"{column.name}-{row}" for row in range(1, rows))] * moments
    if column.type is ColumnType.BOOLEAN:
        return ([True] + [False] * (rows - 1)) * moments
    if column.type is ColumnType.MAP:
        return [None] * (rows * moments)
    return _numbers(column, rows, moments, chance)


def _numbers(column: Column, rows: int, moments: int, chance: np.random.Generator) -> list[Any]:
    if column.kind is ColumnKind.KEY:
        return list(range(rows)) * moments
    if column.kind is ColumnKind.COUNTER:
        steps = chance.poisson(4_000, (moments, rows)).cumsum(axis=0) + chance.integers(10**6, 10**9, rows)
        return [int(value) for value in steps.ravel()]
    walk = 0.5 + 0.4 * np.sin(chance.uniform(0, 6, rows) + np.arange(moments)[:, None] / 20)
    values = (walk + chance.normal(0, 0.02, (moments, rows))).clip(0, 1).ravel()
    if column.type is ColumnType.INTEGER:
        return [int(value) for value in np.rint(values * 10**6)]
    return [round(float(value), 4) for value in values]


class _Piece:
    """The same moments for every host: only the time and the name differ, so that making them is not what takes long."""

    def __init__(self, chance: np.random.Generator) -> None:
        self._tables: dict[str, tuple[int, int, dict[str, list[Any]]]] = {}
        for name, (rows, every) in SHAPE.items():
            moments = MOMENTS // every
            columns = {column.name: _cells(column, rows, moments, chance) for column in TABLES[name].columns}
            self._tables[name] = rows, every, columns

    def tables(self, start_ms: int) -> dict[str, dict[str, list[Any]]]:
        made = {}
        for name, (rows, every, columns) in self._tables.items():
            moments = np.arange(MOMENTS // every) * (STEP_MS * every) + start_ms
            made[name] = {"ts": moments.repeat(rows).tolist(), **columns}
        return made


def _batches(hosts: int, start_ms: int, clock: SystemClock) -> Iterator[Batch]:
    chance = np.random.default_rng(SEED)
    pieces = [_Piece(chance) for _ in range(8)]
    seq, at_ms = 0, start_ms
    # Until now: loading takes a while itself, and the newest quarter of an hour is what most is asked of.
    while at_ms + MOMENTS * STEP_MS <= clock.now_ms():
        seq += 1
        for number in range(hosts):
            tables = pieces[(seq + number) % len(pieces)].tables(at_ms + number * 20)
            yield Batch(1, host_name(number), "bench", seq, tables)
        at_ms += MOMENTS * STEP_MS


async def _append(store: MetricStore, batches: Iterator[Batch]) -> int:
    rows = 0
    for batch in batches:
        while True:
            try:
                rows += (await store.append(batch)).accepted
                break
            except OverloadedError:
                await asyncio.sleep(0.2)
    return rows


async def _load(folder: Path, hosts: int, hours: float) -> int:
    clock = SystemClock()
    start_ms = (clock.now_ms() - round(hours * 3_600_000)) // 60_000 * 60_000
    async with make_store(folder, clock=clock) as store:
        house = asyncio.create_task(store.run())
        batches = _batches(hosts, start_ms, clock)
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(_append(store, batches)) for _ in range(_LANES)]
        house.cancel()
        # As a server leaves it that had the day to do it in: the last hour is rolled up as far as it is over.
        await store.flush()
        for _ in range(60):
            before = store.status().rollup_lag_seconds
            await store.keep_house()
            if store.status().rollup_lag_seconds == before == 0:
                break
    return sum(lane.result() for lane in lanes)


def load(folder: Path, hosts: int, hours: float) -> int:
    """Fill the store in ``folder``, which no server has open, with ``hours`` up to now; return the number of rows."""
    return asyncio.run(_load(folder, hosts, hours))
