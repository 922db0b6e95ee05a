"""A WebSocket of bytes to one server, on a connection of its own: one of many that last must take no place from the calls beside it."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from nagare.errors import ConnectFailedError
from nagare.net.answer import Answer
from nagare.net.closing import end_reason
from nagare.net.translated import Translated


class ByteSocket:
    """One open WebSocket; one task reads, one writes. Text is what the server says beside the bytes."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: URL) -> None:
        """Wrap both; ``open_bytes`` makes them."""
        self._session = session
        self._socket = socket
        self._url = url

    async def send(self, content: bytes) -> None:
        """Send bytes; waits while the server takes none. Raises ConnectFailedError."""
        with Translated(self._url):
            await self._socket.send_bytes(content)

    async def receive(self) -> bytes | str:
        """Return the next frame, as bytes or as text. Raises ConnectFailedError when the connection has ended."""
        with Translated(self._url):
            message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data)
        raise ConnectFailedError(f"cannot read from {self._url.origin()}: {end_reason(self._socket, message)}")

    async def close(self) -> None:
        """Say goodbye and close the connection."""
        try:
            await self._socket.close()
        finally:
            await self._session.close()


async def open_bytes(
    session: aiohttp.ClientSession, url: URL, headers: Mapping[str, str], limit_bytes: int
) -> ByteSocket | Answer:
    """Open a WebSocket in ``session``, which it then owns; or return what the server answered. Raises ConnectFailedError."""
    try:
        with Translated(url):
            try:
                # No signs of life of its own: what is carried has some, and a side that takes nothing for a while answers none.
                socket = await session.ws_connect(url, headers=headers, max_msg_size=limit_bytes)
            except aiohttp.WSServerHandshakeError as error:
                found = {name.lower(): value for name, value in (error.headers or CIMultiDict()).items()}
                await session.close()
                return Answer(error.status, found, b"")
    except BaseException:
        await session.close()
        raise
    return ByteSocket(session, socket, url)
