"""A new version on trial: started as a child, it must deliver a batch in time and stay up; else the old one goes on.

The old version lets go of the spool before the child takes it, so that one agent owns it at any time. A child whose
parent is killed ends too, and what starts next is the version that was proven.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from nagare.lib.plain_text import plain
from nagare.lib.tasks import TaskSupervisor

_STOP_SECONDS = 15.0
_WORD_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Terms:
    """What a new version must do: deliver within ``deadline_seconds``, then stay up for ``gate_seconds``."""

    deadline_seconds: float
    gate_seconds: float


class StoppedError(Exception):
    """Somebody asked the agent to stop while a trial ran: it proved nothing."""


async def run_trial(file: Path, version: str, words: Sequence[str], terms: Terms, stop: asyncio.Event) -> str:
    """Return why ``file`` is not fit to be ``version``, empty when it is. Raises StoppedError."""
    life_read, life_write = os.pipe()
    word_read, word_write = os.pipe()
    try:
        argv = [str(file), *words, "--parent-fd", str(life_read), "--trial-fd", str(word_write)]
        child = await asyncio.create_subprocess_exec(
            sys.executable, *argv, stdin=asyncio.subprocess.DEVNULL, pass_fds=(life_read, word_write)
        )
    except OSError as error:
        for descriptor in (life_read, life_write, word_read, word_write):
            os.close(descriptor)
        return f"it cannot be started: {error.strerror}"
    # Only the child holds them now: its end, by whatever hand, is the end of the pipe.
    os.close(life_read)
    os.close(word_write)
    try:
        async with _Hearing(word_read, stop) as hearing:
            return await _judge(hearing, child, version, terms)
    finally:
        await _end(child)
        os.close(life_write)
        os.close(word_read)


async def _judge(hearing: _Hearing, child: asyncio.subprocess.Process, version: str, terms: Terms) -> str:
    if not await hearing.wait(lambda: hearing.is_ended or hearing.has_word, terms.deadline_seconds):
        return f"it delivered nothing within {terms.deadline_seconds:g} s"
    if not hearing.has_word:
        return f"it ended with status {await child.wait()} before it delivered anything"
    if hearing.word != version:
        return f"it calls itself {plain(hearing.word, 40)}"
    if await hearing.wait(lambda: hearing.is_ended, terms.gate_seconds):
        return f"it ended with status {await child.wait()} within {terms.gate_seconds:g} s of its first delivery"
    return ""


class _Hearing:
    """What the child says through its pipe, and whether somebody asked to stop."""

    def __init__(self, descriptor: int, stop: asyncio.Event) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._heard = bytearray()
        self._news = asyncio.Event()
        self._tasks = TaskSupervisor()
        self.is_ended = False

    async def __aenter__(self) -> Self:
        os.set_blocking(self._descriptor, False)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)
        self._tasks.start("trial_stop", self._relay())
        return self

    async def __aexit__(self, *exception: object) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        await self._tasks.stop()

    @property
    def has_word(self) -> bool:
        """Whether it told its version, which it does when a batch of it was acknowledged."""
        return b"\n" in self._heard

    @property
    def word(self) -> str:
        """The version that it told."""
        return self._heard.partition(b"\n")[0].decode("ascii", "replace")

    async def wait(self, is_enough: Callable[[], bool], seconds: float) -> bool:
        """Tell whether ``is_enough`` became true in time. Raises StoppedError."""
        try:
            async with asyncio.timeout(seconds):
                while not is_enough():
                    self._news.clear()
                    await self._news.wait()
                    if self._stop.is_set():
                        raise StoppedError
        except TimeoutError:
            return False
        return True

    async def _relay(self) -> None:
        await self._stop.wait()
        self._news.set()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            piece = os.read(self._descriptor, _WORD_LIMIT)
            self._heard += piece[: _WORD_LIMIT - len(self._heard)]
            if not piece:
                self.is_ended = True
                asyncio.get_running_loop().remove_reader(self._descriptor)
            self._news.set()


async def _end(child: asyncio.subprocess.Process) -> None:
    """End the child as a service manager would; what it holds goes to its disk."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
