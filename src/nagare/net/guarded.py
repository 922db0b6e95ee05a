"""Fetching documents from addresses that another server named: an OpenID provider's endpoints.

Such an address is foreign: it must be https (plain http only on loopback, and loopback only when the server that names it
stands there itself), it is never redirected, and the answer is read up to a cap. Proxies and cookies of the environment
are ignored. Deadlines are the caller's (``asyncio.timeout``).
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import quote_plus, urlencode

import aiohttp
from yarl import URL

from nagare.errors import ConnectFailedError
from nagare.lib.invariant import invariant
from nagare.lib.plain_text import plain
from nagare.net.answer import Answer
from nagare.net.bare import bare_session, read_capped
from nagare.net.translated import Translated
from nagare.net.trust import Trust

_CONNECTION_LIMIT = 16
_ADDRESS_LIMIT = 2048


class GuardedSession:
    """Connections to one server and to those that it names; ``async with`` opens and closes them."""

    def __init__(self, origin: str, trust: Trust | None = None) -> None:
        """Trust what stands at ``origin``, the operator's own word. Raises ConnectFailedError when that is unlawful."""
        self._is_local = _is_loopback(_parsed(origin))
        self._trust = trust or Trust()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Prepare the connections. Raises ConfigError for an unusable certificate authority."""
        # Unpacked bytes would have to be capped too; so small documents need no packing.
        self._session = bare_session(self._trust, accept_encoding="identity", connection_limit=_CONNECTION_LIMIT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def check(self, address: str) -> None:
        """Raise ConnectFailedError for an address that must not be asked."""
        self._checked(address)

    async def get(self, address: str, *, limit_bytes: int, bearer: str = "") -> Answer:
        """Return the answer, whatever its status. Raises ConnectFailedError, BodyTooLargeError."""
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        return await self._ask("GET", address, None, headers, limit_bytes)

    async def post_form(
        self, address: str, form: Mapping[str, str], *, limit_bytes: int, credentials: tuple[str, str] | None = None
    ) -> Answer:
        """Send a form, with ``credentials`` as Basic (RFC 6749, 2.3.1). Raises as ``get`` does."""
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if credentials is not None:
            pair = ":".join(map(quote_plus, credentials))
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return await self._ask("POST", address, urlencode(form).encode(), headers, limit_bytes)

    async def _ask(
        self, method: str, address: str, body: bytes | None, headers: Mapping[str, str], limit_bytes: int
    ) -> Answer:
        url, session = self._checked(address), self._session
        invariant(session is not None, "a session must be entered before it is used")
        assert session is not None
        with Translated(url):
            async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
                content = await read_capped(response, limit_bytes)
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, found, content)

    def _checked(self, address: str) -> URL:
        url = _parsed(address)
        if _is_loopback(url) and not self._is_local:
            raise ConnectFailedError(f"cannot reach {url.origin()}: a server elsewhere names this machine itself")
        return url


def _parsed(address: str) -> URL:
    try:
        url = URL(address) if len(address) <= _ADDRESS_LIMIT else URL()
        # Raises for what has no host.
        url.origin()
    except ValueError as error:
        raise ConnectFailedError(f"cannot reach {plain(address, 200)!r}: it is no address") from error
    if url.user is not None or url.fragment:
        raise ConnectFailedError(f"cannot reach {url.origin()}: the address holds more than one may")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url)):
        raise ConnectFailedError(f"cannot reach {url.origin()}: only https is spoken with it")
    return url


def _is_loopback(url: URL) -> bool:
    host = (url.host or "").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
