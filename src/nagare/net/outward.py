"""Sending one small document to an address that is a secret: no error tells more of it than where it leads."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from nagare.errors import ConfigError
from nagare.lib.invariant import invariant
from nagare.net.bare import bare_session, read_capped
from nagare.net.translated import Translated
from nagare.net.trust import Trust

_ANSWER_LIMIT_BYTES = 64 * 1024
_CONNECTION_LIMIT = 4


class OutwardSession:
    """Connections to addresses that the operator named; ``async with`` opens and closes them. Redirects are not followed."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Prepare the connections."""
        self._session = bare_session(Trust(), accept_encoding="identity", connection_limit=_CONNECTION_LIMIT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post_json(self, address: str, body: bytes) -> int:
        """Send ``body`` and return the status of the answer. Raises ConfigError, ConnectFailedError, BodyTooLargeError."""
        url, session = _parsed(address), self._session
        invariant(session is not None, "a session must be entered before it is used")
        assert session is not None
        headers = {"Content-Type": "application/json"}
        with Translated(url):
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await read_capped(response, _ANSWER_LIMIT_BYTES)
                return response.status


def _parsed(address: str) -> URL:
    try:
        url = URL(address)
        url.origin()
    except ValueError:
        # Without its cause, which holds the address.
        raise ConfigError("cannot send to the secret address: it is no address") from None
    if url.scheme not in ("http", "https"):
        raise ConfigError("cannot send to the secret address: it is no http or https URL")
    return url
