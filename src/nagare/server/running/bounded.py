"""A context whose leaving has a deadline: one room that hangs must not keep the others from closing."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Bounded(Generic[T]):
    """Enters ``room`` and leaves it within ``seconds``; past them it is given up, and the log names it."""

    def __init__(self, name: str, room: AbstractAsyncContextManager[T], seconds: float) -> None:
        """Wrap ``room``; ``name`` is for the log."""
        self._name = name
        self._room = room
        self._seconds = seconds

    async def __aenter__(self) -> T:
        """Enter the room."""
        return await self._room.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the room, or give it up."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._room.__aexit__(kind, error, trace)
        except TimeoutError:
            log.error("room_did_not_close name=%s after_seconds=%s", self._name, self._seconds)  # noqa: TRY400  no trace to tell


class Entrance:
    """Enters rooms one after the other; the stack leaves them in the opposite order, each within ``seconds``."""

    def __init__(self, stack: AsyncExitStack, seconds: float) -> None:
        """Enter into ``stack``."""
        self._stack = stack
        self._seconds = seconds

    async def enter(self, name: str, room: AbstractAsyncContextManager[T]) -> T:
        """Enter ``room`` and return what it gives."""
        return await self._stack.enter_async_context(Bounded(name, room, self._seconds))
