"""The queue of a live subscription: bounded, and the oldest goes when it is full."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Self

from nagare.bus.message import Message
from nagare.bus.subjects import Pattern


class LiveQueue:
    """Messages that a subscriber has not taken yet; used on the event loop alone."""

    def __init__(self, patterns: Sequence[str], limit: int) -> None:
        """Begin empty. Raises InvalidLabelError."""
        self._patterns = [Pattern(text) for text in patterns]
        self._limit = limit
        self._queue: deque[Message] = deque()
        self._filled = asyncio.Event()
        self.dropped = 0

    def wants(self, subject: str) -> bool:
        """Tell whether ``subject`` is among those subscribed to."""
        return any(pattern.matches(subject) for pattern in self._patterns)

    def offer(self, message: Message) -> None:
        """Take ``message``; beyond the limit the oldest is dropped and counted."""
        if len(self._queue) >= self._limit:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(message)
        self._filled.set()

    def __aiter__(self) -> Self:
        """Yield messages as they come."""
        return self

    async def __anext__(self) -> Message:
        """Return the next one, waiting for it."""
        while not self._queue:
            self._filled.clear()
            await self._filled.wait()
        return self._queue.popleft()
