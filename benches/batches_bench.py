"""Batches of many agents, 300 values each: what a value costs the server until it stands in blocks, rollups and scores.

Sixty-four hosts send an hour at 5 s as fast as each batch is acknowledged, from one process with bare sockets. What
is measured is the CPU time of the server's process until its background work has ended.
"""

import asyncio
import multiprocessing
import random
import select
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiohttp import web

from benches.cost import cpu_of
from benches.foreign.targets import Target, nagare_at
from benches.report import Row, Section
from nagare.agent.batches import as_json, pack
from nagare.keys.signing import SigningKey
from nagare.model.tables import TABLES, ColumnType
from nagare.wire.batch import BATCH_VERSION, JSON, Batch
from nagare.wire.binary_batch import MEDIA_TYPE
from nagare.wire.signature import HEADER, signed_bytes
from tests.support.processes import RunningServer

AGENTS = 64
TICKS, WARM_TICKS = 720, 12
STEP_MS = 5000
# A small host: 286 values beside the times. Rows of each table.
SHAPE = {"cpu": 5, "disk_io": 2, "network": 2, "process": 5, "memory": 1, "load": 1}
VALUES = sum(rows * len(TABLES[table].columns) for table, rows in SHAPE.items())
# What is promised, and what the POST alone took where it was.
PROMISE, BARE_US = 3e6, 33.0
PATH = "/api/v1/metrics/batch"


def _cells(kind: ColumnType, name: str, rows: int, tick: int, chance: random.Random) -> list[Any]:
    if kind is ColumnType.FLOAT:
        return [round(chance.random(), 6) for _ in range(rows)]
    if kind is ColumnType.INTEGER:
        return [(row + 1) * 10**9 + tick * chance.randrange(4000, 5000) for row in range(rows)]
    if kind is ColumnType.TEXT:
        return [f"{name}{row}" for row in range(rows)]
    return [row % 2 == 0 for row in range(rows)]


def _batches(agent: int, now_ms: int) -> Iterator[Batch]:
    """Yield an agent's batches: gauges that change, counters that count, names that stay."""
    chance, host = random.Random(agent), f"bench{agent}"
    for tick in range(TICKS):
        stamp = now_ms - (TICKS - tick) * STEP_MS
        tables = {
            table: {
                "ts": [stamp] * rows,
                **{one.name: _cells(one.type, one.name, rows, tick, chance) for one in TABLES[table].columns},
            }
            for table, rows in SHAPE.items()
        }
        yield Batch(BATCH_VERSION, host, host, tick + 1, tables)


@dataclass(frozen=True, slots=True)
class _Agent:
    """A host's token, its key where it signs, and whether it sends JSON as older agents do."""

    token: str
    key: SigningKey | None
    is_json: bool

    def requests(self, number: int, now_ms: int) -> list[bytes]:
        lines = [f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self.token}", "User-Agent: bench"]
        made = []
        for batch in _batches(number, now_ms):
            packed = pack(batch, 0)
            packed = as_json(packed) if self.is_json else packed
            head = [*lines, f"Content-Type: {JSON if self.is_json else MEDIA_TYPE}"]
            head += [f"Content-Encoding: {packed.encoding}", f"Content-Length: {len(packed.body)}"]
            if self.key is not None:
                head.append(f"{HEADER}: {self.key.sign(signed_bytes(PATH, packed.encoding, packed.body))}")
            made.append("\r\n".join([*head, "", ""]).encode() + packed.body)
        return made


def _join(server: RunningServer, number: int, *, is_signed: bool, is_json: bool) -> _Agent:
    key = SigningKey.generate() if is_signed else None
    asked = {
        "name": f"bench{number}",
        "machine_id": f"bench{number}",
        "version": "0.1.0",
        **({} if key is None else {"public_key": key.public_key}),
    }
    return _Agent(server.request("/api/v1/hosts/register", asked)["token"], key, is_json)


def _send(port: int, agents: list[_Agent], orders: Connection) -> None:
    """Send as many requests of each agent as it is told; runs in a process of its own."""
    now_ms = time.time_ns() // 1_000_000
    waiting = [agent.requests(number, now_ms)[::-1] for number, agent in enumerate(agents)]
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in agents]
    for one in sockets:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    orders.send("ready")
    while count := orders.recv():
        _flood(dict(zip(sockets, waiting, strict=True)), count)
        orders.send("done")


