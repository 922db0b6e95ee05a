"""From settings to a listening server and back: directories, lock, TLS, rooms, socket, note; undone in reverse."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from aiohttp import web

from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConfigError, ConflictError
from nagare.fleet.views import format_time
from nagare.lib.atomic_file import write_atomic
from nagare.lib.clock import Clock, SystemClock
from nagare.lib.tasks import TaskSupervisor
from nagare.model.event import Event
from nagare.records.faults import translated
from nagare.server.app import make_app
from nagare.server.compose import composed
from nagare.server.hot.runner import HotRunner
from nagare.server.routes.events import store_events
from nagare.server.running.announce import announced
from nagare.server.running.directories import make_directories
from nagare.server.running.listen import Listen, parse_listen
from nagare.server.running.lock import InstallationLock
from nagare.server.running.renewal import Renewal
from nagare.server.running.served import Served
from nagare.server.running.spare import SpareRoom
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
    spare = SpareRoom(places.spare)
    spare.give_up_if_full()
    async with AsyncExitStack() as stack:
        with translated(f"lock {places.lock}"):
            stack.enter_context(InstallationLock(places.lock))
        certificate = await asyncio.to_thread(find_certificate, settings, listen, clock.now())
        served = None if certificate is None else Served(certificate, make_context(certificate))
        services = await stack.enter_async_context(composed(settings, listen, clock, served))
        port = await stack.enter_async_context(_listening(services))
        url = listen.url(port, tls=served is not None)
        note = _Note(places.server_note, partial(_note, services, url))
        note.write(certificate)
        stack.enter_context(note)
        if served is not None:
            await stack.enter_async_context(_renewing(services, served, note))
        spare.make()
        log.info("listening url=%s pid=%d data=%s", url, os.getpid(), settings.data)
        await stack.enter_async_context(announced(settings.server, listen, port, certificate))
        yield Running(url, port, certificate, services)
        log.info("stopping url=%s", url)


@asynccontextmanager
async def _listening(services: Services) -> AsyncIterator[int]:
    async def end_live(_app: web.Application) -> None:
        services.hub.close()
        services.commands.end_connections()
        services.tasks.end_connections()
        services.desks.close()
        services.tunnels.close()

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
    context = None if services.certificate is None else services.certificate.context
    try:
        yield await _bind(runner, services.listen, context)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _renewing(services: Services, served: Served, note: _Note) -> AsyncIterator[None]:
    async def tell(event: Event) -> None:
        await store_events(services, [event])

    async with TaskSupervisor(clock=services.clock) as tasks:
        renewal = Renewal(services.settings, services.listen, services.clock, served, tell=tell, on_swap=note.write)
        tasks.supervise("certificate", renewal.run)
        yield


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

    def __init__(self, path: Path, make: Callable[[ServerCertificate | None], ServerNote]) -> None:
        self._path = path
        self._make = make

    def write(self, certificate: ServerCertificate | None) -> None:
        with translated(f"write {self._path}"):
            write_atomic(self._path, encode(self._make(certificate)) + b"\n", mode=0o600, durable=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._path.unlink(missing_ok=True)


def _note(services: Services, url: str, certificate: ServerCertificate | None) -> ServerNote:
    is_private = certificate is not None and not certificate.is_own
    return ServerNote(
        url=url,
        pid=os.getpid(),
        ca=str(certificate.ca_file) if certificate is not None and is_private else "",
        # The address here is this machine's, which no certificate of the user's need be for.
        pin=certificate.pin if certificate is not None and not is_private else "",
        version=services.version,
        started_at=format_time(services.clock.now()),
    )
