"""A link that is far away: a TCP relay that keeps every byte back for a while, both ways, as many of them as there are."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass on what comes, each piece ``delay`` seconds after it came."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(4096)

    async def send() -> None:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    with suppress(ConnectionError):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            while piece := await reader.read(65536):
                await pieces.put((loop.time() + delay, piece))
            await pieces.put((loop.time() + delay, b""))


async def _relay(port: int, delay: float, far_end: "_FarEnd") -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        # The end of the relay cancels it, and nobody waits to hear of that.
        with suppress(BaseExceptionGroup, ConnectionError, asyncio.CancelledError):
            await asyncio.gather(_carry(reader, far_writer, delay), _carry(far_reader, writer, delay))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    far_end.port, far_end.loop = server.sockets[0].getsockname()[1], asyncio.get_running_loop()
    far_end.is_ready.set()
    await far_end.end.wait()
    server.close()


class _FarEnd:
    """What the thread of the relay tells, and how it is ended."""

    def __init__(self) -> None:
        self.is_ready, self.end = threading.Event(), asyncio.Event()
        self.port = 0
        self.loop: asyncio.AbstractEventLoop | None = None


@contextmanager
def far(port: int, round_trip_seconds: float) -> Iterator[int]:
    """Yield a port behind which ``port`` is, so far away."""
    far_end = _FarEnd()
    # ``asyncio.run`` ends what still carries.
    thread = threading.Thread(target=lambda: asyncio.run(_relay(port, round_trip_seconds / 2, far_end)), daemon=True)
    thread.start()
    far_end.is_ready.wait(30)
    try:
        yield far_end.port
    finally:
        assert far_end.loop is not None
        far_end.loop.call_soon_threadsafe(far_end.end.set)
        thread.join(30)
