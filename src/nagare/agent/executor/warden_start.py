"""How a warden begins: as an interpreter of its own, or, where several follow each other, as a fork of one that has begun already.

Both are the same to who has one: four pipes, and a descriptor that tells of its end, whoever its parent is.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import marshal
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files

from nagare.agent.executor.cgroups import CgroupParents

_STATUS_LIMIT_BYTES = 4096
# What a stream may hold unread here; the rest waits in the pipe, and the program with it.
STREAM_BYTES = 2**16
# Of the warden, never of the program: where a user's systemd listens.
_ENVIRONMENT = {"XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}"}
# Read without moving the place at which others read the same file.
_READ = """import marshal, os, sys
def read():
    file = int(sys.argv.pop(1))
    code = marshal.loads(os.pread(file, os.fstat(file).st_size, 0))
    os.close(file)
    return code
"""
_LOAD = f"{_READ}exec(read())\n"
_LOAD_TEMPLATE = f"""{_READ}warden, template = {{"__name__": "warden"}}, {{"__name__": "template"}}
exec(read(), warden)
exec(read(), template)
template["main"](warden["main"], warden["_prctl"])
os._exit(0)
"""
_ANSWER_SECONDS, _ANSWER_BYTES = 10.0, 64


class Begun:
    """A process that may be another's child; it tells of its end by a descriptor, and is never taken for another of its number."""

    def __init__(self, pid: int, handle: int, reap: Callable[[], object] | None = None) -> None:
        """Keep a ``handle`` of it (pidfd), which is closed at its end; then ``reap`` is called."""
        self.pid = pid
        self._handle = handle
        self._reap = reap
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, self._end)

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, as far as is known here."""
        return self._ended.is_set()

    async def wait(self) -> None:
        """Return once it has ended."""
        await self._ended.wait()

    def kill(self) -> None:
        """End it."""
        if not self.has_ended:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        if self._reap is not None:
            self._reap()
        self._ended.set()


@dataclass(frozen=True, slots=True, eq=False)
class Warden:
    """A warden that has begun: its process, where it takes orders, what it tells, and what its program writes."""

    process: Begun
    orders: asyncio.StreamWriter
    status: asyncio.StreamReader
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    transports: tuple[asyncio.BaseTransport, ...]
    # Of its groups, which are below ``parents``; empty where it has none, or they were made for one program.
    name: str = ""
    parents: CgroupParents | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it lives, as far as is known here."""
        return not self.process.has_ended

    async def dismiss(self) -> None:
        """End one that was told nothing."""
        self.orders.close()
        await self.process.wait()
        self.release()

    def release(self) -> None:
        """Let go of the pipes of one that has ended; some stray may still hold them, and nobody waits for that."""
        for transport in self.transports:
            transport.close()


class _Pipes:
    """The pipes of a warden that is about to begin, each end in the order input, output, complaints, status."""

    def __init__(self) -> None:
        """Open them. Raises OSError."""
        self.theirs: list[int] = []
        self._ours: list[int] = []
        try:
            for is_input in (True, False, False, False):
                read, write = os.pipe()
                self.theirs.append(read if is_input else write)
                self._ours.append(write if is_input else read)
        except OSError:
            self.close()
            raise

    def give(self) -> None:
        """Close the ends that the warden has."""
        while self.theirs:
            os.close(self.theirs.pop())

    def close(self) -> None:
        """Close all of them."""
        self.give()
        while self._ours:
            os.close(self._ours.pop())

    async def open(self, process: Begun) -> Warden:
        """Return the warden that has the other ends; one that nobody waits for any more is ended."""
        transports: list[asyncio.BaseTransport] = []
        try:
            orders = await self._open_orders(transports)
            limits = (STREAM_BYTES, STREAM_BYTES, _STATUS_LIMIT_BYTES)
            stdout, stderr, status = [await self._open_reader(transports, limit) for limit in limits]
        except BaseException:
            for transport in transports:
                transport.close()
            # Without its input it ends.
            self.close()
            await process.wait()
            raise
        return Warden(process, orders, status, stdout, stderr, tuple(transports))

    async def _open_orders(self, transports: list[asyncio.BaseTransport]) -> asyncio.StreamWriter:
        loop = asyncio.get_running_loop()
        # A writer hears of the end of its pipe by a protocol that reads; nothing is ever read there.
        nothing, pipe = asyncio.StreamReader(), os.fdopen(self._ours.pop(0), "wb", buffering=0)
        transport, protocol = await loop.connect_write_pipe(partial(asyncio.StreamReaderProtocol, nothing), pipe)
        transports.append(transport)
        return asyncio.StreamWriter(transport, protocol, nothing, loop)

    async def _open_reader(self, transports: list[asyncio.BaseTransport], limit: int) -> asyncio.StreamReader:
        reader, pipe = asyncio.StreamReader(limit), os.fdopen(self._ours.pop(0), "rb", buffering=0)
        protocol = partial(asyncio.StreamReaderProtocol, reader)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(protocol, pipe)
        transports.append(transport)
        return reader


