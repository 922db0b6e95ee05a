"""One call to the server from a command: find it, speak to it, close."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.config.settings import Settings

T = TypeVar("T")


def call(settings: Settings, work: Callable[[Client], Awaitable[T]]) -> T:
    """Return what ``work`` makes of a connected client. Raises errors of ``nagare.errors``."""
    from nagare.client.client import Client
    from nagare.client.target import find_target

    async def run() -> T:
        async with Client(find_target(settings), deadline_seconds=settings.client.deadline_seconds) as client:
            return await work(client)

    return asyncio.run(run())
