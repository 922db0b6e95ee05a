"""The StatsD server on real sockets."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nagare.config.statsd import StatsdSettings
from nagare.errors import ConfigError, DiskFullError
from nagare.lib.clock import ManualClock
from nagare.statsd.service import StatsdServer
from tests.support.kept_samples import WAIT_SECONDS, KeptSamples

INTERVAL = 10.0


class Listening:
    """A running server, its clock, and what came of it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.store = KeptSamples()
        given: dict[str, Any] = {"listen": "127.0.0.1:0", "interval_seconds": INTERVAL} | settings
        self.server = StatsdServer(StatsdSettings(**given), self.store, self.clock)

    def send(self, *datagrams: bytes) -> None:
        host, _, port = self.server.address.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            for datagram in datagrams:
                sender.sendto(datagram, (host.strip("[]"), int(port)))

    async def until(self, counter: str, count: float) -> None:
        """Wait until a counter stands at ``count``; turns of the loop are what it needs."""
        async with asyncio.timeout(WAIT_SECONDS):
            while self.server.counters.get(counter) < count:
                await self.clock.advance(0)

    async def flush(self) -> None:
        wanted = self.store.appends + 1
        await self.clock.advance(INTERVAL)
        await self.store.until(lambda: self.store.appends >= wanted)
        await self.clock.advance(0)


@asynccontextmanager
async def listening(**settings: Any) -> AsyncIterator[Listening]:
    found = Listening(**settings)
    async with found.server, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(found.server.run())
        await found.clock.advance(0)
        yield found
        running.cancel()


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0"])
async def test_lines_become_samples_at_each_interval(listen: str) -> None:
    async with listening(listen=listen, labels={"host": "web1"}) as it:
        assert it.server.address.startswith(listen.removesuffix("0"))
        assert not it.server.address.endswith(":0")
        it.send(b"hits:1|c|#path:/a\nroom:21.5|g", b"hits:2|c|#path:/a", b"t:12|ms")
        await it.until("datagrams", 3)
        await it.flush()
        it.send(b"hits:4|c|#path:/a")
        await it.until("datagrams", 4)
        await it.flush()
    assert it.store.values("hits_total", path="/a", host="web1")[:2] == [3.0, 7.0]
    assert it.store.values("room", host="web1")[:2] == [21.5, 21.5]
    assert it.store.values("t_p99") == [12.0]
    first, second = it.store.times("room")[:2]
    assert second - first == INTERVAL * 1000
    assert {told.name for told in it.store.metadata} >= {"hits_total", "room", "t_count"}


async def test_what_was_reported_is_stored_at_the_end() -> None:
    async with listening() as it:
        it.send(b"hits:1|c")
        await it.until("datagrams", 1)
    assert it.store.values("hits_total") == [1.0]
    assert it.server.address == ""


async def test_malformed_lines_are_counted_and_their_neighbours_read(caplog: pytest.LogCaptureFixture) -> None:
    async with listening() as it:
        it.send(b"ok:1|c\nnonsense s3cret\nok:x|c\n:1|c\n\xff\xfe|||\nok:2|c", b"\x00" * 100, b"")
        await it.until("datagrams", 3)
        await it.flush()
    assert it.store.values("ok_total")[0] == 3.0
    assert it.server.counters.get("malformed_lines") == 4
    assert "s3cret" not in caplog.text


async def test_datagrams_past_the_queue_are_dropped_and_counted() -> None:
    async with listening(queue_limit=10) as it:
        # Nobody reads between two datagrams of one turn: what the socket brings at once waits in the queue.
        for _ in range(25):
            it.server._receiver.datagram_received(b"hits:1|c", ("127.0.0.1", 1))
        await it.until("datagrams", 10)
        await it.flush()
    assert it.server.counters.get("dropped_datagrams") == 15
    assert it.store.values("hits_total")[0] == 10.0


async def test_strangers_are_not_heard() -> None:
    async with listening(networks=("10.0.0.0/8",)) as it:
        it.send(b"hits:1|c")
        await it.until("refused_datagrams", 1)
    assert it.store.rows == []


async def test_a_flood_is_bounded_and_every_datagram_accounted_for() -> None:
    sent = 20_000
    async with listening(queue_limit=100, series_limit=50, receive_buffer_bytes=4096) as it:
        for start in range(0, sent, 1000):
            it.send(*(b"n%d:1|c" % ((number + start // 1000 * 9) % 100) for number in range(start, start + 1000)))
            await it.clock.advance(0)
        await it.flush()
        names = len(it.server)
    counters = it.server.counters
    assert names == 50
    accounted = sum(counters.get(name) for name in ("datagrams", "dropped_datagrams", "kernel_drops"))
    assert accounted == sent
    assert counters.get("kernel_drops") > 0
    stored = {name: value for name, _, _, value in it.store.rows}
    assert sum(value or 0 for value in stored.values()) + counters.get("dropped_lines") == counters.get("lines")


async def test_totals_survive_a_flush_that_the_store_refuses() -> None:
    async with listening() as it:
        it.send(b"hits:1|c")
        await it.until("datagrams", 1)
        it.store.refuses = DiskFullError("cannot write: no room")
        await it.flush()
        it.store.refuses = None
        it.send(b"hits:1|c")
        await it.until("datagrams", 2)
        await it.flush()
    assert it.store.values("hits_total")[0] == 2.0
    assert it.server.counters.get("append_failures") == 1


async def test_what_falls_silent_ends() -> None:
    async with listening(idle_seconds=INTERVAL) as it:
        it.send(b"hits:1|c")
        await it.until("datagrams", 1)
        await it.flush()
        await it.flush()
    assert it.store.values("hits_total") == [1.0, None]


async def test_off_by_default() -> None:
    async with listening(listen="") as it:
        assert it.server.address == ""
        await it.clock.advance(INTERVAL)
    assert it.store.appends == 0


async def test_listening_for_everybody_needs_their_networks() -> None:
    with pytest.raises(ConfigError, match="nobody beyond this machine"):
        async with listening(listen="0.0.0.0:0"):
            pass
    async with listening(listen="0.0.0.0:0", networks=("127.0.0.0/8",)) as it:
        port = it.server.address.rpartition(":")[2]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hits:1|c", ("127.0.0.1", int(port)))
        await it.until("datagrams", 1)


async def test_the_largest_datagram_is_read_whole() -> None:
    lines = b"\n".join(b"n%d:1|c" % number for number in range(6000))[:65000].rpartition(b"\n")[0]
    async with listening() as it:
        it.send(lines)
        await it.until("lines", lines.count(b"\n") + 1)
        await it.flush()
    assert math.isclose(sum(value or 0 for value in it.store.values("n0_total")), 2.0)
