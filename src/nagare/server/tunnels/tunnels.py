"""The tunnels of this server: how many, for whom, for how long, and each of them on record.

The server is no party to what is said in one: keys, passwords, the host's key and what a shell shows are between a person's own machine and
the host. What it decides is who may go where. When the login behind a tunnel ends, or may no more, the tunnel ends in the same moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from nagare.config.terminal import SshSettings
from nagare.errors import LimitExceededError, NagareError, UnavailableError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.tasks import TaskSupervisor
from nagare.model.deed import Deed, Outcome
from nagare.model.host import Host
from nagare.model.principal import Principal
from nagare.server.tunnels.tunnel import Tunnel, refused, stopping

log = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_STOP_SECONDS = 5.0
_NO_MORE = "your login ended, or what you may has changed"
Record = Callable[[Deed], Awaitable[None]]
# Whether who opened a tunnel may still open one there.
Holds = Callable[[Tunnel], Awaitable[bool]]


class Tunnels:
    """The tunnels that are open. ``run`` ends those that may no more, and those in which nothing moves."""

    def __init__(self, settings: SshSettings, holds: Holds, record: Record, clock: Clock) -> None:
        """Begin with none; ``record`` writes to the audit log."""
        self._settings = settings
        self._holds = holds
        self._record = record
        self._clock = clock
        self._open: set[Tunnel] = set()
        self._noting: set[asyncio.Task[None]] = set()
        # Set while none is open, and the end of each is on record.
        self.quiet = asyncio.Event()
        self.quiet.set()
        self._tasks = TaskSupervisor(clock=clock, stop_seconds=_STOP_SECONDS)
        self._is_closing = False
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        """Take callers."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every tunnel, and put its end on record."""
        self.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self.quiet.wait()
        await self._tasks.stop()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def tunnels(self) -> list[Tunnel]:
        """Those that are open."""
        return list(self._open)

    @asynccontextmanager
    async def opened(self, host: Host, owner: Principal, address: str) -> AsyncIterator[Tunnel]:
        """Give a tunnel that counts and is on record; its end is, when the block is left.

        Raises LimitExceededError, UnavailableError, StorageError when it cannot be recorded.
        """
        self._check_room(host, owner)
        # It counts before anything is awaited, so that a crowd that comes at one time is one, and a revocation finds it.
        tunnel = Tunnel(host, owner, address, self._clock, self.counters)
        self._open.add(tunnel)
        self.quiet.clear()
        try:
            # Who was let in a moment ago may have been shut out since.
            if not await self._holds(tunnel):
                tunnel.end(refused(_NO_MORE))
            await self._record(_begun(tunnel))
        except BaseException:
            self._forget(tunnel)
            raise
        self.counters.add("opened")
        try:
            yield tunnel
        finally:
            self.counters.add("ended")
            # A client that went has this task cancelled: the end is written by another.
            noting = self._tasks.start("tunnel.end", self._note_end(tunnel))
            self._noting.add(noting)
            noting.add_done_callback(self._noted)
            self._forget(tunnel)

    def end_principals(self, ids: set[str]) -> None:
        """End the tunnels of callers whose login ended, or whose rights changed."""
        for tunnel in self._open:
            if tunnel.owner.id in ids:
                tunnel.end(refused(_NO_MORE))

    def close(self) -> None:
        """Take no more callers, and let those that are there end."""
        self._is_closing = True
        for tunnel in self._open:
            tunnel.end(stopping())

    async def run(self) -> None:
        """End what may no more or moves no more, until cancelled."""
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """End the tunnels of whom may no more, and those in which nothing moves."""
        idle_seconds = self._settings.tunnel_idle_seconds
        for tunnel in self.tunnels:
            if self._clock.monotonic() - tunnel.moved > idle_seconds:
                tunnel.end(refused(f"nothing moved for {idle_seconds:g} seconds", LimitExceededError.code))
            elif not await self._still_holds(tunnel):
                tunnel.end(refused(_NO_MORE))

    async def _still_holds(self, tunnel: Tunnel) -> bool:
        try:
            return await self._holds(tunnel)
        except NagareError:
            # Records that are away for a moment end no shell: it may be what is being mended. They are asked again soon.
            return True

    def _check_room(self, host: Host, owner: Principal) -> None:
        if self._is_closing:
            raise UnavailableError("cannot open a tunnel: the server stops")
        settings, key = self._settings, owner.user_id or owner.id
        own = sum((tunnel.owner.user_id or tunnel.owner.id) == key for tunnel in self._open)
        if own >= settings.user_tunnel_limit or len(self) >= settings.tunnel_limit:
            self.counters.add("refused")
            raise LimitExceededError(
                f"cannot open a tunnel to {host.name}: {own} of yours and {len(self)} of all are open",
                hint="close a shell, or raise ssh.user_tunnel_limit or ssh.tunnel_limit",
            )

    def _forget(self, tunnel: Tunnel) -> None:
        self._open.discard(tunnel)
        self._settle()

    def _noted(self, noting: asyncio.Task[None]) -> None:
        self._noting.discard(noting)
        self._settle()

    def _settle(self) -> None:
        if not self._open and not self._noting:
            self.quiet.set()

    async def _note_end(self, tunnel: Tunnel) -> None:
        try:
            await self._record(_ended(tunnel))
        except NagareError as error:
            # A full disk must not keep a tunnel alive; the counter tells what is missing.
            self.counters.add("ends_not_recorded")
            log.warning("tunnel_end_not_recorded user=%s: %s", tunnel.owner.name, error.message)


def _begun(tunnel: Tunnel) -> Deed:
    return _deed(tunnel, "tunnels.open", {"id": tunnel.id, "place": tunnel.where})


def _ended(tunnel: Tunnel) -> Deed:
    after: dict[str, int | str] = {
        "id": tunnel.id,
        "seconds": round(tunnel.seconds),
        "sent_bytes": tunnel.sent_bytes,
        "received_bytes": tunnel.received_bytes,
    }
    return _deed(tunnel, "tunnels.end", after, tunnel.why)


def _deed(tunnel: Tunnel, action: str, after: dict[str, int | str], detail: str = "") -> Deed:
    owner = tunnel.owner
    return Deed(
        action=action,
        outcome=Outcome.DONE,
        actor=owner.name,
        actor_id=owner.id,
        actor_kind=owner.kind.value,
        address=tunnel.address,
        target=tunnel.host.name,
        detail=detail,
        after=after,
    )
