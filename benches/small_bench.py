"""Many small requests: an agent's batches of 460 values, and remote write of 60 samples, beside a bare aiohttp server.

The baseline reads each body and answers 204: what the library itself costs. Senders are plain sockets in a process of
their own, one request in flight each, so that they cost the server nothing.
"""

import asyncio
import multiprocessing
import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

from benches.cost import cost_of
from benches.ingest_bench import make_columns
from benches.report import Row, Section
from nagare.interop.remote_write.packing import pack_snappy
from nagare.wire.codec import encode, pack
from tests.support.processes import child_environment, serving
from tests.support.remote_write import write_request

SENDERS = 16
SECONDS = 8.0
# 462 values: a small host every few seconds.
SHAPE = {"cpu": 9, "disk_io": 4, "network": 3, "process": 8, "memory": 1, "load": 1}
SERIES = 60
Body = Callable[[int, int], bytes]


def _batches(sender: int) -> tuple[Body, int]:
    chance = random.Random(sender)
    tables = {name: make_columns(name, rows, chance) for name, rows in SHAPE.items()}
    values = sum(len(values) for columns in tables.values() for values in columns.values())

    def body(seq: int, now_ms: int) -> bytes:
        stamped = {name: {"ts": [now_ms] * SHAPE[name], **columns} for name, columns in tables.items()}
        host = f"bench{sender}"
        return pack(encode({"v": 1, "host": host, "boot": host, "seq": seq, "tables": stamped}), "zstd")

    return body, values


def _samples(sender: int) -> tuple[Body, int]:
    chance = random.Random(sender)
    labels = [{"__name__": f"m{n % 12}", "instance": f"h{sender}", "n": str(n), "job": "bench"} for n in range(SERIES)]

    def body(seq: int, now_ms: int) -> bytes:
        rows = [(each, [(now_ms - 60_000 + seq, round(chance.random() * 100, 2))]) for each in labels]
        return pack_snappy(write_request(rows).SerializeToString())

    return body, SERIES


def _send(kind: str, sender: int, port: int, head: str, seconds: float, answers: Connection) -> None:
    """Send until the time is over; runs in a process of its own."""
    body, values = (_batches if kind == "batch" else _samples)(sender)
    now_ms = time.time_ns() // 1_000_000
    ready = []
    for seq in range(1, 1500):
        content = body(seq, now_ms)
        ready.append(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers.send("ready")
    answers.recv()
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until and count < len(ready):
        connection.sendall(ready[count])
        answer = connection.recv(65536)
        if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")):
            raise RuntimeError(answer.decode())
        count += 1
    answers.send((count, count * values))


def _flood(kind: str, port: int, heads: list[str], pid: int) -> tuple[int, int, float]:
    """Return requests, values and CPU seconds of the server."""
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe() for _ in heads]
    senders = [
        context.Process(target=_send, args=(kind, number, port, head, SECONDS, pipes[number][1]))
        for number, head in enumerate(heads)
    ]
    for each in senders:
        each.start()
    for ours, _ in pipes:
        ours.recv()
    before = cost_of(pid).cpu_seconds
    for ours, _ in pipes:
        ours.send("go")
    counted = [ours.recv() for ours, _ in pipes]
    cpu = cost_of(pid).cpu_seconds - before
    for each in senders:
        each.join()
    return sum(count for count, _ in counted), sum(values for _, values in counted), cpu


def _head(path: str, token: str, *more: str) -> str:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "User-Agent: bench",
        *more,
        "",
    ]
    return "\r\n".join(lines)


def _bare(port: Connection) -> None:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port.send(site.port)
        await asyncio.Event().wait()

    asyncio.run(serve())


def _bare_cost(kind: str, heads: list[str]) -> float:
    """Return the CPU microseconds of a request to the bare server."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    server = context.Process(target=_bare, args=(theirs,), daemon=True)
    server.start()
    requests, _, cpu = _flood(kind, ours.recv(), heads, int(server.pid or 0))
    server.terminate()
    server.join()
    return cpu / requests * 1e6


def run() -> Section:
    """Flood a server with small requests of both kinds."""
    section = Section(
        "Small requests",
        f"{SENDERS} connections, one request in flight each, {SECONDS:g} s; CPU of the server's process. Beside it what the"
        " same requests cost an aiohttp server that reads them and answers 204.",
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "data", environment=child_environment(HOME=folder)) as server,
    ):
        port, pid = int(server.url.rpartition(":")[2]), server.process.pid
        zstd, json = "Content-Encoding: zstd", "Content-Type: application/json"
        tokens = [server.register(f"bench{number}") for number in range(SENDERS)]
        agents = [_head("/api/v1/metrics/batch", token, zstd, json) for token in tokens]
        snappy = ("Content-Encoding: snappy", "Content-Type: application/x-protobuf")
        writers = [_head("/api/v1/write", server.token, *snappy, "X-Prometheus-Remote-Write-Version: 0.1.0")] * SENDERS
        for kind, name, heads in (("batch", "agent's batches", agents), ("samples", "remote write of 60", writers)):
            requests, values, cpu = _flood(kind, port, heads, pid)
            bare = _bare_cost(kind, heads)
            section.rows += [
                Row(f"{name}: CPU of a request", cpu / requests * 1e6, "µs", bare, "bare aiohttp"),
                Row(f"{name}: values a server CPU-second", values / cpu, "", more_is_better=True),
            ]
    return section


if __name__ == "__main__":
    for row in run().rows:
        sys.stdout.write(f"{row.what}: {row.value:,.0f} {row.unit} (beside {row.beside or 0:,.0f})\n")