async def begin_warden(prefix: Sequence[str] = (), groups: Sequence[str] = ()) -> Warden:
    """Return a new warden that waits for its orders; what it will run joins ``groups``. Raises OSError."""
    pipes = _Pipes()
    try:
        code, (*standard, tell) = _code("warden.py"), pipes.theirs
        argv = [*prefix, sys.executable, "-I", "-S", "-c", _LOAD, str(code), str(tell), *groups]
        process = _start(argv, standard, (code, tell))
        pipes.give()
        return await pipes.open(process)
    finally:
        pipes.close()


class Template:
    """A process that forks wardens. ``close`` ends it, and none of them."""

    def __init__(self) -> None:
        """Begin it. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            codes = (_code("warden.py"), _code("template.py"))
            argv = [sys.executable, "-I", "-S", "-c", _LOAD_TEMPLATE, *map(str, codes), str(theirs.fileno())]
            try:
                null = subprocess.DEVNULL
                self.process = _start(argv, (null, null, null), (*codes, theirs.fileno()))
            except OSError:
                ours.close()
                raise
        ours.setblocking(False)  # noqa: FBT003  its only parameter
        self._control = ours

    async def begin_warden(self, groups: Sequence[str] = ()) -> Warden:
        """Return a new warden, as the function does. Raises OSError, TimeoutError; then this template is no good any more."""
        pipes = _Pipes()
        try:
            request = b"\0".join((b"fork", *map(os.fsencode, groups)))
            socket.send_fds(self._control, [request], pipes.theirs)
            pipes.give()
            async with asyncio.timeout(_ANSWER_SECONDS):
                await _readable(self._control.fileno())
            answer, handles, _, _ = socket.recv_fds(self._control, _ANSWER_BYTES, 1)
            if not handles:
                raise ConnectionError("the template of wardens has ended")
            return await pipes.open(Begun(int(answer), handles[0]))
        finally:
            pipes.close()

    async def close(self) -> None:
        """End it, whatever it does."""
        self._control.close()
        self.process.kill()
        await self.process.wait()


def _start(argv: Sequence[str], standard: Sequence[int], kept: Sequence[int]) -> Begun:
    stdin, stdout, stderr = standard
    popen = subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=kept,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    return Begun(popen.pid, os.pidfd_open(popen.pid), popen.wait)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    loop.add_reader(descriptor, news.set)
    try:
        await news.wait()
    finally:
        loop.remove_reader(descriptor)


@cache
def _code(name: str) -> int:
    """Return a file in memory with a program of this folder as the interpreter wants it: to compile its text takes longer than to start."""
    text = files("nagare.agent.executor").joinpath(name).read_text(encoding="utf-8")
    file = os.memfd_create(f"nagare-{name.removesuffix('.py')}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(file, marshal.dumps(compile(text, name, "exec", dont_inherit=True)))
    # Nobody changes what runs with the agent's rights, whoever gets hold of the descriptor.
    fcntl.fcntl(
        file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    )
    return file
