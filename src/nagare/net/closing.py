"""Why a WebSocket ended, in the few words that a person needs."""

from __future__ import annotations

import aiohttp

from nagare.lib.plain_text import plain
from nagare.net.translated import cause_of


def end_reason(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> str:
    """Return why there came ``message`` in place of a frame."""
    error = socket.exception()
    if isinstance(error, aiohttp.ServerTimeoutError):
        return "it stopped answering"
    if message.type is aiohttp.WSMsgType.CLOSE and message.extra:
        return plain(str(message.extra), 200)
    if error is not None:
        return plain(cause_of(error), 200)
    code = socket.close_code
    return "the server is stopping" if code == aiohttp.WSCloseCode.GOING_AWAY else "the connection was closed"
