"""HTTP for the agent by the standard library: one kept connection, whole answers, a tenth of the other session's memory.

The agent stands on every host and may take 50 MB in all; the library behind ``session`` alone costs ten of them. What
both promise is the same: no redirect is followed, no proxy or cookie of the environment is used, a pinned key
is compared before a byte of the request leaves, answers are capped, deadlines are the caller's. What this one does not
do: WebSockets, compressed answers, several requests at one time.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ssl import SSLCertVerificationError, SSLEOFError, SSLSocket, SSLZeroReturnError
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from nagare import __version__
from nagare.errors import ConfigError, ConnectFailedError
from nagare.lib.plain_text import plain
from nagare.net.answer import Answer
from nagare.net.causes import os_cause
from nagare.net.tls import make_tls
from nagare.net.trust import Trust, check_address, is_pinned

# Replies to an agent are small; a longer one is not our server's.
_ANSWER_LIMIT_BYTES = 4 * 2**20
_PIECE_BYTES = 64 * 2**10
# A connection that is being made cannot be cut from outside; a thread that nobody waits for ends after this.
_CONNECT_SECONDS = 15.0
_CLOSED = (ConnectionError, SSLEOFError, SSLZeroReturnError)


class LeanSession:
    """One connection to one server; ``async with`` closes it. One request at a time."""

    def __init__(self, url: str, *, token: str = "", trust: Trust | None = None) -> None:
        """Check the address and the trust. Raises ConfigError."""
        trust = trust or Trust()
        check_address(url, trust.pin)
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        self._pins = trust.pins()
        kind = partial(HTTPSConnection, context=make_tls(trust)) if parts.scheme == "https" else HTTPConnection
        self._make = partial(kind, parts.hostname or "", parts.port, timeout=_CONNECT_SECONDS)
        self._headers = {"User-Agent": f"nagare/{__version__}", "Accept": "application/json, application/problem+json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection: HTTPConnection | None = None

    async def __aenter__(self) -> Self:
        """Prepare; the first request opens the connection."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer, whatever its status. Raises ConnectFailedError.

        A request is repeated once when a kept connection turns out to be closed: so only those that may be repeated
        belong here, which holds for all of an agent's.
        """
        target = self._prefix + path + (f"?{urlencode(params)}" if params else "")
        fields = {**self._headers, **(headers or {})}
        self._check(target, fields)
        call = _Call(self._connection, self._connect, partial(_exchange, method, target, body, fields))
        self._connection = None
        try:
            answer = await call.answer()
        except SSLCertVerificationError as error:
            raise self._failed(f"its certificate is not trusted: {error.verify_message}") from error
        except OSError as error:
            raise self._failed(os_cause(error)) from error
        except HTTPException as error:
            raise self._failed(f"the answer is not HTTP: {plain(str(error), 200)}") from error
        except UnicodeError as error:
            raise self._failed("its name is unlawful") from error
        self._connection = call.connection
        return answer

    def _check(self, target: str, fields: Mapping[str, str]) -> None:
        # Never sent as it is: it could smuggle a second request, or a secret's bytes into another header.
        if not all(text.isascii() and text.isprintable() for text in (target, *fields, *fields.values())):
            raise ConfigError(f"cannot call {self._origin}: a header or path has unlawful characters")

    def _connect(self) -> HTTPConnection:
        connection = self._make()
        # Else the library connects anew by itself, where nobody compares the pin.
        connection.auto_open = 0
        connection.connect()
        sock = connection.sock
        sock.settimeout(None)
        if self._pins:
            certificate = (sock.getpeercert(binary_form=True) if isinstance(sock, SSLSocket) else None) or b""
            if not is_pinned(certificate, *self._pins):
                connection.close()
                raise self._failed("its certificate does not match the pin")
        return connection

    def _failed(self, cause: str) -> ConnectFailedError:
        return ConnectFailedError(f"cannot reach {self._origin}: {cause}")


class _Call:
    """One request in a thread of its own, which the loop may leave at any time."""

    def __init__(
        self,
        kept: HTTPConnection | None,
        connect: Callable[[], HTTPConnection],
        exchange: Callable[[HTTPConnection], Answer],
    ) -> None:
        # The thread's until it has ended. None: not connected.
        self.connection = kept
        self._connect = connect
        self._exchange = exchange
        self._is_left = False

    async def answer(self) -> Answer:
        job: Future[Answer] = Future()
        job.set_running_or_notify_cancel()
        # A daemon: a name server that hangs must not keep the process from ending.
        threading.Thread(target=self._run, args=(job,), name="http", daemon=True).start()
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            self._leave()
            job.add_done_callback(self._close)
            raise

    def _run(self, job: Future[Answer]) -> None:
        try:
            answer = self._ask()
        except BaseException as error:  # noqa: BLE001  carried to the caller, who waits for it
            self._close()
            job.set_exception(error)
        else:
            job.set_result(answer)

    def _ask(self) -> Answer:
        # Without a socket the server ended the connection with its last answer.
        if self.connection is not None and self.connection.sock is not None:
            with contextlib.suppress(*_CLOSED):
                return self._exchange(self.connection)
            self._close()
        if not self._is_left:
            self.connection = self._connect()
        # Looked at after the connection can be seen by ``_leave``: one of both finds the other.
        if self._is_left or self.connection is None:
            raise ConnectionAbortedError
        return self._exchange(self.connection)

    def _leave(self) -> None:
        self._is_left = True
        sock = self.connection and self.connection.sock
        if sock:
            # Wakes the thread, as closing would not. Not the method of a TLS socket: it would go on in clear text.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _close(self, _: object = None) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def _exchange(
    method: str, target: str, body: bytes | None, fields: Mapping[str, str], connection: HTTPConnection
) -> Answer:
    # A server may answer before it has read all, and close: the answer is read then anyway.
    with contextlib.suppress(*_CLOSED):
        connection.request(method, target, body, fields)
    with connection.getresponse() as response:
        if response.status < 200 or response.msg.defects:
            raise HTTPException("its head does not read")
        content = bytearray()
        while piece := response.read1(_PIECE_BYTES):
            content += piece
            if len(content) > _ANSWER_LIMIT_BYTES:
                raise HTTPException(f"it is larger than {_ANSWER_LIMIT_BYTES} bytes")
        if response.length:
            raise HTTPException("it ends too early")
        headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, bytes(content))
