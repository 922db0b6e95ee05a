"""Asking interfaces of other servers that the operator named: one request at a time, the answer up to a cap.

As in ``pull``, proxies and cookies of the environment are ignored and deadlines are the caller's. No redirect is followed: what is
sent has a credential in it. Addresses come from the operator's configuration alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from nagare.lib.invariant import invariant
from nagare.net.answer import Answer
from nagare.net.bare import bare_session, read_capped
from nagare.net.translated import Translated
from nagare.net.trust import Trust, check_address

_CONNECTION_LIMIT = 4


class ApiSession:
    """Connections to one server; ``async with`` opens and closes them."""

    def __init__(self, url: str, *, limit_bytes: int, trust: Trust | None = None) -> None:
        """Check the address. Raises ConfigError when it is no http(s) URL. ``limit_bytes`` is the most that an answer may have."""
        check_address(url)
        self._base = URL(url)
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

    async def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer at ``path`` below the address, whatever its status. Raises ConnectFailedError, BodyTooLargeError."""
        return await self._ask("GET", self._base / path, None, headers)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send ``body`` to the address itself. Raises as ``get`` does."""
        return await self._ask("POST", self._base, body, headers)

    async def _ask(self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        session = self._session
        invariant(session is not None, "a session must be entered before it is used")
        assert session is not None
        with Translated(url):
            async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
                content = await read_capped(response, self._limit_bytes)
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, found, content)
