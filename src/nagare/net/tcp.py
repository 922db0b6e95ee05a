"""A TCP connection as bytes both ways, bounded: who writes waits while the other side takes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from nagare.errors import ConnectFailedError
from nagare.net.causes import os_cause

# What one read takes; as much again may wait here in each direction.
CHUNK_BYTES = 32 * 1024
# Not every loop tries several addresses of a name side by side.
_NEXT_ADDRESS_SECONDS, _ADDRESSES_LIMIT = 2.0, 4
_CLOSE_SECONDS = 2.0


class ByteStream:
    """An open connection; one task reads, one writes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: str) -> None:
        """Wrap a connection; ``open_stream`` makes one."""
        self._reader = reader
        self._writer = writer
        self._place = place

    async def receive(self) -> bytes:
        """Return what came, nothing at its end. Raises ConnectFailedError when it is lost."""
        try:
            return await self._reader.read(CHUNK_BYTES)
        except OSError as error:
            raise self._lost(error) from error

    async def send(self, content: bytes) -> None:
        """Send bytes; waits while the other side takes nothing. Raises ConnectFailedError when it is lost."""
        try:
            self._writer.write(content)
            await self._writer.drain()
        except OSError as error:
            raise self._lost(error) from error

    async def close(self) -> None:
        """Close it; what the other side does not take within two seconds is let go."""
        self._writer.close()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.wait_closed()
        self.abort()

    def abort(self) -> None:
        """Close it at once; what waits is let go."""
        self._writer.transport.abort()

    def _lost(self, error: OSError) -> ConnectFailedError:
        return ConnectFailedError(f"cannot go on with {self._place}: {os_cause(error)}")


async def open_stream(host: str, port: int) -> ByteStream:
    """Return a connection to a name or an address. Raises ConnectFailedError. The deadline is the caller's."""
    place = format_place(host, port)
    try:
        reader, writer = await _first_of(await _addresses(host, port), port)
    except TimeoutError as error:
        # The caller's deadline ends in CancelledError here: this one is the system's.
        raise ConnectFailedError(f"cannot reach {place}: connection timed out") from error
    except OSError as error:
        raise ConnectFailedError(f"cannot reach {place}: {os_cause(error)}") from error
    except (UnicodeError, ValueError) as error:
        raise ConnectFailedError(f"cannot reach {place}: its name is unlawful") from error
    writer.transport.set_write_buffer_limits(high=CHUNK_BYTES)
    return ByteStream(reader, writer, place)


async def _addresses(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))[:_ADDRESSES_LIMIT]


async def _first_of(addresses: list[str], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first of ``addresses`` that answers; each but the last has a moment of its own for that."""
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_NEXT_ADDRESS_SECONDS):
                return await asyncio.open_connection(address, port, limit=CHUNK_BYTES)
    return await asyncio.open_connection(addresses[-1], port, limit=CHUNK_BYTES)


def format_place(host: str, port: int) -> str:
    """Return ``host:port``, with an address of IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
