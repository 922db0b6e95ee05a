"""A shell on a host: bytes both ways, its window's size, and how it ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import asyncssh

from nagare.ssh.connection import Connection
from nagare.ssh.faults import translating

TERM = "xterm-256color"
# What may be on its way to here, and what one read takes at most. The echo of a key stands behind no more of a flood than this and what the
# host itself holds, and after Ctrl-C no more of one is shown, on a slow terminal too. Less would hold up hosts that are far away: this is
# 0.6 MB/s where a byte takes 100 ms there and back.
_WINDOW_BYTES = CHUNK_BYTES = 64 * 1024
# What of typed text may wait for a host that reads none of it.
_WAITING_LIMIT_BYTES = 1024 * 1024
# The status of a shell may come a little after the last that it wrote.
_STATUS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a shell ended: its status, or the signal that ended it; neither when the connection was lost."""

    status: int | None = None
    signal: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether nobody said how it ended."""
        return self.status is None and not self.signal


class RemoteShell:
    """An interactive shell with a terminal; one reader, and any number of writers on one loop."""

    def __init__(self, name: str, connection: Connection, process: asyncssh.SSHClientProcess[bytes]) -> None:
        """Take over both; ``open_shell`` makes them."""
        self.name = name
        self._connection = connection
        self._process = process
        self._is_at_end = False

    @property
    def why(self) -> str:
        """Why the server that carries it ended it, empty where it did not."""
        return self._connection.why

    async def read(self) -> bytes:
        """Return what the host wrote, at most 64 KiB; nothing at its end. Raises ConnectFailedError when it is lost."""
        with translating(self.name):
            chunk = await self._process.stdout.read(CHUNK_BYTES)
        self._is_at_end = not chunk
        return chunk

    def write(self, keys: bytes) -> bool:
        """Send what was typed; return False when the host takes nothing any more, and it was dropped."""
        if self._process.stdin.is_closing() or self._waiting() + len(keys) > _WAITING_LIMIT_BYTES:
            return False
        try:
            self._process.stdin.write(keys)
        except (asyncssh.Error, OSError):
            return False
        return True

    def _waiting(self) -> int:
        return int(self._process.channel.get_write_buffer_size())

    def resize(self, columns: int, rows: int) -> None:
        """Tell the host the window's size; nothing happens when it is gone."""
        if not self._process.channel.is_closing():
            self._process.change_terminal_size(columns, rows)

    async def ended(self) -> Ending:
        """Wait for the end of the shell and return it."""
        await self._process.wait_closed()
        signal = self._process.exit_signal
        return Ending(self._process.exit_status if signal is None else None, signal[0] if signal else "")

    async def close(self) -> None:
        """End the shell and its connection, however far they are; one that ended by itself may say with which status."""
        if self._is_at_end:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STATUS_SECONDS):
                    await self._process.wait_closed()
        self._process.close()
        await self._connection.close()


async def open_shell(name: str, connection: Connection, columns: int, rows: int, *, command: str = "") -> RemoteShell:
    """Return a shell (or ``command``) on an open connection. Raises ConnectFailedError; the connection stays the caller's."""
    with translating(name):
        process = await connection.top.create_process(
            command or None,
            term_type=TERM,
            term_size=(columns, rows),
            request_pty="force",
            encoding=None,
            env={"COLORTERM": "truecolor"},
            stderr=asyncssh.STDOUT,
            window=_WINDOW_BYTES,
        )
    return RemoteShell(name, connection, process)
