"""Lets the SSH library speak by a pipe that the server carries, where it expects a connection that leads on.

What is said stays between the library here and the host: keys, passwords and the host's own key are checked as on the direct way.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from nagare.errors import NagareError
from nagare.lib.tasks import TaskSupervisor
from nagare.ssh.pipe import OpenPipe, Pipe

_CHUNK_BYTES = 32 * 1024
_STOP_SECONDS = 5.0


class ByServer:
    """Makes connections to one host by the server; ``why`` says why the last one ended, empty where a side closed it."""

    def __init__(self, host: str, open_pipe: OpenPipe) -> None:
        """Keep how a pipe to ``host`` is opened; none is yet."""
        self._host = host
        self._open_pipe = open_pipe
        self._tasks = TaskSupervisor(stop_seconds=_STOP_SECONDS)
        self.why = ""

    async def create_connection(
        self, session_factory: Callable[[], asyncio.Protocol], _remote_host: str, _remote_port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        """Return a connection, as the library asks for one; where the host is is the server's word. Raises NagareError."""
        pipe = await self._open_pipe(self._host)
        near, far = socket.socketpair()
        try:
            # A pair of sockets: what either side does not take yet stays bounded, by the system and the streams.
            reader, writer = await asyncio.open_connection(sock=far, limit=_CHUNK_BYTES)
            opened = await asyncio.get_running_loop().create_connection(session_factory, sock=near)
        except BaseException:
            near.close()
            far.close()
            await pipe.close()
            raise
        self.why = ""
        self._tasks.start("ssh.by_server", self._carry(pipe, reader, writer))
        return opened

    async def close(self) -> None:
        """End what is left of the connections."""
        await self._tasks.stop()

    async def _carry(self, pipe: Pipe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                fetching = tasks.create_task(self._fetch(pipe, writer))
                await self._send(pipe, reader)
                fetching.cancel()
        finally:
            writer.transport.abort()
            with contextlib.suppress(NagareError):
                await pipe.close()

    async def _send(self, pipe: Pipe, reader: asyncio.StreamReader) -> None:
        """Pass on what the library writes until it closes, which it does too when nothing comes from the host any more."""
        try:
            with contextlib.suppress(ConnectionError):
                while content := await reader.read(_CHUNK_BYTES):
                    await pipe.send(content)
        except NagareError as error:
            self.why = self.why or error.message

    async def _fetch(self, pipe: Pipe, writer: asyncio.StreamWriter) -> None:
        """Pass on what the host sends; at its end the library is told."""
        try:
            with contextlib.suppress(ConnectionError):
                while content := await pipe.receive():
                    writer.write(content)
                    await writer.drain()
        except NagareError as error:
            self.why = self.why or error.message
        finally:
            writer.close()
