"""The connection to the NATS servers: whom it trusts, as whom it comes, and that it comes back by itself after a cut.

nats-py could mend cuts, too. But it ends for ever at most errors that a server tells (a reader that is too slow, a secret that was
changed), and waits for ever to close a connection to a server that stands still. So each of its clients lives for one connection,
and the next one is made here. Secrets are read from their files at each connect, and stand in no log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from nagare.bus.jetstream.faults import Fault, as_fault, is_passing, say
from nagare.config.settings import BusSettings
from nagare.errors import ConfigError, ConnectFailedError, NagareError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters

log = logging.getLogger(__name__)

T = TypeVar("T")

# Of a request, and of a try to connect: what a cut or an election swallowed is never answered, so it is asked again.
TRY_SECONDS = 2.0
# Between tries while a stream elects its leader, and between tries to connect.
PAUSE_SECONDS = 0.1
# A server that stands still keeps its connection open: it is asked for a sign of life, and left when none comes.
_ASK_SECONDS = 2.0
_SILENCE_SECONDS = 5
# A connection to a server that stands still cannot be closed in order.
_CLOSE_SECONDS = 1.0


class Connection:
    """One connection at a time, for all that a bus does."""

    def __init__(self, settings: BusSettings, clock: Clock, counters: Counters) -> None:
        """Prepare; nothing is connected yet."""
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self.client = Client()
        self.last_fault = ""
        self._lost = asyncio.Event()
        # Set while there is a connection; what is published meanwhile waits for it.
        self.is_up = asyncio.Event()
        # What must be said again on a new connection, in this order.
        self.when_anew: list[Callable[[], Awaitable[None]]] = []

    @property
    def streams(self) -> JetStreamContext:
        """The JetStream API over it."""
        return self.client.jetstream(timeout=min(TRY_SECONDS, self._settings.request_seconds))

    @property
    def place(self) -> str:
        """The configured servers, in words."""
        return ", ".join(self._settings.servers)

    async def open(self) -> None:
        """Connect. Raises ConfigError for files that cannot be used, ConnectFailedError."""
        until = self._clock.monotonic() + self._settings.connect_seconds
        while True:
            try:
                await self._connect()
                break
            except ConnectFailedError:
                if self._clock.monotonic() + PAUSE_SECONDS >= until:
                    raise
            await self._clock.sleep(PAUSE_SECONDS)

    async def close(self) -> None:
        """End it."""
        self.is_up.clear()
        await _end(self.client)

    async def keep(self) -> None:
        """Connect anew, until cancelled, whenever the connection is lost."""
        while True:
            await self._until_lost()
            self.is_up.clear()
            self._counters.add("disconnects")
            log.warning("bus_disconnected servers=%s cause=%s", self.place, self.last_fault)
            await _end(self.client)
            while not self.is_up.is_set():
                try:
                    await self._connect()
                    for again in self.when_anew:
                        await again()
                except (NagareError, *Fault) as error:
                    # Lost again before all was said: from the beginning.
                    self.is_up.clear()
                    log.info("bus_not_connected: %s", say(error))
                    await self._clock.sleep(PAUSE_SECONDS)
            self._counters.add("reconnects")
            log.info("bus_connected_again")

    async def _until_lost(self) -> None:
        while not self._lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_SECONDS):
                    await self._lost.wait()
                    return
            try:
                await self.client.flush(timeout=_SILENCE_SECONDS)
            except Fault as error:
                self.last_fault = say(error)
                return

    async def _connect(self) -> None:
        options = await asyncio.get_running_loop().run_in_executor(None, self._options)
        servers = list(self._settings.servers)
        # So that not all connect to the first of them.
        random.shuffle(servers)
        for server in servers:
            client, lost = Client(), asyncio.Event()
            try:
                async with asyncio.timeout(min(2 * TRY_SECONDS, self._settings.connect_seconds)):
                    await client.connect(server, closed_cb=_setter(lost), **options, **self._secrets(client, server))
                    _check_tls(client, server)
            except (ConnectFailedError, *Fault) as error:
                self.last_fault = say(error)
                await _end(client)
                continue
            except BaseException:
                await _end(client)
                raise
            self.client, self._lost = client, lost
            self.is_up.set()
            return
        raise ConnectFailedError(f"cannot connect to NATS at {self.place}: {self.last_fault}")

    async def check(self) -> None:
        """Return when JetStream answers. Raises UnavailableError, ConfigError."""
        await self.retry(lambda _: self.streams.account_info(), "look at JetStream")

    async def ask(self, subject: str, payload: bytes, what: str) -> Msg:
        """Return the answer to a request, trying again within the deadline. Raises UnavailableError."""
        return await self.retry(lambda left: self.client.request(subject, payload, timeout=left), what)

    async def retry(self, call: Callable[[float], Awaitable[T]], what: str) -> T:
        """Return what ``call`` (told the seconds left) returns, tried again while it may help, within the deadline."""
        until = self._clock.monotonic() + self._settings.request_seconds
        while True:
            left = until - self._clock.monotonic()
            try:
                return await call(max(0.1, min(left, TRY_SECONDS)))
            except Fault as error:
                if not is_passing(error) or left <= PAUSE_SECONDS:
                    raise as_fault(error, what) from error
            await self._clock.sleep(PAUSE_SECONDS)

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {
            "name": "nagare",
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": 0,
            "connect_timeout": TRY_SECONDS,
            "error_cb": self._note_fault,
        }
        if any(url.startswith("tls:") for url in settings.servers):
            options["tls"] = _tls(settings)
        if settings.credentials_file is not None:
            # It never leaves this machine: the seed in it signs what the server asks.
            options["user_credentials"] = str(settings.credentials_file)
        for file in (settings.credentials_file, settings.token_file, settings.password_file):
            if file is not None:
                _read(file)
        return options

    def _secrets(self, client: Client, server: str) -> dict[str, Any]:
        def reader(path: Path) -> Callable[[], str]:
            def read() -> str:
                _check_tls(client, server)
                return _read(path)

            return read

        if self._settings.token_file is not None:
            return {"token": reader(self._settings.token_file)}
        if self._settings.password_file is not None:
            return {"user": self._settings.user, "password": reader(self._settings.password_file)}
        return {}

    async def _note_fault(self, error: Exception) -> None:
        self.last_fault = say(error)
        self._counters.add("connection_faults")
        log.info("bus_connection_fault: %s", self.last_fault)


def status_of(message: Msg) -> tuple[int, str]:
    """Return the status of a message that is none of a stream: (0, "") for one that is."""
    if not message.headers or message.data or "Status" not in message.headers:
        return 0, ""
    return int(message.headers["Status"]), message.headers.get("Description", "")


def as_json(value: dict[str, Any]) -> bytes:
    """Return ``value`` as the API takes it."""
    return json.dumps(value).encode()


def _setter(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def set_() -> None:
        event.set()

    return set_


async def _end(client: Client) -> None:
    with contextlib.suppress(*Fault):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await client.close()


def _check_tls(client: Client, server: str) -> None:
    # nats-py takes the server's word for it that TLS is not needed, whatever the URL says.
    if server.startswith("tls:") and not client._server_info.get("tls_required"):  # noqa: SLF001  told nowhere else
        raise ConnectFailedError(f"cannot connect to NATS at {server}: it does not speak TLS")


def _tls(settings: BusSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file)
        if settings.tls_certificate_file is not None:
            context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot use the TLS files of [bus]: {error}") from error
    return context


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
