"""Outbound HTTP and WebSocket to one server, with the dangers of the network closed off in one place.

No redirect is followed, so credentials never travel to a host that nobody named; proxies and cookies of the
environment are ignored; answers are read up to a cap; a pinned key is compared before a byte of the request
leaves. Deadlines are the caller's (``asyncio.timeout``). The foreign exceptions of the library end here.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from nagare import __version__
from nagare.errors import BodyTooLargeError, ConnectFailedError
from nagare.lib.invariant import invariant
from nagare.net.answer import Answer
from nagare.net.byte_socket import ByteSocket, open_bytes
from nagare.net.closing import end_reason
from nagare.net.lines import LineStream
from nagare.net.tls import make_tls
from nagare.net.translated import Translated
from nagare.net.trust import Trust, check_address, is_pinned

# The largest answer is a query of 100 000 rows; four times what such an answer measured.
ANSWER_LIMIT_BYTES = 256 * 2**20
FRAME_LIMIT_BYTES = 16 * 2**20
# Shorter than the server keeps an idle connection, so that no request meets the end of one.
_KEEP_ALIVE_SECONDS = 60.0
_CONNECTION_LIMIT = 8


class HttpSession:
    """Keep-alive connections to one server; ``async with`` opens and closes them."""

    def __init__(self, url: str, *, token: str = "", trust: Trust | None = None) -> None:
        """Check the address. Raises ConfigError when it is no http(s) URL, or when a pin stands beside plain HTTP."""
        self._trust = trust or Trust()
        check_address(url, self._trust.pin)
        self._base = URL(url.rstrip("/") + "/")
        self._headers = {"User-Agent": f"nagare/{__version__}"}
        self._shown: dict[str, str] = {}
        self.show(token)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Prepare the connections; the first request opens one."""
        self._session = self._new_session(_CONNECTION_LIMIT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def show(self, token: str) -> None:
        """Show ``token`` from now on, nothing when it is empty."""
        self._shown = {"Authorization": f"Bearer {token}"} if token else {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer, whatever its status. Raises ConnectFailedError, BodyTooLargeError."""
        url = self._url(path, params)
        with Translated(url):
            async with self._open_session().request(
                method, url, data=body, headers={**self._shown, **(headers or {})}, allow_redirects=False
            ) as response:
                content = await _read_capped(response)
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, found, content)

    async def connect_live(self, path: str, *, heartbeat_seconds: float) -> LiveSocket | Answer:
        """Open a WebSocket that ends when a ping stays unanswered; or return what the server answered instead.

        Raises ConnectFailedError.
        """
        url = self._url(path, None)
        with Translated(url):
            try:
                socket = await self._open_session().ws_connect(
                    url, headers=self._shown, heartbeat=heartbeat_seconds, max_msg_size=FRAME_LIMIT_BYTES
                )
            except aiohttp.WSServerHandshakeError as error:
                found = {name.lower(): value for name, value in (error.headers or CIMultiDict()).items()}
                return Answer(error.status, found, b"")
        return LiveSocket(socket, url)

    async def open_bytes(self, path: str, limit_bytes: int) -> ByteSocket | Answer:
        """Open a WebSocket of frames of at most so many bytes, on a connection of its own; or return what the server answered.

        Raises ConnectFailedError.
        """
        return await open_bytes(self._new_session(1), self._url(path, None), self._shown, limit_bytes)

    async def open_lines(
        self, path: str, params: Mapping[str, str] | None = None, document: bytes | None = None
    ) -> LineStream | Answer:
        """Begin to read an answer of lines, to a POST where there is a JSON ``document``; or return the whole of one that is no success.

        Raises ConnectFailedError.
        """
        url = self._url(path, params)
        headers = self._shown if document is None else {**self._shown, "Content-Type": "application/json"}
        with Translated(url):
            response = await self._open_session().request(
                "GET" if document is None else "POST", url, data=document, headers=headers, allow_redirects=False
            )
            if response.status == 200:
                return LineStream(response, url)
            async with response:
                found = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, found, await _read_capped(response))

    def _new_session(self, connection_limit: int) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=_make_tls(self._base, self._trust), limit=connection_limit, keepalive_timeout=_KEEP_ALIVE_SECONDS
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            trust_env=False,
        )

    def _open_session(self) -> aiohttp.ClientSession:
        invariant(self._session is not None, "a session must be entered before it is used")
        assert self._session is not None
        return self._session

    def _url(self, path: str, params: Mapping[str, str] | None) -> URL:
        # The path is percent-encoded by the caller already; doing it again would change names with a percent sign.
        url = self._base.join(URL(path.lstrip("/"), encoded=True))
        return url.with_query(dict(params)) if params else url


class LiveSocket:
    """One open WebSocket of text frames."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, url: URL) -> None:
        """Wrap an open ``socket``."""
        self._socket = socket
        self._url = url

    async def send(self, frame: bytes) -> None:
        """Send one text frame. Raises ConnectFailedError."""
        with Translated(self._url):
            await self._socket.send_str(frame.decode())

    async def receive(self) -> str:
        """Return the next text frame. Raises ConnectFailedError when the connection has ended."""
        while True:
            with Translated(self._url):
                message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                return str(message.data)
            if message.type is not aiohttp.WSMsgType.BINARY:
                raise ConnectFailedError(f"cannot read from {self._url.origin()}: {end_reason(self._socket, message)}")

    async def close(self) -> None:
        """Say goodbye and close."""
        await self._socket.close()


class _Pinned(aiohttp.Fingerprint):
    """The library asks it once the handshake is made and before it sends anything."""

    def __init__(self, pins: tuple[str, ...]) -> None:
        """Believe each of ``pins``; the library knows of the first."""
        super().__init__(bytes.fromhex(pins[0]))
        self._pins = pins

    def check(self, transport: asyncio.Transport) -> None:
        """Raise the library's error for a certificate that is not pinned."""
        tls = transport.get_extra_info("ssl_object")
        certificate = (None if tls is None else tls.getpeercert(binary_form=True)) or b""
        if not is_pinned(certificate, *self._pins):
            host, port, *_ = transport.get_extra_info("peername")
            raise aiohttp.ServerFingerprintMismatch(self.fingerprint, b"", host, port)


def _make_tls(base: URL, trust: Trust) -> ssl.SSLContext | aiohttp.Fingerprint | bool:
    if base.scheme != "https":
        return True
    if trust.pin:
        return _Pinned(trust.pins())
    return make_tls(trust)


async def _read_capped(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > ANSWER_LIMIT_BYTES:
            raise BodyTooLargeError(
                f"cannot read answer of {response.url.origin()}: it is larger than {ANSWER_LIMIT_BYTES} bytes",
                hint="ask for fewer rows",
            )
    return bytes(content)
