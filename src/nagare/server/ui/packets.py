"""What goes through the pipes of a dashboard: a type byte, four bytes of length, and the payload (Textual's web driver)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from nagare.errors import InputError
from nagare.wire.codec import encode

DATA, TOLD = b"D", b"M"
# One frame of the largest screen, each cell in colours of its own, is a tenth of it.
_LIMIT_BYTES = 8 * 2**20
_HEAD_BYTES = 5
# The line after which a program speaks in packets; what stands before it is its own affair.
_BEGIN = b"__GANGLION__\n"
_LINES_LIMIT = 100


def pack(kind: bytes, payload: bytes) -> bytes:
    """Return a packet."""
    return kind + len(payload).to_bytes(4, "big") + payload


def pack_told(**told: object) -> bytes:
    """Return a packet that tells the dashboard something beside keys."""
    return pack(TOLD, encode(told))


async def begin(reader: asyncio.StreamReader) -> None:
    """Read until the program speaks in packets. Raises InputError when it ends or rambles instead."""
    for _ in range(_LINES_LIMIT):
        try:
            line = await reader.readline()
        except ValueError:
            break
        if line == _BEGIN:
            return
        if not line:
            break
    raise InputError("cannot show the dashboard: its program ended before it drew anything")


async def read_packets(reader: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bytes]]:
    """Yield type and payload of each packet until the program ends. Raises InputError for what is no packet."""
    while True:
        try:
            head = await reader.readexactly(_HEAD_BYTES)
            length = int.from_bytes(head[1:], "big")
            if length > _LIMIT_BYTES:
                raise InputError(f"cannot take a packet of {length} bytes from a dashboard")
            payload = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        yield head[:1], payload
