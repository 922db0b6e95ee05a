"""The server's side of one worker process: started, given an order at a time, ended with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nagare.automation.workers.pipe import HEAD_BYTES, from_worker, length_of, pack
from nagare.errors import UnavailableError
from nagare.wire.worker import Answer, Broken, Call, Finished, Keep, Order, Progress

_MODULE = "nagare.automation.workers.main"
_END_SECONDS = 10.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# What a program needs to find its way; the settings of the server, and secrets in its environment, are not among it.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "PGPASSFILE")

# Workers multiply no matrices, for which numpy's library would reserve memory for each core.
_ADDED = {"OPENBLAS_NUM_THREADS": "1"}

OnProgress = Callable[[float | None, str], None]
OnCall = Callable[[str, dict[str, Any]], Awaitable[Answer]]


class WorkerDiedError(Exception):
    """The process ended in the middle of its order; ``how`` says by what."""

    def __init__(self, how: str) -> None:
        """Keep how."""
        super().__init__(how)
        self.how = how


class Worker:
    """One process. It does one order at a time."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        """Keep the process."""
        self._child = child
        self.orders = 0

    @classmethod
    async def start(cls, memory_limit_bytes: int) -> Worker:
        """Start one, for which the kernel has no more than that much memory of its own. Raises UnavailableError."""
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _ADDED  # noqa: TID251  handed on, not read
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", _MODULE, str(memory_limit_bytes),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment, cwd="/",
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise UnavailableError(f"cannot start worker: {error.strerror or error}") from error
        return cls(child)

    @property
    def pid(self) -> int:
        """Its process, which leads a group and a session of its own."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._child.returncode is None

    async def do(self, order: Order, on_progress: OnProgress, on_call: OnCall) -> Finished | Broken:
        """Return how ``order`` ended. Raises WorkerDiedError. Cancelled, it is in the middle of it: end it then."""
        self.orders += 1
        await self._send(pack(order))
        while True:
            frame = await self._receive()
            if isinstance(frame, Progress):
                on_progress(frame.ratio, frame.text)
            elif isinstance(frame, Call):
                await self._send(pack(await on_call(frame.name, frame.value)))
            else:
                return frame

    def keep(self, held_until: float) -> None:
        """Tell it until when what it does is ours, by the monotonic clock."""
        if self._child.stdin is not None and not self._child.stdin.is_closing():
            self._child.stdin.write(pack(Keep(held_until)))

    def memory_bytes(self) -> int:
        """Return what it holds of memory, 0 where that cannot be told."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError, ValueError):
            return 0

    async def end(self) -> None:
        """End it and all that it started, and return when it has ended."""
        # The group outlives its leader as long as anything of it runs.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._child.stdin is not None:
            self._child.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._child.wait()
        self._child._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  asyncio closes the pipes in no other way

    async def _send(self, content: bytes) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(content)
            await self._child.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise WorkerDiedError(await self._how()) from error

    async def _receive(self) -> Progress | Call | Finished | Broken:
        assert self._child.stdout is not None
        try:
            head = await self._child.stdout.readexactly(HEAD_BYTES)
            return from_worker(await self._child.stdout.readexactly(length_of(head)))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise WorkerDiedError(await self._how()) from error

    async def _how(self) -> str:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                status = await self._child.wait()
                if status < 0:
                    return f"its worker was ended by {signal.Signals(-status).name}"
                return f"its worker ended with status {status}"
        return "its worker closed its pipe"
