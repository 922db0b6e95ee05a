"""One dashboard's program: started without a shell, with an environment of its own, and ended with all that it started.

What it may is handed over on its standard input, never in its arguments or its environment, which others can read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator

from nagare.config.surroundings import variable
from nagare.errors import InputError, UnavailableError
from nagare.server.ui.packets import begin, pack, pack_told, read_packets
from nagare.wire.codec import encode
from nagare.wire.ui import HandOver

_PROGRAM = "nagare.tui.browser.main"
# The buffer of paint; when it is full the program waits, so that a slow browser costs no memory here.
_BUFFER_BYTES = 64 * 1024
# A loaded machine imports slowly; one that takes longer will not come.
_START_SECONDS = 60.0
# To say good-bye to shells that are open.
_END_SECONDS = 2.0


class Child:
    """The program of one dashboard."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Keep a process that was started."""
        self._process = process

    @classmethod
    async def start(cls, told: HandOver, columns: int, rows: int) -> Child:
        """Start one that draws so many cells. Raises UnavailableError when the system starts no more."""
        try:
            # -P: a module in the working directory must not stand in for one of ours.
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", _PROGRAM,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                env=_environment(columns, rows), cwd="/", start_new_session=True, limit=_BUFFER_BYTES,
            )  # fmt: skip
        except OSError as error:
            cause = (error.strerror or "refused").lower()
            raise UnavailableError(f"cannot start a dashboard: {cause}") from error
        child = cls(process)
        content = encode(told)
        try:
            await child.write(len(content).to_bytes(4, "big") + content)
        except BaseException:
            child._signal(signal.SIGKILL)
            raise
        return child

    @property
    def pid(self) -> int:
        """Its process, which leads a group and a session of its own."""
        return self._process.pid

    async def packets(self) -> AsyncIterator[tuple[bytes, bytes]]:
        """Yield what it draws and tells, until it ends. Raises InputError when it never begins or tells nonsense."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                await begin(self._process.stdout)
        except TimeoutError as error:
            raise InputError(f"cannot show the dashboard: it did not begin within {_START_SECONDS:g} s") from error
        async for packet in read_packets(self._process.stdout):
            yield packet

    async def type(self, keys: bytes) -> None:
        """Give it what was typed; waits while it does not read."""
        await self.write(pack(b"D", keys))

    async def tell(self, **told: object) -> None:
        """Tell it something beside keys, such as another size."""
        await self.write(pack_told(**told))

    async def write(self, content: bytes) -> None:
        """Write bytes; when it has ended, that is told by the end of its packets."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._process.stdin.write(content)
            await self._process.stdin.drain()

    async def end(self) -> str:
        """End it, with force when it takes too long, and return how it ended, empty when it did so by itself and well."""
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        # The group outlives its leader as long as anything of it runs.
        self._signal(signal.SIGKILL)
        await self._process.wait()
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  asyncio closes the pipes in no other way
        status = self._process.returncode or 0
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}" if status else ""

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def _environment(columns: int, rows: int) -> dict[str, str]:
    # Nothing of the server's own environment, which may hold secrets, but where our code is.
    places = [place for place in variable("PYTHONPATH").split(os.pathsep) if os.path.isabs(place)]  # noqa: PTH117  an empty text is no place, but a path
    return {
        "HOME": "/dev/null",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "COLUMNS": str(columns),
        "ROWS": str(rows),
        **({"PYTHONPATH": os.pathsep.join(places)} if places else {}),
    }
