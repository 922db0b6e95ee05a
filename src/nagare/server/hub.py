"""The hub: hands what was just stored to the live connections, each through its own bounded outbox.

Publishing never waits: it only puts into outboxes and wakes the writers. The socket itself belongs to the route.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from nagare.errors import OverloadedError
from nagare.lib.counters import Counters
from nagare.model.principal import Permission, Principal
from nagare.server.live.digests import FleetDigests, Heard, digests_frame, pace_seconds
from nagare.server.live.outbox import Outbox, Parcel
from nagare.server.live.subscriptions import Subscriptions
from nagare.wire.batch import Cell
from nagare.wire.codec import encode
from nagare.wire.events import EventView
from nagare.wire.hosts import HostView
from nagare.wire.live import EventFrame, HostFrame, MessageFrame

EVENTS_TABLE = "events"
# Of all connections at most one in so many may be waiting for its ticket, so that strangers cannot take every place.
_STRANGERS_SHARE = 8


def _sees_nothing(_permission: Permission, _host: str) -> bool:
    return False


class Connection:
    """One live connection as the hub sees it: who reads, what is wanted, what waits, and whether it must end."""

    def __init__(self, principal: Principal | None, frame_limit: int, counters: Counters) -> None:
        """Begin with nothing wanted; without ``principal`` until a ticket came."""
        self.principal = principal
        # Whether its reader may (what) of (which host); nothing before it is known who reads.
        self.sees: Callable[[Permission, str], bool] = _sees_nothing
        self.subscriptions = Subscriptions()
        self.outbox = Outbox(frame_limit, counters)
        self.closing: str | None = None
        # Set together with ``closing``.
        self.ended = asyncio.Event()
        self._woken = asyncio.Event()
        # When digests are due that wait; None while none do.
        self._digests_due: float | None = None
        self._digests_after = self._digests_pace = 0.0

    def put_frame(self, frame: bytes) -> None:
        """Queue a frame and wake the writer."""
        self.outbox.put_frame(frame)
        self._woken.set()

    def put_rows(self, parcel: Parcel, names: tuple[str, ...]) -> None:
        """Queue rows and wake the writer."""
        self.outbox.put_rows(parcel, names)
        self._woken.set()

    def put_digest(self, host: str, heard: Heard, pace_seconds: float) -> None:
        """Have a host told of in the next frame of digests, which many hosts share; they come no faster than that pace."""
        self.outbox.put_digest(host, heard)
        self._digests_pace = pace_seconds
        if self._digests_due is None:
            self._digests_due = max(self._digests_after, asyncio.get_running_loop().time())
            self._woken.set()

    def end(self, reason: str) -> None:
        """Ask the writer to close the socket, telling ``reason``."""
        self.closing = self.closing or reason
        self.ended.set()
        self._woken.set()

    async def wait(self) -> None:
        """Return as soon as something waits in the outbox, digests are due or the connection must end."""
        loop = asyncio.get_running_loop()
        while self.closing is None:
            if self._digests_due is not None and loop.time() >= self._digests_due:
                self._write_digests(loop.time())
            if self.outbox:
                return
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._digests_due):
                    await self._woken.wait()

    def _write_digests(self, now: float) -> None:
        heard, missed = self.outbox.take_digests()
        self._digests_due = None
        self._digests_after = now + self._digests_pace
        series = self.subscriptions.series
        if heard and series:
            self.outbox.put_frame(digests_frame(heard, series, now, missed))


class Hub:
    """All live connections of this server."""

    def __init__(self, connection_limit: int, frame_limit: int) -> None:
        """Bound the number of connections, and the frames that may wait for each."""
        self._connection_limit = connection_limit
        self._frame_limit = frame_limit
        self._connections: set[Connection] = set()
        self._is_closing = False
        self._digests = FleetDigests()
        self.counters = Counters()

    def __len__(self) -> int:
        """Return how many connections there are."""
        return len(self._connections)

    def join(self, principal: Principal | None) -> Connection:
        """Return a new connection; one without ``principal`` still owes its ticket. Raises OverloadedError."""
        strangers = sum(connection.principal is None for connection in self._connections)
        is_crowded = principal is None and strangers >= max(1, self._connection_limit // _STRANGERS_SHARE)
        if self._is_closing or is_crowded or len(self._connections) >= self._connection_limit:
            self.counters.add("connections_refused")
            raise OverloadedError(
                f"cannot open live connection: {len(self._connections)} are open (server.connection_limit)",
                retry_after_seconds=5.0,
            )
        # Known from the first moment, so that a revocation from here on finds the connection.
        connection = Connection(principal, self._frame_limit, self.counters)
        self._connections.add(connection)
        self.counters.add("connections_opened")
        return connection

    def leave(self, connection: Connection) -> None:
        """Forget a connection whose socket is gone."""
        self._connections.discard(connection)

    def publish_rows(self, host: str, tables: Mapping[str, Mapping[str, Sequence[Cell]]]) -> None:
        """Hand out one host's new rows."""
        if not self._connections:
            self._digests.clear()
            return
        parcel = Parcel(host, tables)
        for connection in self._connections:
            names = connection.subscriptions.select(host, parcel.names)
            if names and connection.sees(Permission.METRICS_READ, host):
                if EVENTS_TABLE in names and not connection.sees(Permission.EVENTS_READ, host):
                    names = tuple(name for name in names if name != EVENTS_TABLE)
                connection.put_rows(parcel, names)
        self._publish_digest(host, tables)

    def _publish_digest(self, host: str, tables: Mapping[str, Mapping[str, Sequence[Cell]]]) -> None:
        followers = [one for one in self._connections if one.subscriptions.series]
        if not followers:
            self._digests.clear()
            return
        heard = self._digests.take(host, tables, asyncio.get_running_loop().time())
        for connection in followers:
            self._show_digest(connection, host, heard)

    def _show_digest(self, connection: Connection, host: str, heard: Heard) -> None:
        if connection.subscriptions.follows(host) and connection.sees(Permission.METRICS_READ, host):
            connection.put_digest(host, heard, pace_seconds(len(self._digests)))

    def show_digests(self, connection: Connection) -> None:
        """Tell a connection that begins to follow of all hosts that are known."""
        for host, heard in self._digests:
            self._show_digest(connection, host, heard)

    def publish_event(self, event: EventView) -> None:
        """Hand out an event that was just stored."""
        frame: bytes | None = None
        for connection in self._connections:
            is_wanted = bool(connection.subscriptions.select(event.host, (EVENTS_TABLE,)))
            if is_wanted and connection.sees(Permission.EVENTS_READ, event.host):
                frame = frame or encode(EventFrame(event))
                connection.put_frame(frame)

    def publish_message(self, message: MessageFrame) -> int:
        """Hand out words to everybody who watches; return to how many connections."""
        frame, readers = encode(message), [one for one in self._connections if one.principal is not None]
        for connection in readers:
            connection.put_frame(frame)
        return len(readers)

    def publish_host(self, view: HostView, *, removed: bool = False) -> None:
        """Hand out a host that changed."""
        if removed:
            self._digests.forget(view.name)
        frame: bytes | None = None
        for connection in self._connections:
            if connection.subscriptions.wants_host(view.name) and connection.sees(Permission.HOSTS_READ, view.name):
                frame = frame or encode(HostFrame(view, removed))
                connection.put_frame(frame)

    def end_principals(self, ids: set[str]) -> None:
        """End the connections of callers whose credentials were revoked."""
        for connection in self._connections:
            if connection.principal is not None and connection.principal.id in ids:
                connection.end("credentials were revoked")

    def close(self) -> None:
        """End every connection and take no more."""
        self._is_closing = True
        for connection in self._connections:
            connection.end("server is stopping")
