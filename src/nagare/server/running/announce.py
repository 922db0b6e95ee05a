"""Tells the local network by zeroconf that a server is here: its name, port and certificate pin, never a secret."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from nagare import __version__
from nagare.config.settings import ServerSettings
from nagare.errors import NagareError
from nagare.server.running.listen import Listen

if TYPE_CHECKING:
    from nagare.keys.certificates import ServerCertificate

log = logging.getLogger(__name__)


@asynccontextmanager
async def announced(
    settings: ServerSettings, listen: Listen, port: int, certificate: ServerCertificate | None
) -> AsyncIterator[None]:
    """Announce the server inside the block, if others can reach it and the settings allow it.

    A network that cannot be told is no reason not to serve: it is logged and that is all.
    """
    if listen.is_loopback or not settings.announce:
        yield
        return
    from nagare.net.discovery import Announcer  # noqa: PLC0415  loads zeroconf

    properties = {"version": __version__, "tls": "0" if certificate is None else "1"}
    if certificate is not None:
        properties["pin"] = certificate.pin
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(Announcer(socket.gethostname(), port, properties))
        except (NagareError, OSError) as error:
            log.warning("cannot_announce: %s", error)
        yield
