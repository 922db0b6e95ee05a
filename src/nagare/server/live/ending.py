"""How a WebSocket of ours ends: with a reason that fits its frame, and in time, whatever the other side does."""

from __future__ import annotations

import asyncio

from aiohttp import web

# For the last frames and the other side's answer to a close.
CLOSE_SECONDS = 2.0
_REASON_BYTES = 120


async def cut(request: web.Request, ended: asyncio.Event) -> None:
    """Abort the connection of ``request`` some time after it ``ended``.

    Who does not read keeps the writer waiting, so that it never comes to the close frame.
    """
    await ended.wait()
    await asyncio.sleep(CLOSE_SECONDS)
    if request.transport is not None:
        request.transport.abort()


def close_reason(text: str) -> bytes:
    """Return ``text`` as far as a close frame has room for it (123 bytes), whole characters only: it must be UTF-8."""
    return text.encode()[:_REASON_BYTES].decode(errors="ignore").encode()
