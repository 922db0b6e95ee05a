"""An executor as a process of its own: frames come on its standard input and go to its output, a line of JSON each.

``python -m tests.support.own_executor FOLDER PUBLIC_KEY``
"""

import asyncio
import sys
from pathlib import Path

from nagare.agent.events import EventBox
from nagare.agent.executor.executor import Executor
from nagare.agent.executor.verify import Standing
from nagare.config.settings import CommandSettings
from nagare.lib.clock import SystemClock
from nagare.wire.commands import FRAME_LIMIT_BYTES, FromAgent, decode_to_agent, encode_frame
from tests.support.commands import HOST


class _Lines:
    async def send(self, frame: FromAgent) -> None:
        sys.stdout.buffer.write(encode_frame(frame) + b"\n")
        sys.stdout.buffer.flush()


async def _serve(folder: Path, key: str) -> None:
    settings = CommandSettings(actions=folder / "actions", policy=folder / "policy.toml")
    standing = Standing(HOST, may_run=True, keys=(key,))
    reader = asyncio.StreamReader(limit=FRAME_LIMIT_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with Executor(settings, folder / "commands", lambda: standing, EventBox(), SystemClock()) as executor:
        await executor.attach(_Lines())
        while line := await reader.readline():
            await executor.receive(decode_to_agent(line))


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2]))
