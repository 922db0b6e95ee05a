"""The StatsD server: datagrams become lines, lines become a tally, and each interval becomes samples."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from nagare.config.statsd import StatsdSettings
from nagare.errors import NagareError
from nagare.interop.statsd import parse_datagram
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.samples import MetricMetadata, Samples, SamplesReply, SeriesIntern
from nagare.statsd.receiver import Networks, Receiver, dropped_by_kernel, open_socket
from nagare.statsd.tally import Tally

log = logging.getLogger(__name__)

# Read in one go, about 2 ms of work; then others have their turn.
_DATAGRAMS_A_TURN = 200


class SampleStore(Protocol):
    """Where samples go; the metric store is one."""

    @property
    def series(self) -> SeriesIntern:
        """What numbers series."""
        ...

    async def append_samples(self, samples: Samples, *, metadata: Sequence[MetricMetadata] = ()) -> SamplesReply:
        """Store samples durably and say what became of them."""
        ...


class StatsdServer:
    """Listens when ``settings.listen`` names an address; ``async with`` owns the socket, ``run`` reads and flushes."""

    def __init__(self, settings: StatsdSettings, store: SampleStore, clock: Clock) -> None:
        """Keep what to do; nothing is opened yet."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._socket: socket.socket | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._kernel_drops = 0
        self.counters = Counters()
        self._receiver = Receiver(Networks(settings.networks), settings.queue_limit, self.counters)
        idle = max(1, round(settings.idle_seconds / settings.interval_seconds))
        self._tally = Tally(store.series, settings.labels, settings.series_limit, idle)

    async def __aenter__(self) -> Self:
        """Open the socket. Raises ConfigError."""
        settings = self._settings
        if settings.listen:
            self._socket = open_socket(settings.listen, settings.networks, settings.receive_buffer_bytes)
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: self._receiver, sock=self._socket
            )
            log.info("statsd_listening address=%s", self.address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the socket and store what was reported by now."""
        if self._transport is None:
            return
        self._note_kernel_drops()
        self._transport.close()
        self._transport = self._socket = None
        self._read(len(self._receiver.queue))
        await self.flush()

    @property
    def address(self) -> str:
        """HOST:PORT of the socket, empty when there is none."""
        if self._socket is None:
            return ""
        host, port = self._socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def __len__(self) -> int:
        """Return how many names with their tags are kept."""
        return len(self._tally)

    async def run(self) -> None:
        """Read lines as they come and store samples at each interval; until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_lines(), name="statsd-read")
            tasks.create_task(self._flush_in_time(), name="statsd-flush")

    async def flush(self) -> None:
        """Store the samples of the interval that ends now."""
        flushed = self._tally.flush(self._clock.now_ms())
        self._count_drops()
        if not len(flushed.samples):
            return
        try:
            reply = await self._store.append_samples(flushed.samples, metadata=flushed.metadata)
        except NagareError as error:
            # Totals come again with the next flush; gauges of this interval are lost.
            self.counters.add("append_failures")
            log.error("statsd_flush_failed reason=%s", error.message)  # noqa: TRY400  the message says it all
            return
        self.counters.add("samples", reply.accepted)
        self.counters.add("refused_samples", sum(reply.refused.values()))

    async def _read_lines(self) -> None:
        receiver = self._receiver
        while True:
            await receiver.arrived.wait()
            self._read(_DATAGRAMS_A_TURN)
            if not receiver.queue:
                receiver.arrived.clear()
            await asyncio.sleep(0)

    def _read(self, most: int) -> None:
        queue = self._receiver.queue
        for _ in range(min(most, len(queue))):
            datagram = parse_datagram(queue.popleft())
            self.counters.add("datagrams")
            self.counters.add("lines", len(datagram.lines))
            self.counters.add("malformed_lines", datagram.malformed)
            for line in datagram.lines:
                self._tally.add(line)

    async def _flush_in_time(self) -> None:
        interval = self._settings.interval_seconds
        due = self._clock.monotonic()
        while True:
            due += interval
            now = self._clock.monotonic()
            if due < now:
                # A flush took longer than an interval: what was missed is part of the next one.
                due += (now - due) // interval * interval
            await self._clock.sleep(max(0.0, due - now))
            await self.flush()

    def _count_drops(self) -> None:
        drops = self._tally.drops
        self.counters.add("dropped_lines", drops.lines)
        self.counters.add("dropped_members", drops.members)
        self.counters.add("malformed_lines", drops.unlawful)
        drops.lines = drops.members = drops.unlawful = 0
        self._note_kernel_drops()

    def _note_kernel_drops(self) -> None:
        if self._socket is None:
            return
        total = dropped_by_kernel(self._socket)
        self.counters.add("kernel_drops", max(0, total - self._kernel_drops))
        self._kernel_drops = total
