"""A tunnel to a host's SSH by the server, as bytes both ways."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from nagare.client.problems import find_class, make_error
from nagare.errors import ConnectFailedError, NagareError
from nagare.lib.plain_text import plain
from nagare.wire.tunnels import TunnelEnded, TunnelOpened, decode_tunnel_frame

if TYPE_CHECKING:
    from nagare.net.byte_socket import ByteSocket

_CLOSE_SECONDS = 2.0
_WORDS_LIMIT = 300


class ServerTunnel:
    """An open tunnel; one task reads, one writes."""

    def __init__(self, socket: ByteSocket) -> None:
        """Take over a socket whose server was not heard yet; ``wait_opened`` comes first."""
        self._socket = socket

    async def wait_opened(self) -> None:
        """Wait until the host answers the server. Raises ConnectFailedError and what else the server refuses with."""
        frame = await self._socket.receive()
        told = decode_tunnel_frame(frame) if isinstance(frame, str) else None
        if isinstance(told, TunnelEnded):
            raise _refusal(told)
        if not isinstance(told, TunnelOpened):
            raise ConnectFailedError("cannot open a tunnel: the server speaks another language than this program")

    async def receive(self) -> bytes:
        """Return what the host sent, nothing when it is done. Raises ConnectFailedError and what else the server ends it with."""
        frame = await self._socket.receive()
        if isinstance(frame, bytes):
            return frame
        told = decode_tunnel_frame(frame)
        if isinstance(told, TunnelEnded) and told.code:
            raise _refusal(told)
        return b""

    async def send(self, content: bytes) -> None:
        """Send bytes; waits while the host takes none. Raises ConnectFailedError."""
        await self._socket.send(content)

    async def close(self) -> None:
        """End it, also where the server does not answer any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._socket.close()


def _refusal(told: TunnelEnded) -> NagareError:
    kind = find_class(told.code) or ConnectFailedError
    return make_error(kind, plain(told.why, _WORDS_LIMIT), hint=plain(told.hint, _WORDS_LIMIT))
