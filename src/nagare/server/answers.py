"""Answers on their way out: a client that does not read what it asked for cannot hold the server's memory for ever.

A large answer is sent in pieces, each of which must be taken in time, and all that wait stand in the budget of bodies.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from aiohttp import hdrs, web

from nagare.server.bodies import BodyReader
from nagare.wire.codec import encode
from nagare.wire.sql import PIECE_CELLS, SqlReply, pack_rows

_LARGE_BYTES = 2**20
_PIECE_BYTES = 256 * 1024
_CELL_BYTES = 16


class Answers:
    """Sends what routes return."""

    def __init__(self, bodies: BodyReader, piece_seconds: float = 30.0) -> None:
        """Hold large answers in the budget of ``bodies``; each piece may take ``piece_seconds``."""
        self._bodies = bodies
        self._piece_seconds = piece_seconds

    async def pack(self, value: Any) -> bytes:
        """Return ``value`` as JSON; many rows are packed beside the loop."""
        if isinstance(value, SqlReply) and len(value.rows) * len(value.columns) > PIECE_CELLS:
            return await self._bodies.work(
                _CELL_BYTES * len(value.rows) * len(value.columns), partial(pack_rows, value)
            )
        return encode(value)

    def held(self, count: int) -> AbstractContextManager[None]:
        """Hold so many bytes for the time of the block. Raises OverloadedError."""
        return self._bodies.held(count)

    async def send(self, request: web.Request, content: bytes, media: str) -> web.StreamResponse:
        """Return the answer with ``content``, sent already when it is large. Raises OverloadedError."""
        if len(content) <= _LARGE_BYTES or request.method == hdrs.METH_HEAD:
            return web.Response(body=content, content_type=media)
        with self._bodies.held(len(content)):
            return await self._send_pieces(request, content, media)

    async def _send_pieces(self, request: web.Request, content: bytes, media: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: media})
        response.content_length = len(content)
        await response.prepare(request)
        view = memoryview(content)
        try:
            for start in range(0, len(content), _PIECE_BYTES):
                async with asyncio.timeout(self._piece_seconds):
                    await response.write(view[start : start + _PIECE_BYTES])
        except TimeoutError:
            self._bodies.counters.add("answers_abandoned")
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass  # the client went: there is nobody to tell
        return response
