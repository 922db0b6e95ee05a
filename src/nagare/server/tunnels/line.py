"""The caller's end of a tunnel: a WebSocket of bytes, and how it ends in time whatever the other side does."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSMsgType, web

from nagare.errors import InputError
from nagare.server.live.ending import CLOSE_SECONDS, close_reason
from nagare.server.tunnels.tunnel import Ending
from nagare.wire.codec import encode
from nagare.wire.tunnels import FRAME_LIMIT_BYTES, TunnelFrame, TunnelOpened

# A laptop that slept for a minute finds its shells again; one that went without a word is let go some time later.
_HEARTBEAT_SECONDS = 60.0
# For what a slow reader has not taken yet when the host is done.
_FLUSH_SECONDS = 30.0


class Line:
    """One WebSocket; one task reads, one writes."""

    def __init__(self, request: web.Request) -> None:
        """Prepare nothing yet. Raises InputError for a request that asks for no WebSocket."""
        self.socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_SECONDS,
            max_msg_size=FRAME_LIMIT_BYTES,
            compress=False,
            timeout=_FLUSH_SECONDS,
            writer_limit=FRAME_LIMIT_BYTES // 2,
        )
        if not self.socket.can_prepare(request).ok:
            raise InputError("cannot open a tunnel: this is where a WebSocket connects")
        self._request = request

    async def begin(self) -> None:
        """Become a WebSocket."""
        await self.socket.prepare(self._request)

    async def tell_opened(self) -> None:
        """Say that the host answers. Raises ConnectionError when the caller went."""
        await self._tell(TunnelOpened())

    async def receive(self) -> bytes | None:
        """Return what the caller sent, None when it is done. Raises InputError for what are no bytes of SSH."""
        message = await self.socket.receive()
        if message.type is WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is WSMsgType.TEXT:
            raise InputError("cannot go on: a tunnel takes binary frames alone")
        return None

    async def send(self, content: bytes) -> None:
        """Send bytes; waits while the caller takes nothing. Raises ConnectionError when it went."""
        await self.socket.send_bytes(content)

    async def end(self, ending: Ending) -> None:
        """Say the last words, and cut a caller that does not listen to them."""
        seconds = _FLUSH_SECONDS if ending.is_unhurried else CLOSE_SECONDS
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(seconds):
                await self._tell(ending.told)
                await self.socket.close(code=ending.code, message=close_reason(ending.told.why))
        if not self.socket.closed and self._request.transport is not None:
            self._request.transport.abort()

    async def _tell(self, frame: TunnelFrame) -> None:
        await self.socket.send_str(encode(frame).decode())
