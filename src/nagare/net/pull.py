"""Reading pages of other servers, many addresses with one trust: what scrapes are made of.

As in ``session``, proxies and cookies of the environment are ignored, answers are read up to a cap, deadlines are the
caller's. A redirect is followed only where it stays with the very server that was named, so that credentials never
travel further. Addresses come from the operator's configuration alone, which may name loopback and private networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from nagare.errors import ConnectFailedError
from nagare.lib.invariant import invariant
from nagare.lib.plain_text import plain
from nagare.net.answer import Answer
from nagare.net.bare import Hold, bare_session, hold_freely, read_capped
from nagare.net.translated import Translated
from nagare.net.trust import Trust

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECT_LIMIT = 5
# Longer than the pause between two scrapes, for most.
_KEEP_ALIVE_SECONDS = 60.0


class Puller:
    """Keep-alive connections to any number of servers; ``async with`` opens and closes them."""

    def __init__(self, trust: Trust | None = None) -> None:
        """Keep whom to believe; nothing is opened yet."""
        self._trust = trust or Trust()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Prepare the connections. Raises ConfigError for an unusable certificate authority."""
        self._session = bare_session(
            self._trust,
            # The caller unpacks under a cap of its own, off the loop, and bounds how many requests run at one time.
            accept_encoding="gzip",
            connection_limit=0,
            keep_alive_seconds=_KEEP_ALIVE_SECONDS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(
        self, address: str, *, headers: Mapping[str, str], limit_bytes: int, hold: Hold = hold_freely
    ) -> Answer:
        """Return the answer as it was sent, whatever its status. Raises ConnectFailedError, BodyTooLargeError.

        ``hold`` is told the bytes of the body as they come, and may raise.
        """
        try:
            url = URL(address)
        except ValueError as error:
            raise ConnectFailedError(f"cannot reach {plain(address, 200)!r}: it is no address") from error
        for _ in range(_REDIRECT_LIMIT + 1):
            answer = await self._get(url, headers, limit_bytes, hold)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return answer
            url = _followed(url, answer.headers["location"])
        raise ConnectFailedError(f"cannot reach {url.origin()}: it redirects more than {_REDIRECT_LIMIT} times")

    async def _get(self, url: URL, headers: Mapping[str, str], limit_bytes: int, hold: Hold) -> Answer:
        session = self._session
        invariant(session is not None, "a puller must be entered before it is used")
        assert session is not None
        with Translated(url):
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                content = await read_capped(response, limit_bytes, hold)
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, found, content)


def _followed(url: URL, location: str) -> URL:
    try:
        followed = url.join(URL(location))
        if followed.origin() == url.origin():
            return followed
    except ValueError:
        # No address at all, or of another kind.
        pass
    raise ConnectFailedError(
        f"cannot reach {url.origin()}: it redirects elsewhere", hint="give the address that it redirects to"
    )
