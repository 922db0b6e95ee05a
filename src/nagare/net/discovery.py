"""Finds servers on the local network and announces ours, by zeroconf (``_nagare._tcp``).

Both happen in a child process: the library keeps threads, sockets and megabytes that a server or agent must not carry.
What is found is a hint that anybody on the network could have sent: nothing secret may be shown to such an address
before its certificate matches a pin that came another way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from nagare.errors import ConfigError, ConnectFailedError, InputError
from nagare.lib.invariant import invariant
from nagare.lib.plain_text import plain
from nagare.net.trust import check_address, parse_pin
from nagare.wire.codec import decode, encode

log = logging.getLogger(__name__)

# The interpreter and the library load in a second at the most, also on a small machine.
_START_SECONDS = 15.0
_STOP_SECONDS = 3.0
_NAME_LIMIT = 63


@dataclass(frozen=True, slots=True)
class Found:
    """A server that says it is there: a hint, not a fact. ``pin`` is what it claims of its certificate."""

    url: str
    pin: str
    name: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the child announces; no ``interfaces`` means all."""

    name: str
    port: int
    properties: dict[str, str]
    interfaces: list[str]


@dataclass(frozen=True, slots=True)
class Search:
    """How the child searches; no ``interfaces`` means all."""

    seconds: float
    interfaces: list[str]


class Announcer:
    """Announces a server while inside ``async with``; the announcement is taken back on leaving."""

    def __init__(self, name: str, port: int, properties: Mapping[str, str], *, interfaces: Sequence[str] = ()) -> None:
        """Describe the announcement; nothing is sent yet."""
        self._announcement = Announcement(name, port, dict(properties), list(interfaces))
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Announce. Raises ConnectFailedError when the network does not let us."""
        async with AsyncExitStack() as stack:
            child = await stack.enter_async_context(_child("announce", encode(self._announcement)))
            said = await _read_line(child)
            if said != b"ready":
                raise ConnectFailedError(f"cannot announce the server: {_reason(said)}")
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the announcement back."""
        await self._stack.aclose()


async def discover(seconds: float, *, interfaces: Sequence[str] = ()) -> list[Found]:
    """Return the servers that answer within ``seconds``. Raises ConnectFailedError when nobody can be asked."""
    async with _child("discover", encode(Search(seconds, list(interfaces)))) as child:
        said = await _read_line(child, seconds)
    try:
        return [found for claim in decode(said, list[dict[str, str]]) if (found := _check(claim)) is not None]
    except InputError as error:
        raise ConnectFailedError(f"cannot search the network: {_reason(said)}") from error


def _check(claim: Mapping[str, str]) -> Found | None:
    """Return what a stranger claims if it can be true at all."""
    url, pin = claim.get("url", ""), claim.get("pin", "")
    try:
        pin = parse_pin(pin) if pin else ""
        check_address(url, pin)
    except ConfigError:
        log.debug("discovery_unlawful claim=%s", plain(repr(claim), 200))
        return None
    return Found(url, pin, plain(claim.get("name", ""), _NAME_LIMIT))


@asynccontextmanager
async def _child(task: str, message: bytes) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the child until the block ends; closing its input asks it to end."""
    # -P: a module in the working directory must not stand in for the library.
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "nagare.net.zeroconf_child", task,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    invariant(child.stdin is not None, "a child started with pipes must have an input")
    assert child.stdin is not None
    try:
        child.stdin.write(message + b"\n")
        yield child
    finally:
        child.stdin.close()
        await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _read_line(child: asyncio.subprocess.Process, seconds: float = 0.0) -> bytes:
    invariant(child.stdout is not None, "a child started with pipes must have an output")
    assert child.stdout is not None
    try:
        async with asyncio.timeout(_START_SECONDS + seconds):
            return (await child.stdout.readline()).strip()
    except TimeoutError:
        return b"the network did not answer in time"


def _reason(said: bytes) -> str:
    return plain(said.decode(errors="replace"), 200) or "zeroconf did not start"
