"""Asking one server that answers piece by piece for minutes, as a model does: each answer up to a cap, read as it comes.

As in ``api``, the address is the operator's own, no redirect is followed (what is sent has a credential in it), proxies and
cookies of the environment are ignored, and deadlines are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from nagare.errors import BodyTooLargeError
from nagare.lib.invariant import invariant
from nagare.net.bare import bare_session
from nagare.net.translated import Translated
from nagare.net.trust import Trust, check_address

_CONNECTION_LIMIT = 8


class StreamedAnswer:
    """An answer that has begun: its status, its headers by lower-case name; ``close`` it, read to its end or not."""

    def __init__(self, response: aiohttp.ClientResponse, limit_bytes: int) -> None:
        """Wrap an open ``response`` of at most ``limit_bytes``."""
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._limit_bytes = limit_bytes
        self._read_bytes = 0

    async def receive(self) -> bytes:
        """Return what came next, nothing at the end. Raises ConnectFailedError, also where the end came too early, BodyTooLargeError."""
        with Translated(self._response.url):
            piece = await self._response.content.readany()
        self._read_bytes += len(piece)
        if self._read_bytes > self._limit_bytes:
            raise BodyTooLargeError(
                f"cannot read answer of {self._response.url.origin()}: it is larger than {self._limit_bytes} bytes"
            )
        return piece

    async def read(self) -> bytes:
        """Return all that is still to come. Raises as ``receive`` does."""
        content = bytearray()
        while piece := await self.receive():
            content += piece
        return bytes(content)

    def close(self) -> None:
        """Let go of the connection; what was not read is lost, and the server learns that nobody listens."""
        self._response.close()


class StreamSession:
    """Connections to one server; ``async with`` opens and closes them."""

    def __init__(self, url: str, *, limit_bytes: int, trust: Trust | None = None) -> None:
        """Check the address. Raises ConfigError when it is no http(s) URL. ``limit_bytes`` is the most that an answer may have."""
        check_address(url)
        self._base = URL(url.rstrip("/") + "/")
        self._limit_bytes = limit_bytes
        self._trust = trust or Trust()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Prepare the connections. Raises ConfigError for an unusable certificate authority."""
        self._session = bare_session(self._trust, accept_encoding="identity", connection_limit=_CONNECTION_LIMIT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> StreamedAnswer:
        """Send ``body`` to ``path`` below the address and return the answer as it begins. Raises ConnectFailedError.

        ``path`` is percent-encoded already, and may have a query.
        """
        session = self._session
        invariant(session is not None, "a session must be entered before it is used")
        assert session is not None
        url = self._base.join(URL(path.lstrip("/"), encoded=True))
        with Translated(url):
            response = await session.post(url, data=body, headers=headers, allow_redirects=False)
        return StreamedAnswer(response, self._limit_bytes)
