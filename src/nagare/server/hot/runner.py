"""Lets the library's server make our connections."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from nagare.server.hot.connection import HotConnection
from nagare.server.services import SERVICES, Services


class HotServer(web.Server):
    """The library's server with connections that know heads."""

    def __init__(self, services: Services, server: web.Server) -> None:
        """Take over what the application's own server was given."""
        super().__init__(
            server.request_handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            loop=asyncio.get_running_loop(),
        )
        self._services = services
        self._given: dict[str, Any] = server._kwargs  # noqa: SLF001  the one place where the library keeps them

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return HotConnection(self._services, self, loop=self._loop, **self._given)


class HotRunner(web.AppRunner):
    """The library's runner with that server."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return HotServer(self.app[SERVICES], server)
