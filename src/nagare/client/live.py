"""The live feed: one WebSocket that is kept alive, found again and given its subscriptions back.

A reader iterates; it is told when the feed is lost and when it holds again, and never waits for the network. What the
reader is too slow for is merged by ``inbox``, so a feed does not grow.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from nagare.client.client import Client
from nagare.client.inbox import Connected, Disconnected, Inbox, LiveEvent
from nagare.errors import ConnectFailedError, InputError, NagareError, UnavailableError
from nagare.lib.backoff import Backoff
from nagare.lib.counters import Counters
from nagare.lib.tasks import TaskSupervisor
from nagare.wire.codec import decode, encode
from nagare.wire.live import Hello, ServerFrame, Subscribe, Unsubscribe

if TYPE_CHECKING:
    from nagare.net.session import LiveSocket

__all__ = ["Connected", "Disconnected", "LiveEvent", "LiveFeed"]

_SERVER_FRAME: Any = ServerFrame
# A person who watches a screen waits at most this long for a server that came back.
_RETRY_CAP_SECONDS = 15.0
_CLOSE_SECONDS = 2.0
_HELLO_SECONDS = 10.0
# A connection that lasted this long was a success; a shorter one keeps the growing delay.
_STEADY_SECONDS = 5.0


class LiveFeed:
    """Yields ``Connected``, ``Disconnected`` and server frames; the connection lives while somebody iterates."""

    def __init__(
        self,
        client: Client,
        path: str = "/ws/dashboard",
        *,
        backoff: Backoff | None = None,
    ) -> None:
        """Describe the feed of an entered ``client``; iteration opens it."""
        self._client = client
        self._path = path
        self._backoff = backoff or Backoff(base_seconds=0.5, cap_seconds=_RETRY_CAP_SECONDS)
        self._wanted: dict[str, Subscribe] = {}
        self._changed = asyncio.Event()
        self._hurry = asyncio.Event()
        self._inbox = Inbox()

    @property
    def counters(self) -> Counters:
        """Counts of frames that a slow reader did not see: merged, replaced, dropped."""
        return self._inbox.counters

    def subscribe(self, subscription: Subscribe) -> None:
        """Ask for tables of hosts, now and after every reconnection; the same id replaces."""
        self._wanted[subscription.id] = subscription
        self._changed.set()

    def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription."""
        self._wanted.pop(subscription_id, None)
        self._changed.set()

    def retry_now(self) -> None:
        """Try to connect at once instead of waiting for the delay to pass."""
        self._hurry.set()

    async def __aiter__(self) -> AsyncGenerator[LiveEvent, None]:
        """Keep the connection and yield what comes, until the reader stops."""
        async with TaskSupervisor(clock=self._client.clock, stop_seconds=_CLOSE_SECONDS) as tasks:
            tasks.supervise("live feed", self._keep_connected)
            while True:
                yield await self._inbox.get()

    async def _keep_connected(self) -> None:
        while True:
            opened = self._client.clock.monotonic()
            reason, retry_after = await self._connect_once()
            if self._client.clock.monotonic() - opened >= _STEADY_SECONDS:
                self._backoff.reset()
            delay = self._backoff.next_seconds(retry_after)
            self._inbox.put(Disconnected(reason, delay))
            await self._pause(delay)
            # A server that restarted may listen elsewhere; while none runs there is nothing to find yet.
            with contextlib.suppress(NagareError):
                await self._client.retarget()

    async def _connect_once(self) -> tuple[str, float | None]:
        """Live through one connection; return why it ended and what delay the server asked for."""
        try:
            socket = await self._client.connect_live(self._path)
            try:
                await self._exchange(socket)
            finally:
                await _close(socket)
        except NagareError as error:
            return error.message, getattr(error, "retry_after_seconds", None)
        return "the connection was closed", None

    async def _exchange(self, socket: LiveSocket) -> None:
        await self._greet(socket)
        async with TaskSupervisor(clock=self._client.clock, stop_seconds=_CLOSE_SECONDS) as tasks:
            tasks.start("live subscriptions", self._send_changes(socket))
            while True:
                self._take(await socket.receive())

    async def _greet(self, socket: LiveSocket) -> None:
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                text = await socket.receive()
        except TimeoutError as error:
            raise ConnectFailedError(f"cannot follow {self._path}: no greeting in {_HELLO_SECONDS:g} s") from error
        try:
            hello = decode(text, Hello)
        except InputError as error:
            raise ConnectFailedError(f"cannot follow {self._path}: the greeting is not ours") from error
        self._inbox.put(Connected(hello))

    def _take(self, text: str) -> None:
        try:
            frame: ServerFrame = decode(text, _SERVER_FRAME)
        except InputError:
            # A newer server may speak of things that this client does not know.
            self.counters.add("frames_unknown")
            return
        self._inbox.put(frame)

    async def _send_changes(self, socket: LiveSocket) -> None:
        """Bring the server's idea of our subscriptions to ours, at first and whenever ours change."""
        sent: dict[str, Subscribe] = {}
        # When sending fails the connection is over, and the reader of it says so.
        with contextlib.suppress(UnavailableError):
            while True:
                self._changed.clear()
                wanted = dict(self._wanted)
                for gone in sent.keys() - wanted.keys():
                    await socket.send(encode(Unsubscribe(gone)))
                for subscription in wanted.values():
                    if sent.get(subscription.id) != subscription:
                        await socket.send(encode(subscription))
                sent = wanted
                await self._changed.wait()

    async def _pause(self, seconds: float) -> None:
        self._hurry.clear()
        async with TaskSupervisor(clock=self._client.clock) as tasks:
            tasks.start("live retry", self._hurry_after(seconds))
            await self._hurry.wait()

    async def _hurry_after(self, seconds: float) -> None:
        await self._client.clock.sleep(seconds)
        self._hurry.set()


async def _close(socket: LiveSocket) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await socket.close()
