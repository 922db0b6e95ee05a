"""A browser's page at its WebSocket: what it is shown, and how it ends, in time whatever the browser does."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSCloseCode, web

from nagare.server.live.ending import CLOSE_SECONDS, close_reason
from nagare.wire.codec import encode
from nagare.wire.ui import DeskEnded, DeskFrame


class Page:
    """One open page. Whoever serves it runs ``close_when_over`` beside its reading."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        """Keep a socket that is prepared."""
        self._request = request
        self._socket = socket
        self._over = asyncio.Event()
        self._last: DeskEnded | None = None

    async def show(self, paint: bytes) -> None:
        """Send what is drawn; waits while the browser takes nothing. Raises ConnectionError when it went."""
        await self._socket.send_bytes(paint)

    async def tell(self, frame: DeskFrame) -> None:
        """Send a frame. Raises ConnectionError when the page went."""
        await self._socket.send_str(encode(frame).decode())

    def end(self, last: DeskEnded) -> None:
        """Let the page end, with these last words; the first that come count."""
        self._last = self._last or last
        self._over.set()

    async def close_when_over(self) -> None:
        """Wait for its end, say the last words, and cut a browser that does not listen to them."""
        await self._over.wait()
        assert self._last is not None
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.tell(self._last)
                await self._socket.close(code=WSCloseCode.GOING_AWAY, message=close_reason(self._last.why))
        if not self._socket.closed and self._request.transport is not None:
            self._request.transport.abort()
