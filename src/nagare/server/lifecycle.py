"""From settings to a listening server and back: directories, lock, TLS, rooms, socket, note; undone in reverse."""

from __future__ import annotations

import errno
import logging
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConfigError, ConflictError
from nagare.fleet.views import format_time
from nagare.lib.atomic_file import write_atomic
from nagare.lib.clock import Clock, SystemClock
from nagare.lib.tasks import TaskSupervisor
from nagare.records.faults import translated
from nagare.server.app import make_app
from nagare.server.compose import composed
from nagare.server.hot.runner import HotRunner
from nagare.server.running.announce import announced
from nagare.server.running.directories import make_directories
from nagare.server.running.listen import Listen, parse_listen
from nagare.server.running.lock import InstallationLock
from nagare.server.running.renewal import Renewal
from nagare.server.running.tls import find_certificate, make_context
from nagare.server.services import Services
from nagare.wire.codec import encode
from nagare.wire.system import ServerNote

if TYPE_CHECKING:
    from nagare.keys.certificates import ServerCertificate

log = logging.getLogger(__name__)

# A connection that asks nothing for so long is closed, one that never finishes its first headers too.
_IDLE_SECONDS = 75.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens."""

    url: str
    port: int
    certificate: ServerCertificate | None
    services: Services


@asynccontextmanager
async def serving(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Serve inside the block. Raises LockedError, ConfigError, StorageError, ConflictError (address in use)."""
    clock = clock or SystemClock()
    listen, places = parse_listen(settings.server.listen), Places(settings.data)
    make_directories(places)
    async with AsyncExitStack() as stack:
        with translated(f"lock {places.lock}"):
            stack.enter_context(InstallationLock(places.lock))
        certificate = find_certificate(settings, listen, clock.now())
        services = await stack.enter_async_context(composed(settings, listen, clock, certificate))
        port = await stack.enter_async_context(_listening(services, certificate))
        url = listen.url(port, tls=certificate is not None)
        stack.enter_context(_Note(places.server_note, _note(services, url, certificate)))
        log.info("listening url=%s pid=%d data=%s", url, os.getpid(), settings.data)
        await stack.enter_async_context(announced(settings.server, listen, port, certificate))
        yield Running(url, port, certificate, services)
        log.info("stopping url=%s", url)


@asynccontextmanager
async def _listening(services: Services, certificate: ServerCertificate | None) -> AsyncIterator[int]:
    async def end_live(_app: web.Application) -> None:
        services.hub.close()

    app = make_app(services)
    app.on_shutdown.append(end_live)
    runner = HotRunner(
        app,
        handle_signals=False,
        access_log=None,
        # A query whose client hung up must not go on; what changes something runs to its end in the finisher.
        handler_cancellation=True,
        # Signatures cover bodies as sent, and our own cap stops bombs.
        auto_decompress=False,
        keepalive_timeout=_IDLE_SECONDS,
        shutdown_timeout=services.settings.server.stop_seconds / 2,
    )
    await runner.setup()
    context = None if certificate is None else make_context(certificate)
    try:
        async with TaskSupervisor(clock=services.clock) as tasks:
            if certificate is not None and context is not None:
                renewal = Renewal(services.settings, services.listen, services.clock, certificate, context)
                tasks.supervise("certificate", renewal.run)
            yield await _bind(runner, services.listen, context)
    finally:
        await runner.cleanup()


async def _bind(runner: web.AppRunner, listen: Listen, context: ssl.SSLContext | None) -> int:
    site = web.TCPSite(runner, listen.host, listen.port, ssl_context=context)
    try:
        await site.start()
    except OSError as error:
        where = f"{listen.host}:{listen.port}"
        if error.errno == errno.EADDRINUSE:
            hint = "stop what listens there, or choose another address with --listen (port 0 picks a free one)"
            raise ConflictError(f"cannot listen on {where}: the address is in use", hint=hint) from error
        raise ConfigError(
            f"cannot listen on {where}: {error.strerror or error}", hint="choose another address with --listen"
        ) from error
    return site.port


class _Note:
    """``run/server.json``, there for as long as the server listens."""

    def __init__(self, path: Path, note: ServerNote) -> None:
        self._path = path
        self._note = note

    def __enter__(self) -> None:
        with translated(f"write {self._path}"):
            write_atomic(self._path, encode(self._note) + b"\n", mode=0o600, durable=False)

    def __exit__(self, *_exception: object) -> None:
        self._path.unlink(missing_ok=True)


def _note(services: Services, url: str, certificate: ServerCertificate | None) -> ServerNote:
    return ServerNote(
        url=url,
        pid=os.getpid(),
        ca="" if certificate is None else str(certificate.ca_file),
        version=services.version,
        started_at=format_time(services.clock.now()),
    )
