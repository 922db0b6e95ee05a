"""One answer that is read line by line as it comes: what a server tells for as long as something goes on."""

from __future__ import annotations

import aiohttp
from yarl import URL

from nagare.errors import BodyTooLargeError
from nagare.net.translated import Translated

# The longest line that we follow is a chunk of output, 32 KiB, of which every byte may be escaped in six.
LINE_LIMIT_BYTES = 2**20


class LineStream:
    """An open answer; ``close`` it, read to its end or not."""

    def __init__(self, response: aiohttp.ClientResponse, url: URL) -> None:
        """Wrap an open ``response``."""
        self._response = response
        self._url = url
        self._waiting = bytearray()
        # How far the waiting bytes were searched already: a long line that comes in pieces is looked through once.
        self._searched = 0

    async def receive(self) -> bytes | None:
        """Return the next line without its end, None after the last one; an unfinished one is none.

        Raises ConnectFailedError, and BodyTooLargeError for a line without end.
        """
        while True:
            end = self._waiting.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._waiting[:end])
                del self._waiting[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._waiting)
            if self._searched > LINE_LIMIT_BYTES:
                raise BodyTooLargeError(
                    f"cannot read answer of {self._url.origin()}: a line of it is longer than {LINE_LIMIT_BYTES} bytes"
                )
            with Translated(self._url):
                piece = await self._response.content.readany()
            if not piece:
                return None
            self._waiting += piece

    async def receive_piece(self) -> bytes:
        """Return what came next, of whatever length and content, nothing at the end; not to be mixed with lines.

        Raises ConnectFailedError, also where the end came too early.
        """
        with Translated(self._url):
            return await self._response.content.readany()

    async def close(self) -> None:
        """Let go of the connection; what was not read is lost."""
        self._response.close()
