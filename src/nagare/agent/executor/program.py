"""One program under its warden: started, read, ended. What the warden is, says ``warden.py``.

The warden is a process of its own, because what must be done between fork and exec may not be done in a process with
threads, and because it outlives this one for as long as it takes to end what it watches over.
"""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from nagare.agent.executor.strays import VARIABLE, end_strays
from nagare.agent.executor.user import User
from nagare.agent.executor.warden_start import STREAM_BYTES, Warden, begin_warden
from nagare.errors import UnavailableError
from nagare.lib.invariant import invariant
from nagare.wire.codec import decode

_START_SECONDS = 30.0
_END_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Launch:
    """What a warden needs to know. ``prefix`` starts the warden itself, ``cgroups`` are there before the program is; the first word of ``argv`` is a path."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    limits: Mapping[str, int]
    user: User | None = None
    cgroups: Sequence[str] = ()
    prefix: Sequence[str] = ()
    stdin: str = field(default="", repr=False)

    def spec(self) -> bytes:
        """Return it as the warden reads it."""
        content = marshal.dumps(
            {
                "argv": list(self.argv),
                "environment": dict(self.environment),
                "folder": self.folder,
                "limits": dict(self.limits),
                "user": [self.user.uid, self.user.gid, *self.user.groups] if self.user else None,
                "stdin": self.stdin,
            }
        )
        return f"{len(content):08x}".encode() + content


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended. Both None: its warden was ended, or it did not end. ``left`` counts what could not be ended.

    ``was_asked``: somebody asked it to end before it did; else it ended by itself, whatever was asked for meanwhile.
    """

    exit_code: int | None = None
    signal: int | None = None
    cpu_seconds: float = 0.0
    max_rss_bytes: int = 0
    left: int = 0
    was_asked: bool = True


class Program:
    """A running program. ``async with`` starts it and leaves nothing of it."""

    def __init__(self, launch: Launch, ready: Warden | None = None) -> None:
        """Keep what to run, and the warden that is ready for it; nothing is started yet."""
        self._launch = launch
        self._ready = ready
        self._warden: Warden | None = None
        self._pid = 0

    async def __aenter__(self) -> Self:
        """Start it. Raises UnavailableError that says why it could not be started."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                word = await self._begin(self._ready)
                word = await self._read_word() if self._pid else word
                if word.get("unbegun") and self._ready is not None:
                    word = await self._begin_anew()
                    word = await self._read_word() if self._pid else word
        except (OSError, TimeoutError) as error:
            await self._close()
            cause = "its warden says nothing" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise _not_started(cause) from error
        except BaseException:
            await self._close()
            raise
        # A warden that ended after it had let the program begin tells no more: it may run, and ``wait`` says so.
        if "failed" in word or not self._pid:
            said = str(word.get("failed", "")) or await self._said()
            await self._close()
            raise _not_started(said or "its warden ended")
        return self

    async def __aexit__(self, *exception: object) -> None:
        """End it, whatever it does."""
        await self._close()

    @property
    def stdout(self) -> asyncio.StreamReader:
        """What it writes; not read, it waits."""
        return self._begun.stdout

    @property
    def stderr(self) -> asyncio.StreamReader:
        """What it complains; not read, it waits."""
        return self._begun.stderr

    def terminate(self) -> None:
        """Ask it and all that came of it to end."""
        self._ask(b"T")

    def kill(self) -> None:
        """End it and all that came of it."""
        self._ask(b"K")

    async def wait(self) -> Ending:
        """Return how it ended, once nothing of it is left."""
        word = await self._read_word()
        if "exit" not in word:
            # Somebody ended the warden: the program was told to end with it, what came of it perhaps was not.
            self._kill_session()
            return Ending()
        return Ending(
            word["exit"],
            word["signal"],
            float(word["cpu_seconds"]),
            int(word["max_rss_bytes"]),
            int(word["left"]),
            was_asked=bool(word["asked"]),
        )

    async def _begin(self, ready: Warden | None) -> dict[str, Any]:
        """Tell a warden what to run, and return its first word; ``_pid`` is set once the program may begin."""
        self._warden = ready or await begin_warden(self._launch.prefix, self._launch.cgroups)
        self._warden.orders.write(self._launch.spec())
        with contextlib.suppress(ConnectionError):
            await self._warden.orders.drain()
        word = await self._read_word()
        self._pid = int(word.get("starting", 0))
        if ready is not None and not self._pid:
            return await self._begin_anew()
        return word

    async def _begin_anew(self) -> dict[str, Any]:
        """Somebody ended a ready warden, or its child, while they waited. Nothing began, or it would have said so."""
        await self._close()
        self._pid = 0
        return await self._begin(None)

    async def _read_word(self) -> dict[str, Any]:
        assert self._warden is not None
        try:
            line = await self._warden.status.readline()
        except ValueError:  # longer than its limit
            return {}
        return decode(line, dict[str, Any]) if line.endswith(b"\n") else {}

    async def _said(self) -> str:
        """Return the last line that a warden which did not start said."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                lines = (await self.stderr.read(STREAM_BYTES)).decode(errors="replace").split("\n")
                return next((line for line in reversed(lines) if line.strip()), "")
        return ""

    @property
    def _begun(self) -> Warden:
        invariant(self._warden is not None, "a program is read after it was started")
        assert self._warden is not None
        return self._warden

    def _ask(self, word: bytes) -> None:
        if self._warden is not None and not self._warden.orders.is_closing():
            self._warden.orders.write(word)

    def _kill_session(self) -> None:
        if self._pid:
            # The session of the program, whose leader it was.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, 9)
        if name := self._launch.environment.get(VARIABLE):
            end_strays(name)

    async def _close(self) -> None:
        if self._warden is None:
            return
        process = self._warden.process
        # The end of its input is the word to end everything.
        self._warden.orders.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            self._kill_session()
            await process.wait()
        finally:
            self._warden.release()


def _not_started(cause: str) -> UnavailableError:
    return UnavailableError(f"cannot start program: {cause}")
