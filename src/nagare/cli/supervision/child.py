"""One child process of ``nagare up``: how it is started, heard and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from nagare.cli.supervision.log_lines import LogLines
from nagare.lib.invariant import invariant

_CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """What to start: the words behind ``nagare``, and the time that a clean end may take."""

    name: str
    words: Sequence[str]
    stop_seconds: float
    has_terminal: bool = False


class Lifeline:
    """A pipe that nobody writes: when this process dies, by whatever hand, its children read the end of it."""

    def __init__(self) -> None:
        """Open the pipe; only the reading end is inherited."""
        self.read_end, self._write_end = os.pipe()

    def close(self) -> None:
        """Let go of both ends."""
        for descriptor in (self.read_end, self._write_end):
            with contextlib.suppress(OSError):
                os.close(descriptor)


class Child:
    """One process, started at most once; a restart is a new Child."""

    def __init__(self, plan: ChildPlan, lifeline: Lifeline) -> None:
        """Keep the plan; nothing runs yet."""
        self.plan = plan
        self._lifeline = lifeline
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs; minus the signal that ended it."""
        return self._running().returncode

    async def start(self) -> None:
        """Start the process. One without the terminal has its own session: Ctrl-C reaches it through us alone."""
        argv = [sys.executable, "-m", "nagare.cli", *self.plan.words, "--parent-fd", str(self._lifeline.read_end)]
        own = None if self.plan.has_terminal else asyncio.subprocess.DEVNULL
        heard = None if self.plan.has_terminal else asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=own,
            stdout=heard,
            stderr=None if self.plan.has_terminal else asyncio.subprocess.STDOUT,
            pass_fds=(self._lifeline.read_end,),
            start_new_session=not self.plan.has_terminal,
        )

    async def hear(self, lines: LogLines) -> None:
        """Pass every line that it writes to ``lines``, until it closes its end."""
        stream = self._running().stdout
        invariant(stream is not None, f"only a child without the terminal is heard, {self.plan.name} has it")
        assert stream is not None
        rest = b""
        while chunk := await stream.read(_CHUNK_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                lines.add(self.plan.name, line.decode("utf-8", "replace"))
            if len(rest) > _CHUNK_BYTES:
                lines.add(self.plan.name, rest.decode("utf-8", "replace"))
                rest = b""
        if rest:
            lines.add(self.plan.name, rest.decode("utf-8", "replace"))

    async def wait(self) -> int:
        """Return the exit status once it ended."""
        return await self._running().wait()

    async def stop(self) -> bool:
        """End it with SIGTERM, and with SIGKILL when that takes too long; tell whether it ended by itself."""
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.plan.stop_seconds):
                await self.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.wait()
            return False
        return self.status != -signal.SIGKILL

    def send(self, number: signal.Signals) -> None:
        """Send a signal; to a process that has ended, nothing."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _running(self) -> asyncio.subprocess.Process:
        invariant(self._process is not None, f"child {self.plan.name} must be started before it is asked")
        assert self._process is not None
        return self._process
