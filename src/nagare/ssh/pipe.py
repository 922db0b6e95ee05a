"""Bytes to the SSH of a host that something else carries than a connection of this machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class Pipe(Protocol):
    """Bytes both ways; one task reads, one writes."""

    async def receive(self) -> bytes:
        """Return what the host sent, nothing at its end. Raises NagareError when it ends otherwise."""
        ...

    async def send(self, content: bytes) -> None:
        """Send bytes; waits while the host takes none. Raises NagareError when it ended."""
        ...

    async def close(self) -> None:
        """End it; never raises for one that has ended."""
        ...


# Opens one to the host of that name in the fleet. Raises NagareError.
OpenPipe = Callable[[str], Awaitable[Pipe]]
