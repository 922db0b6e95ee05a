"""One tunnel: whose it is, where it leads, what went through it, and why it ends."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

from aiohttp import WSCloseCode

from nagare.errors import NagareError, PermissionDeniedError, UnauthenticatedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.host import Host
from nagare.model.principal import Principal
from nagare.net.tcp import format_place
from nagare.server.tunnels.way import place_of
from nagare.wire.tunnels import TunnelEnded


@dataclass(frozen=True, slots=True)
class Ending:
    """The last words of a tunnel, the code of the WebSocket's close frame, and whether all that waits is sent before."""

    told: TunnelEnded
    code: int
    is_unhurried: bool = False


@dataclass(slots=True, eq=False)
class Tunnel:
    """A connection that is carried. ``moved`` is when the last byte went through (monotonic seconds)."""

    host: Host
    owner: Principal
    address: str
    clock: Clock
    counters: Counters
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    place: tuple[str, int] = ("", 0)
    opened: float = 0.0
    moved: float = 0.0
    sent_bytes: int = 0
    received_bytes: int = 0
    ending: Ending | None = None
    # Set together with ``ending``.
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Settle where it leads, and begin to count."""
        self.place = place_of(self.host)
        self.opened = self.moved = self.clock.monotonic()

    @property
    def where(self) -> str:
        """Where it leads, for people to read."""
        return format_place(*self.place)

    @property
    def seconds(self) -> float:
        """How long it has been there."""
        return self.clock.monotonic() - self.opened

    @property
    def why(self) -> str:
        """Why it ended."""
        return "the client went" if self.ending is None else self.ending.told.why

    def count(self, *, sent: int = 0, received: int = 0) -> None:
        """Note bytes that were passed on: to the host, and from it."""
        self.sent_bytes += sent
        self.received_bytes += received
        self.counters.add("sent_bytes", sent)
        self.counters.add("received_bytes", received)
        self.moved = self.clock.monotonic()

    def end(self, ending: Ending) -> None:
        """Let it end; the first ending that comes counts."""
        self.ending = self.ending or ending
        self.over.set()

    def fail(self, error: NagareError) -> None:
        """Let it end by what went wrong."""
        self.end(failed(error))


def done(why: str) -> Ending:
    """Return an end that one of the two sides made."""
    return Ending(TunnelEnded(why), WSCloseCode.OK, is_unhurried=True)


def stopping() -> Ending:
    """Return the end that a server makes of all."""
    return Ending(TunnelEnded("the server stops", code="unavailable"), WSCloseCode.GOING_AWAY)


def refused(why: str, code: str = PermissionDeniedError.code) -> Ending:
    """Return an end because it may not be any more."""
    return Ending(TunnelEnded(why, code=code), WSCloseCode.POLICY_VIOLATION)


def failed(error: NagareError) -> Ending:
    """Return the end that an error makes."""
    is_refusal = isinstance(error, (PermissionDeniedError, UnauthenticatedError))
    code = WSCloseCode.POLICY_VIOLATION if is_refusal else WSCloseCode.TRY_AGAIN_LATER
    return Ending(TunnelEnded(error.message, code=error.code, hint=error.hint), code)
