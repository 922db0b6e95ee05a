"""Google's client over our own session: its requests get our caps, our trust and our refusal to be led elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from nagare.errors import ConnectFailedError
from nagare.net.streaming import StreamedAnswer, StreamSession

# Our session writes these itself.
_OWN = frozenset({"host", "content-length", "accept-encoding", "connection", "user-agent", "transfer-encoding"})


class SessionTransport(httpx2.AsyncBaseTransport):
    """Sends what the client asks through ``session``, to the origin of that session alone."""

    def __init__(self, session: StreamSession, origin: str) -> None:
        """Take an open ``session`` to ``origin``; its owner closes it."""
        self._session = session
        self._origin = httpx2.URL(origin)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request and return its answer as it begins. Raises ConnectFailedError."""
        url = request.url
        if (url.scheme, url.host, url.port) != (self._origin.scheme, self._origin.host, self._origin.port):
            raise ConnectFailedError(f"cannot reach {url.host}: the model is not there")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
        answer = await self._session.post(url.raw_path.decode(), await request.aread(), headers)
        return httpx2.Response(answer.status, headers=dict(answer.headers), stream=_Pieces(answer))


class _Pieces(httpx2.AsyncByteStream):
    def __init__(self, answer: StreamedAnswer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._answer.receive():
            yield piece

    async def aclose(self) -> None:
        self._answer.close()
