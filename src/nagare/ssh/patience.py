"""A deadline that stands still while a person is asked: typing a password must not count as a slow host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from nagare.errors import DeadlineExceededError


class Patience:
    """The time that a login may still take, in seconds."""

    def __init__(self, seconds: float) -> None:
        """Keep how long it may take; nothing runs yet."""
        self._left = seconds
        self._timeout: asyncio.Timeout | None = None

    @asynccontextmanager
    async def running(self, what: str) -> AsyncIterator[None]:
        """End the block with DeadlineExceededError when it takes longer."""
        try:
            async with asyncio.timeout(self._left) as self._timeout:
                yield
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"cannot {what}: no answer in time", hint="ssh.connect_seconds says how long it may take"
            ) from error

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the time stand still inside the block."""
        timeout, loop = self._timeout, asyncio.get_running_loop()
        when = timeout.when() if timeout else None
        if timeout is None or when is None:
            yield
            return
        left = when - loop.time()
        timeout.reschedule(None)
        try:
            yield
        finally:
            timeout.reschedule(loop.time() + max(left, 0.1))
