"""One call to the server from a command: find it, speak to it, close."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.config.settings import Settings

T = TypeVar("T")


def call(settings: Settings, work: Callable[[Client], Awaitable[T]], *, is_lean: bool = False) -> T:
    """Return what ``work`` makes of a connected client, which is ``is_lean`` where it must be there fast.

    Raises errors of ``nagare.errors``.
    """
    from nagare.client.client import Client
    from nagare.client.target import find_target

    async def run() -> T:
        deadline = settings.client.deadline_seconds
        async with Client(find_target(settings), deadline_seconds=deadline, is_lean=is_lean) as client:
            return await work(client)

    return asyncio.run(run())