def _flood(waiting: dict[socket.socket, list[bytes]], count: int) -> None:
    poller, left = select.epoll(), {}
    for one, requests in waiting.items():
        left[one.fileno()] = (one, requests, len(requests) - count)
        poller.register(one, select.EPOLLIN)
        one.sendall(requests.pop())
    while left:
        for number, _ in poller.poll():
            one, requests, rest = left[number]
            answer = one.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode())
            if len(requests) > rest:
                one.sendall(requests.pop())
            else:
                poller.unregister(one)
                del left[number]


def _measure(
    target: Target, server: RunningServer, *, is_signed: bool = False, is_json: bool = False
) -> tuple[float, float]:
    """Return the CPU seconds of a batch until the last was acknowledged, and until background work had ended."""
    agents = [_join(server, number, is_signed=is_signed, is_json=is_json) for number in range(AGENTS)]
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    sender = context.Process(target=_send, args=(int(server.url.rpartition(":")[2]), agents, theirs))
    sender.start()
    ours.recv()
    ours.send(WARM_TICKS)
    ours.recv()
    before = cpu_of(target.pid)
    ours.send(TICKS - WARM_TICKS)
    ours.recv()
    acknowledged = cpu_of(target.pid)
    ours.send(0)
    sender.join()
    target.settle()
    batches, after = AGENTS * (TICKS - WARM_TICKS), cpu_of(target.pid)
    kept = server.sql("SELECT count(*) FROM cpu")[0][0]
    if kept != AGENTS * TICKS * SHAPE["cpu"]:
        raise RuntimeError(f"{AGENTS * TICKS:,} batches were acknowledged, but cpu holds {kept:,} rows")
    return (acknowledged - before) / batches, (after - before) / batches


def _serve_bare(started: Connection) -> None:
    """Answer each POST as an application of aiohttp that does nothing else; runs in a process of its own."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=b'{"accepted":19}', content_type=JSON)

    async def serve() -> None:
        app = web.Application(client_max_size=2**20)
        app.router.add_post(PATH, answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        started.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def _measure_bare() -> float:
    """Return the CPU seconds of a POST of such a batch to an application that only answers."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve_bare, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    sender = context.Process(target=_send, args=(port, [_Agent("token", None, is_json=False)] * AGENTS, theirs))
    sender.start()
    ours.recv()
    ours.send(WARM_TICKS)
    ours.recv()
    before = cpu_of(server.pid or 0)
    ours.send(TICKS - WARM_TICKS)
    ours.recv()
    spent = cpu_of(server.pid or 0) - before
    ours.send(0)
    sender.join()
    server.terminate()
    server.join()
    return spent / (AGENTS * (TICKS - WARM_TICKS))


def run() -> Section:
    """Send the batches of agents without a key, of those that sign, and of older ones."""
    section = Section(
        "Agents' batches",
        f"{AGENTS} agents, one batch of {VALUES} values in flight each, zstd; {TICKS - WARM_TICKS} ticks of 5 s after"
        f" {WARM_TICKS} to begin with. Each batch is synced to disk before its 200. CPU of the server's process, flush, rollups"
        f" and scores included. Beside: the same POST to an application of aiohttp that only answers it. The promise was made where"
        f" that takes {BARE_US:g} µs.",
    )
    bare = _measure_bare()
    ways: dict[str, dict[str, bool]] = {
        "agents' batches": {},
        "the same, signed by each agent's key": {"is_signed": True},
        "as JSON, without a key": {"is_json": True},
    }
    for who, how in ways.items():
        with tempfile.TemporaryDirectory() as folder, nagare_at(Path(folder)) as (target, server):
            acknowledged, all_in_all = _measure(target, server, **how)
        promise = None if how else PROMISE
        as_there = VALUES / all_in_all * bare * 1e6 / BARE_US
        section.rows += [
            Row(f"{who}: values a CPU-second", VALUES / all_in_all, "", promise=promise, more_is_better=True),
            Row(f"… were that POST {BARE_US:g} µs here too", as_there, "", promise=promise, more_is_better=True),
            Row("… CPU of a batch", all_in_all * 1e6, "µs", bare * 1e6, "a bare POST"),
            Row("… of it until it is acknowledged", acknowledged * 1e6, "µs"),
        ]
    return section


if __name__ == "__main__":
    for row in run().rows:
        sys.stdout.write(f"{row.what}: {row.value:,.0f} {row.unit}\n")
