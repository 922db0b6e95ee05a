"""Wardens, and one that is ready: an interpreter, and joining a control group, take longer than most programs, so one begins ahead.

A warden that waits knows nothing yet: not what will run, as whom, or with which secrets. It ends with its input, as any other, and
its groups with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import marshal
import os
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from nagare.agent.executor.cgroups import CgroupParents, make_groups, remove_groups
from nagare.agent.executor.confinement import Layers
from nagare.agent.executor.worker import Worker

_STATUS_LIMIT_BYTES = 4096
# What a stream may hold unread here; the rest waits in the pipe, and the program with it.
STREAM_BYTES = 2**16
# Of the warden, never of the program: where a user's systemd listens.
_ENVIRONMENT = {"XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}"}
# Read without moving the place at which others read the same file.
_LOAD = """import marshal, os, sys
file = int(sys.argv.pop(1))
code = marshal.loads(os.pread(file, os.fstat(file).st_size, 0))
os.close(file)
exec(code)
"""
# So long after the last program one is ready for the next: a host that runs nothing keeps nothing.
_READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Warden:
    """A warden that has begun: its process, and what it tells."""

    process: asyncio.subprocess.Process
    status: asyncio.StreamReader
    transport: asyncio.ReadTransport
    # Of its groups, which are below ``parents``; empty where it has none, or they were made for one program.
    name: str = ""
    parents: CgroupParents | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it lives, as far as is known here."""
        return self.process.returncode is None

    async def dismiss(self) -> None:
        """End one that was told nothing."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()
        self.release()

    def release(self) -> None:
        """Let go of the pipes of one that has ended; some stray may still hold them, and nobody waits for that."""
        self.transport.close()
        self.process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  asyncio closes them in no other way


async def begin_warden(prefix: Sequence[str] = (), groups: Sequence[str] = ()) -> Warden:
    """Return a new warden that waits for its orders; what it will run joins ``groups``. Raises OSError."""
    status, tell = os.pipe()
    try:
        code = _code()
        argv = [*prefix, sys.executable, "-I", "-S", "-c", _LOAD, str(code), str(tell), *groups]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, pass_fds=(code, tell), env=_ENVIRONMENT, cwd="/",
            start_new_session=True, limit=STREAM_BYTES,
        )  # fmt: skip
    except BaseException:
        os.close(status)
        raise
    finally:
        os.close(tell)
    reader = asyncio.StreamReader(limit=_STATUS_LIMIT_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(status, "rb", buffering=0))
    return Warden(process, reader, transport)


class Wardens:
    """Has one warden ready while programs are being run. ``run`` begins it, and ends it when it is not needed for long."""

    def __init__(self, worker: Worker) -> None:
        """Begin with none; ``worker`` makes groups."""
        self._worker = worker
        self._ready: Warden | None = None
        self._unfit: list[Warden] = []
        self._parents: CgroupParents | None = None
        self._wanted = asyncio.Event()

    def take(self, layers: Layers) -> Warden | None:
        """Return the warden that is ready for a program in ``layers``, None when there is none; another one begins."""
        if layers.systemd_run:
            # What has begun cannot be put into a scope.
            return None
        ready, self._ready = self._ready, None
        self._parents = layers.cgroups
        if ready is not None and not (ready.is_waiting and ready.parents == layers.cgroups):
            self._unfit.append(ready)
            ready = None
        self._wanted.set()
        return ready

    def put_off(self, warden: Warden | None) -> None:
        """Take back one that was not needed after all; it is ended."""
        if warden is not None:
            self._unfit.append(warden)
            self._wanted.set()

    async def run(self) -> None:
        """Have one ready until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await self._dismiss()
                if self._ready is None:
                    self._ready = await self._begin()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_READY_SECONDS):
                        await self._wanted.wait()
                if not self._wanted.is_set():
                    self.put_off(self._ready)
                    self._ready = None
                    await self._dismiss()
                    self._wanted.clear()
        finally:
            self.put_off(self._ready)
            self._ready = None
            await self._dismiss()

    async def _begin(self) -> Warden:
        parents = self._parents
        if parents is None:
            return await begin_warden()
        name = f"nagare-{uuid.uuid4()}"
        folders = await self._worker.do(make_groups, parents, name)
        try:
            return replace(await begin_warden((), [str(folder) for folder in folders]), name=name, parents=parents)
        except BaseException:
            await self._worker.do(remove_groups, folders)
            raise

    async def _dismiss(self) -> None:
        while self._unfit:
            await self._unfit.pop().dismiss()


@cache
def _code() -> int:
    """Return a file in memory with the warden as the interpreter wants it: to compile its text takes longer than to start."""
    text = files("nagare.agent.executor").joinpath("warden.py").read_text(encoding="utf-8")
    file = os.memfd_create("nagare-warden", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(file, marshal.dumps(compile(text, "warden.py", "exec", dont_inherit=True)))
    # Nobody changes what runs with the agent's rights, whoever gets hold of the descriptor.
    fcntl.fcntl(
        file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    )
    return file
