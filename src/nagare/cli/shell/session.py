"""Runs one shell in this terminal: raw both ways, with the window's size, until either side ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tty
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from nagare.cli.console.diagnostics import note
from nagare.cli.shell.asking import TerminalAsker
from nagare.cli.shell.escape import Escape
from nagare.cli.supervision.terminal import SavedTerminal, kept_terminal
from nagare.client.client import Client
from nagare.client.shells import ShellCalls
from nagare.client.target import find_target
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.config.terminal import SshSettings
from nagare.errors import ConnectFailedError, DeadlineExceededError
from nagare.lib.clock import SystemClock
from nagare.ssh.session import Session
from nagare.ssh.shell import Ending

_CHUNK_BYTES = 4096


async def run_shell(settings: Settings, host: str, user: str = "", *, is_offered: bool = True) -> Ending:
    """Return how a shell on ``host`` ended; ``user`` goes before what is written. Raises what opening it raises.

    ``is_offered``: where the host cannot be reached from here, the way by the server is offered.
    """
    threads = ThreadPoolExecutor(2, thread_name_prefix="shell")
    async with Client(find_target(settings), deadline_seconds=settings.client.deadline_seconds) as client:
        saved = SavedTerminal(sys.stdin.fileno())
        try:
            session = await _opened(settings, client, host, user, is_offered=is_offered)
        finally:
            saved.restore(is_clean=True)  # who gives up at a password has it shown what they type next
        if session.recording is not None:
            note(f"nagare: this shell is recorded, as the installation asks for: {session.recording.path}")
        _tell(session)
        try:
            await _carry(session, threads)
        except ExceptionGroup as group:
            raise _only(group) from group
        finally:
            ending = await session.close()
            threads.shutdown(wait=False, cancel_futures=True)
            _tell(session)
    if session.why:
        note(f"nagare: the shell was closed: {session.why}")
    elif ending.is_lost:
        why = session.shell.why
        note(f"nagare: the connection to {host} is gone{f': {why}' if why else ''}")
    return ending


async def _opened(settings: Settings, client: Client, host: str, user: str, *, is_offered: bool) -> Session:
    """Return an open session: by the server where that is asked for, or is offered and taken."""
    asker, recordings = TerminalAsker(), Places(settings.data).recordings

    def begin(ssh: SshSettings) -> Session:
        return Session(ssh, recordings, ShellCalls(client), asker, SystemClock(), user)

    session = begin(settings.ssh)
    try:
        await session.open(host, *_size())
    except (ConnectFailedError, DeadlineExceededError) as error:
        if not (is_offered and session.may_go_by_server):
            raise
        note(f"nagare: {error.message}")
        if not await asker.goes_by_server(host):
            raise
        session = begin(replace(settings.ssh, via_server=True))
        await session.open(host, *_size())
    return session


def _tell(session: Session) -> None:
    while session.notes:
        note(f"nagare: {session.notes.pop(0)}")


def _only(group: ExceptionGroup[Exception]) -> Exception:
    """Return the one error in ``group``, which says what happened; the group itself where there are more."""
    error: Exception = group
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _size() -> tuple[int, int]:
    size = os.get_terminal_size(sys.stdout.fileno())
    return max(size.columns, 2), max(size.lines, 1)


async def _carry(session: Session, threads: ThreadPoolExecutor) -> None:
    loop, out = asyncio.get_running_loop(), sys.stdout.fileno()
    with kept_terminal():
        tty.setraw(sys.stdin.fileno())
        loop.add_signal_handler(signal.SIGWINCH, lambda: session.resize(*_size()))
        typed = _Typed(session)
        loop.add_reader(sys.stdin.fileno(), typed.read)
        try:
            async with asyncio.TaskGroup() as group:
                told = group.create_task(session.keep_told())
                closed = group.create_task(typed.closed(session))
                await _show(session, out, threads)
                told.cancel()
                closed.cancel()
        finally:
            loop.remove_reader(sys.stdin.fileno())
            loop.remove_signal_handler(signal.SIGWINCH)


async def _show(session: Session, out: int, threads: ThreadPoolExecutor) -> None:
    """Show what the host writes until it ends; a terminal that shows slowly slows the host, not this program."""
    loop = asyncio.get_running_loop()
    try:
        while chunk := await session.read():
            await loop.run_in_executor(threads, _write, out, chunk)
    except ConnectFailedError:
        return  # how it ended tells


def _write(out: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(out, view) :]


class _Typed:
    """Sends on what is typed, but for the words that are for this end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._escape = Escape()
        self._ended = asyncio.Event()

    def read(self) -> None:
        """Take what was typed; called when there is something."""
        try:
            keys = os.read(sys.stdin.fileno(), _CHUNK_BYTES)
        except OSError:
            keys = b""
        sent = self._escape.feed(keys)
        if sent:
            self._session.shell.write(sent)
        if not keys or self._escape.is_close:
            self._ended.set()

    async def closed(self, session: Session) -> None:
        """Close the shell when the person says so or the terminal is gone."""
        await self._ended.wait()
        await session.shell.close()
