"""Carries bytes between a caller and a host's SSH until either side, or the server, ends it.

Each direction holds a bounded number of bytes: what one side does not take is not read from the other. Nothing of the caller's is passed on before what
answers at the host's address says that it is SSH, and nothing of what else may answer there comes back: a tunnel is no way to other services.
"""

from __future__ import annotations

import asyncio

from nagare.errors import ConnectFailedError, DeadlineExceededError, NagareError
from nagare.net.tcp import ByteStream, open_stream
from nagare.server.tunnels.line import Line
from nagare.server.tunnels.tunnel import Tunnel, done

# Below what a client gives a connection altogether (``ssh.connect_seconds``), so that it learns why.
_CONNECT_SECONDS = 10.0
# How a server of SSH begins (RFC 4253, 4.2).
_GREETING = b"SSH-"


async def carry(tunnel: Tunnel, line: Line) -> None:
    """Carry until ``tunnel`` is over, and tell the caller why."""
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(_work(tunnel, line), name="tunnel.work")
        await tunnel.over.wait()
        work.cancel()
    assert tunnel.ending is not None
    await line.end(tunnel.ending)


async def _work(tunnel: Tunnel, line: Line) -> None:
    try:
        stream = await _reached(tunnel)
        try:
            greeting = await _greeting(tunnel, stream)
            await line.tell_opened()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_send(tunnel, line, stream), name="tunnel.send")
                tasks.create_task(_fetch(tunnel, line, stream, greeting), name="tunnel.fetch")
        finally:
            await _leave(tunnel, stream)
    except NagareError as error:
        tunnel.fail(error)
    except ConnectionError:
        tunnel.end(done("the client went"))


async def _leave(tunnel: Tunnel, stream: ByteStream) -> None:
    # What somebody sent who may no more goes nowhere.
    if tunnel.ending is not None and tunnel.ending.is_unhurried:
        await stream.close()
    else:
        stream.abort()


async def _reached(tunnel: Tunnel) -> ByteStream:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await open_stream(*tunnel.place)
    except ConnectFailedError as error:
        raise ConnectFailedError(
            f"the server {error.message}", hint="labels ssh_address and ssh_port of a host say where its SSH is"
        ) from error
    except TimeoutError as error:
        raise DeadlineExceededError(
            f"the server cannot reach {tunnel.where}: no answer in {_CONNECT_SECONDS:g} s"
        ) from error


async def _greeting(tunnel: Tunnel, stream: ByteStream) -> bytes:
    """Return what the host said first. Raises ConnectFailedError, DeadlineExceededError where that is not SSH."""
    came = b""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            while len(came) < len(_GREETING) and _GREETING.startswith(came):
                chunk = await stream.receive()
                if not chunk:
                    raise ConnectFailedError(f"the server cannot go on with {tunnel.where}: it closed before it spoke")
                came += chunk
    except TimeoutError as error:
        raise DeadlineExceededError(
            f"the server cannot go on with {tunnel.where}: it said nothing in {_CONNECT_SECONDS:g} s"
        ) from error
    if not came.startswith(_GREETING):
        raise ConnectFailedError(f"the server cannot go on with {tunnel.where}: what answers there is not SSH")
    return came


async def _send(tunnel: Tunnel, line: Line, stream: ByteStream) -> None:
    """Pass on what the caller sends until it is done."""
    try:
        while (content := await line.receive()) is not None:
            await stream.send(content)
            tunnel.count(sent=len(content))
        tunnel.end(done("the client closed it"))
    except NagareError as error:
        tunnel.fail(error)


async def _fetch(tunnel: Tunnel, line: Line, stream: ByteStream, greeting: bytes) -> None:
    """Pass on what the host sends until it is done."""
    content = greeting
    try:
        while content:
            await line.send(content)
            tunnel.count(received=len(content))
            content = await stream.receive()
        tunnel.end(done("the host closed it"))
    except NagareError as error:
        tunnel.fail(error)
    except ConnectionError:
        tunnel.end(done("the client went"))
