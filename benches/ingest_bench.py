"""Durable ingest through HTTP: batches that are on disk when they are acknowledged, beside a plain fsync loop."""

import asyncio
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from benches.cost import cost_of
from benches.report import Row, Section
from nagare.model.tables import TABLES, ColumnType
from nagare.wire.codec import encode, pack
from tests.support.processes import RunningServer, child_environment, serving

SENDERS = 8
SECONDS = 15.0
# A host with 32 cores, ten disks and thirty processes: near what an agent sends each 5 s. Rows of each table.
SHAPE = {"cpu": 33, "disk_io": 10, "network": 6, "process": 30, "memory": 1, "load": 1}


def make_columns(table: str, rows: int, chance: random.Random) -> dict[str, list[Any]]:
    """Return values for that many rows of one of our tables."""
    made: dict[str, list[Any]] = {}
    for column in TABLES[table].columns:
        if column.type is ColumnType.FLOAT:
            made[column.name] = [round(chance.random(), 6) for _ in range(rows)]
        elif column.type is ColumnType.INTEGER:
            made[column.name] = [chance.randrange(2**40) for _ in range(rows)]
        elif column.type is ColumnType.TEXT:
            made[column.name] = [f"{column.name}{row}" for row in range(rows)]
        else:
            made[column.name] = [row % 2 == 0 for row in range(rows)]
    return made


class _Source:
    """Batches of one host: the values are made once, so that the senders do not measure themselves."""

    def __init__(self, host: str) -> None:
        chance = random.Random(host)
        self._host = host
        self._tables = {name: make_columns(name, rows, chance) for name, rows in SHAPE.items()}
        self._seq = 0
        self.values = sum(len(values) for columns in self._tables.values() for values in columns.values())

    def body(self) -> bytes:
        """Return the next batch as it is sent."""
        self._seq += 1
        now_ms = time.time_ns() // 1_000_000
        tables = {name: {"ts": [now_ms] * SHAPE[name], **columns} for name, columns in self._tables.items()}
        return pack(
            encode({"v": 1, "host": self._host, "boot": self._host, "seq": self._seq, "tables": tables}), "zstd"
        )


async def _send(server: RunningServer, host: str, token: str, until: float) -> tuple[int, int]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Content-Encoding": "zstd"}
    source, batches = _Source(host), 0
    async with aiohttp.ClientSession(headers=headers) as session:
        while time.monotonic() < until:
            async with session.post(server.url + "/api/v1/metrics/batch", data=source.body()) as answer:
                if answer.status != 200:
                    raise RuntimeError(f"{answer.status}: {await answer.text()}")
                await answer.read()
            batches += 1
    return batches, batches * source.values


async def _flood(server: RunningServer, tokens: dict[str, str]) -> tuple[int, int]:
    until = time.monotonic() + SECONDS
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_send(server, host, token, until)) for host, token in tokens.items()]
    results = [task.result() for task in tasks]
    return sum(batches for batches, _ in results), sum(values for _, values in results)


def _fsyncs_per_second(folder: Path) -> float:
    with (folder / "probe").open("wb", buffering=0) as file:
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < 2:
            file.write(bytes(8192))
            os.fsync(file.fileno())
            count += 1
        return count / (time.perf_counter() - begun)


def run() -> Section:
    """Flood a server from several senders and count what it acknowledged, and at what cost."""
    section = Section(
        "Durable ingest over HTTP",
        f"{SENDERS} senders, one batch in flight each, zstd, {SECONDS:g} s; each batch is synced to disk before its 200."
        " The senders share the machine.",
    )
    with tempfile.TemporaryDirectory() as folder:
        syncs = _fsyncs_per_second(Path(folder))
        with serving(Path(folder) / "data", environment=child_environment(HOME=folder)) as server:
            tokens = {host: server.register(host) for host in (f"bench{number}" for number in range(SENDERS))}
            before = cost_of(server.process.pid)
            batches, values = asyncio.run(_flood(server, tokens))
            cost = cost_of(server.process.pid)
            kept = server.sql("select count(*) from cpu")[0][0]
    if kept != batches * SHAPE["cpu"]:
        raise RuntimeError(f"{batches} batches were acknowledged, but cpu holds {kept} rows")
    cpu = cost.cpu_seconds - before.cpu_seconds
    section.rows += [
        Row("batches acknowledged", batches / SECONDS, "per s", syncs, "fsync of 8 KiB in a loop", more_is_better=True),
        Row("values acknowledged", values / SECONDS, "per s", more_is_better=True),
        Row("values per server CPU-second", values / cpu, "", more_is_better=True),
        Row("server memory (RSS) afterwards", cost.rss_bytes / 1e6, "MB"),
    ]
    return section
