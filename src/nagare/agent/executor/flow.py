"""The live output of one command: sent as far as the server gave credit for, and never at the cost of the command.

While credit is used up nobody reads, so the pipe fills and the program waits. A server that gives none for long, or that is
away, loses live output (the offsets show the gap) and not the command: both ends of it are in the result.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from nagare.errors import NagareError
from nagare.wire.commands import CHUNK_LIMIT_BYTES, INITIAL_CREDIT_BYTES, FromAgent, OutputChunk

# Less than what most commands may take in all; a reader that is slow for a moment loses nothing.
STALL_SECONDS = 10.0


class Outbox(Protocol):
    """The way to the server, while there is one."""

    async def send(self, frame: FromAgent) -> None:
        """Send ``frame``. Raises UnavailableError when the connection is gone."""
        ...


class Flow:
    """What one command may send. Credit is for both streams together."""

    def __init__(self, command_id: str, stall_seconds: float = STALL_SECONDS) -> None:
        """Begin without a connection."""
        self._id = command_id
        self._stall_seconds = stall_seconds
        self._outbox: Outbox | None = None
        self._credit = 0
        self._news = asyncio.Event()
        # A server that let one wait run out gets nothing more before it gives credit.
        self._is_stalled = False
        self.unsent_bytes = 0

    def attach(self, outbox: Outbox) -> None:
        """Send through ``outbox`` from now on, with the first credit of a connection."""
        self._outbox = outbox
        self._credit = INITIAL_CREDIT_BYTES
        self._is_stalled = False
        self._news.set()

    def detach(self) -> None:
        """Send nothing until there is a connection again; who waits for credit waits no longer."""
        self._outbox = None
        self._news.set()

    def add_credit(self, amount: int) -> None:
        """Take the server's word for ``amount`` more bytes."""
        self._credit += amount
        self._is_stalled = False
        self._news.set()

    async def send(self, stream: str, offset: int, content: bytes) -> None:
        """Send ``content``, which begins at ``offset`` of ``stream``; what cannot be sent in time is left out."""
        for start in range(0, len(content), CHUNK_LIMIT_BYTES):
            piece = content[start : start + CHUNK_LIMIT_BYTES]
            if not await self._send_piece(OutputChunk(self._id, stream, offset + start, piece)):
                self.unsent_bytes += len(piece)

    async def _send_piece(self, chunk: OutputChunk) -> bool:
        if not await self._has_credit(len(chunk.data)):
            return False
        outbox = self._outbox
        if outbox is None:
            return False
        self._credit -= len(chunk.data)
        try:
            await outbox.send(chunk)
        except NagareError:
            return False
        return True

    async def _has_credit(self, amount: int) -> bool:
        if self._is_stalled:
            return False
        try:
            async with asyncio.timeout(self._stall_seconds):
                while self._outbox is not None and self._credit < amount:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            self._is_stalled = True
            return False
        return self._outbox is not None
