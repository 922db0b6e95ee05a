"""One shell from its begin to its end, on record: told to the server before it is opened and when it is over.

While it is open it tells so, and learns whether the login that opened it still holds: when that is over, the shell is.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from nagare.config.terminal import SshSettings
from nagare.errors import (
    ConnectFailedError,
    DeadlineExceededError,
    NagareError,
    NotFoundError,
    PermissionDeniedError,
    StorageError,
    UnauthenticatedError,
)
from nagare.lib.clock import Clock
from nagare.lib.invariant import invariant
from nagare.ssh.asking import Asker
from nagare.ssh.connection import Connector
from nagare.ssh.pipe import Pipe
from nagare.ssh.recording import Recording
from nagare.ssh.shell import Ending, RemoteShell, open_shell
from nagare.ssh.target import Target
from nagare.wire.shells import ShellEnd, ShellView

# The last word to the server must not hold up who leaves.
_LAST_WORD_SECONDS = 5.0
# How a direct way ends that leads nowhere: refused, or nothing came back.
_UNREACHED = (ConnectFailedError, DeadlineExceededError)


class Book(Protocol):
    """Where shells are put on record: the server, by the client's calls."""

    async def open(self, host: str) -> ShellView:
        """Tell that a shell is opened."""

    async def touch(self, shell_id: str) -> ShellView:
        """Tell that it is still open."""

    async def end(self, shell_id: str, end: ShellEnd) -> None:
        """Tell how it ended."""

    async def reach(self, host: str) -> Pipe:
        """Return a way to the SSH of ``host`` by the server."""


class Session:
    """A shell on a host for one person; made anew for each connection."""

    def __init__(
        self, settings: SshSettings, recordings: Path, book: Book, asker: Asker, clock: Clock, user: str = ""
    ) -> None:
        """Keep what it needs; nothing is told or opened. ``user`` is who the person asked for."""
        self._settings = settings
        self._recordings = settings.recordings or recordings
        self._book = book
        self._connector = Connector(settings, asker, user, book.reach if settings.via_server else None)
        self._clock = clock
        self._view: ShellView | None = None
        self._shell: RemoteShell | None = None
        self._why = ""
        self.recording: Recording | None = None
        # The direct way leads nowhere, and the server would carry the connection: a person may be asked.
        self.may_go_by_server = False

    @property
    def shell(self) -> RemoteShell:
        """The open shell."""
        invariant(self._shell is not None, "a shell is used between open and close")
        assert self._shell is not None
        return self._shell

    @property
    def why(self) -> str:
        """Why the shell was closed from here, empty when it was not."""
        return self._why

    @property
    def notes(self) -> list[str]:
        """What went wrong and hindered nothing."""
        return self._connector.notes

    async def open(self, host: str, columns: int, rows: int) -> None:
        """Open a shell on ``host``, on record. Raises what the server and the connection raise."""
        view = self._view = await self._book.open(host)
        try:
            self._check_way(view)
            target = Target(view.host, view.address, view.port, view.user, view.jump)
            connection = await self._connector.connect(target)
            try:
                self._shell = await open_shell(host, connection, columns, rows)
            except BaseException:
                await connection.close()
                raise
            if view.is_recorded or self._settings.record:
                self.recording = Recording(self._recordings, host, columns, rows, self._clock)
        except BaseException as error:
            is_unreached = isinstance(error, _UNREACHED) and not self._connector.has_reached
            self.may_go_by_server = is_unreached and view.may_tunnel and not self._settings.via_server
            await self.close(error.message if isinstance(error, NagareError) else "given up")
            raise

    def _check_way(self, view: ShellView) -> None:
        if self._settings.via_server and not view.may_tunnel:
            raise PermissionDeniedError(
                f"cannot reach host {view.host} by the server: it carries no connections",
                hint="ssh.tunnels allows it there",
            )

    async def read(self) -> bytes:
        """Return what the host wrote, nothing at the end. Raises ConnectFailedError, StorageError of a recording."""
        try:
            chunk = await self.shell.read()
        except ConnectFailedError as error:
            if not self.shell.why:
                raise
            raise ConnectFailedError(f"cannot go on with host {self.shell.name}: {self.shell.why}") from error
        if self.recording is not None and chunk:
            self.recording.wrote(chunk)
        return chunk

    def resize(self, columns: int, rows: int) -> None:
        """Tell the host the window's size."""
        if self._shell is not None:
            self._shell.resize(columns, rows)
        if self.recording is not None:
            self.recording.resized(columns, rows)

    async def keep_told(self) -> None:
        """Tell the server that the shell is open until the login does not hold any more: then close it and return."""
        while True:
            invariant(self._view is not None, "a shell is told after it was opened")
            assert self._view is not None
            await self._clock.sleep(self._view.again_seconds)
            try:
                self._view = await self._tell(self._view)
            except (UnauthenticatedError, PermissionDeniedError, NotFoundError) as error:
                self._why = error.message
                await self.shell.close()
                return
            except NagareError:
                continue  # a server that is away or in trouble ends no shell: it may be what is being mended

    async def _tell(self, view: ShellView) -> ShellView:
        try:
            return await self._book.touch(view.id)
        except NotFoundError:
            # The server began anew, or heard nothing for long: the shell is told again, under another id.
            return await self._book.open(view.host)

    async def close(self, why: str = "") -> Ending:
        """End the shell however far it is, put its end on record and return it; never raises for a server that is away."""
        ending = Ending()
        if self._shell is not None:
            await self._shell.close()
            ending = await self._shell.ended()
        view, self._view = self._view, None
        if view is not None:
            await self._last_word(view, ending, why or self._why)
        return ending

    async def _last_word(self, view: ShellView, ending: Ending, why: str) -> None:
        told = ShellEnd(ending.status, ending.signal, why)
        if self.recording is not None:
            try:
                digest = self.recording.close()
                told = ShellEnd(ending.status, ending.signal, why, digest, self.recording.size_bytes)
            except StorageError as error:
                self.notes.append(error.message)
                told = ShellEnd(ending.status, ending.signal, why or error.message)
        try:
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._book.end(view.id, told)
        except (NagareError, TimeoutError):
            return  # the server notices by itself that no sign of life comes
