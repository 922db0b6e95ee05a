"""A host with the real executor behind a small loop over a WebSocket, as an agent has it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from nagare.agent.executor.executor import Executor
from nagare.agent.executor.verify import Standing
from nagare.errors import UnavailableError
from nagare.keys.command_keys import accept_keys, trusted_keys
from nagare.keys.signing import SigningKey
from nagare.lib.clock import SystemClock
from nagare.wire.codec import decode, decode_any, encode
from nagare.wire.commands import FromAgent, SignedCommandKeys, ToAgent, decode_to_agent, encode_frame
from nagare.wire.signature import HEADER, SIGNED_AT, signed_link
from tests.support.command_box import CommandBox

PATH = "/ws/agent"
# Hears of each frame.
Hook = Callable[[FromAgent | ToAgent], None]


class ExecutorHost:
    """The host ``name`` of a server, with a policy that allows all."""

    def __init__(self, folder: Path, name: str = "web1") -> None:
        folder.mkdir(exist_ok=True)
        self.box = CommandBox(folder)
        self.name = name
        self.key = SigningKey.generate()
        self.token = ""

    async def register(self, session: aiohttp.ClientSession, url: str, admin: str) -> None:
        """Register at a server, be allowed commands, and take the server's keys."""
        request = {"name": self.name, "machine_id": self.name, "version": "0.1.0", "public_key": self.key.public_key}
        reply = await post(session, url, "/api/v1/hosts/register", admin, request)
        self.token = reply["token"]
        await post(session, url, f"/api/v1/hosts/{self.name}/accept", admin, {"capabilities": ["commands"]})
        keys = trusted_keys(accept_keys("", decode(encode(reply["command_keys"]), SignedCommandKeys)))
        self.box.standing = Standing(reply["id"], may_run=True, keys=tuple(keys))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Executor]:
        """Run its executor."""
        folder = self.box.folder / "commands"
        async with Executor(
            self.box.settings, folder, lambda: self.box.standing, self.box.box, SystemClock()
        ) as executor:  # fmt: skip
            yield executor

    @asynccontextmanager
    async def linked(
        self, session: aiohttp.ClientSession, url: str, executor: Executor, hook: Hook = lambda _frame: None
    ) -> AsyncIterator[asyncio.Task[None]]:
        """Connect the executor; ``hook`` hears of each frame, before it is taken or after it was sent."""
        at_ms = SystemClock().now_ms()
        signature = self.key.sign(signed_link(PATH, self.name, at_ms))
        headers = {"Authorization": f"Bearer {self.token}", SIGNED_AT: str(at_ms), HEADER: signature}
        async with (
            session.ws_connect(url + PATH, headers=headers, max_msg_size=0) as socket,
            asyncio.TaskGroup() as tasks,
        ):
            await executor.attach(_Outbox(socket, hook))
            reading = tasks.create_task(_read(socket, executor, hook))
            try:
                yield reading
            finally:
                executor.detach()
                reading.cancel()


class _Outbox:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse, hook: Hook) -> None:
        self._socket = socket
        self._hook = hook

    async def send(self, frame: FromAgent) -> None:
        try:
            await self._socket.send_str(encode_frame(frame).decode())
        except (ConnectionError, aiohttp.ClientError) as error:
            raise UnavailableError("cannot send frame: the connection is gone") from error
        self._hook(frame)


async def _read(socket: aiohttp.ClientWebSocketResponse, executor: Executor, hook: Hook) -> None:
    async for message in socket:
        frame = decode_to_agent(message.data)
        hook(frame)
        await executor.receive(frame)


async def post(session: aiohttp.ClientSession, url: str, path: str, token: str, value: Any) -> Any:
    """Return the answer to a POST, which the server takes."""
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(url + path, json=value, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def followed(session: aiohttp.ClientSession, url: str, token: str, job_id: str) -> list[dict[str, Any]]:
    """Return the lines of a job until it has ended."""
    headers = {"Authorization": f"Bearer {token}"}
    async with asyncio.timeout(120), session.get(f"{url}/api/v1/commands/{job_id}/follow", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return [decode_any(line) async for line in answer.content]
