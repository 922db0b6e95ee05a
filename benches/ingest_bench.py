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
from nagare.wire.codec import encode, pack
from tests.support.processes import RunningServer, child_environment, serving

SENDERS = 8
SECONDS = 15.0
# A host with 32 cores, 40 disks' worth of rows and 30 processes: near what an agent sends each 5 s.
SHAPE = {"cpu": (33, 12), "disk_io": (10, 12), "network": (6, 14), "process": (30, 8), "memory": (1, 20)}


def _columns(table: str, rows: int, columns: int, now_ms: int, chance: random.Random) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {"ts": [now_ms] * rows}
    keys = {"cpu": "core", "disk_io": "device", "network": "interface", "process": "name"}
    if table in keys:
        made[keys[table]] = [f"{table}{row}" for row in range(rows)]
    for column in range(columns):
        made[f"bench{column}_ratio"] = [round(chance.random(), 6) for _ in range(rows)]
    return made


def _body(host: str, seq: int, chance: random.Random) -> tuple[bytes, int]:
    now_ms = time.time_ns() // 1_000_000
    tables = {name: _columns(name, rows, columns, now_ms, chance) for name, (rows, columns) in SHAPE.items()}
    batch = {"v": 1, "host": host, "boot": f"bench-{host}", "seq": seq, "tables": tables}
    return pack(encode(batch), "zstd"), sum(rows * columns for rows, columns in SHAPE.values())


async def _send(server: RunningServer, host: str, until: float, sent: list[int]) -> None:
    chance = random.Random(host)
    headers = {
        "Authorization": f"Bearer {server.token}",
        "Content-Type": "application/json",
        "Content-Encoding": "zstd",
    }
    async with aiohttp.ClientSession(headers=headers) as session:
        seq = 0
        while time.monotonic() < until:
            seq += 1
            body, values = _body(host, seq, chance)
            async with session.post(server.url + "/api/v1/metrics/batch", data=body) as answer:
                if answer.status != 200:
                    raise RuntimeError(f"{answer.status}: {await answer.text()}")
                await answer.read()
            sent.append(values)


async def _flood(server: RunningServer) -> tuple[int, int]:
    sent: list[int] = []
    until = time.monotonic() + SECONDS
    async with asyncio.TaskGroup() as tasks:
        for number in range(SENDERS):
            tasks.create_task(_send(server, f"bench{number}", until, sent))
    return len(sent), sum(sent)


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
            before = cost_of(server.process.pid)
            batches, values = asyncio.run(_flood(server))
            cost = cost_of(server.process.pid)
            kept = server.sql("select count(*) from cpu")[0][0]
    if kept != batches * SHAPE["cpu"][0]:
        raise RuntimeError(f"{batches} batches were acknowledged, but cpu holds {kept} rows")
    cpu = cost.cpu_seconds - before.cpu_seconds
    section.rows += [
        Row("batches acknowledged", batches / SECONDS, "per s", syncs, "fsync of 8 KiB in a loop", more_is_better=True),
        Row("values acknowledged", values / SECONDS, "per s", more_is_better=True),
        Row("values per server CPU-second", values / cpu, "", more_is_better=True),
        Row("server memory (RSS) afterwards", cost.rss_bytes / 1e6, "MB"),
    ]
    return section
