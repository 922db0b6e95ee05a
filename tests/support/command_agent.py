"""An agent as a script: a host with its key, which speaks the real frames over a real WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp

from nagare.keys.command_keys import accept_keys, check_signature, trusted_keys
from nagare.keys.signing import SigningKey
from nagare.model.command.result import CommandResult, Reason, StreamKept
from nagare.model.command.states import CommandState
from nagare.wire.codec import decode, encode
from nagare.wire.commands import (
    COMMANDS_VERSION,
    CommandEnded,
    CommandEnvelope,
    CommandsReady,
    CommandStanding,
    Dispatch,
    FromAgent,
    OutputChunk,
    Receipt,
    SignedCommandKeys,
    Started,
    ToAgent,
    decode_to_agent,
    encode_frame,
    read_envelope,
)
from nagare.wire.signature import HEADER, SIGNED_AT, signed_link
from tests.component.server.conftest import Api

F = TypeVar("F")
PATH = "/ws/agent"
# Generous: two cores that others share.
PATIENCE_SECONDS = 60.0


class ScriptedHost:
    """A host that was registered, and what its agent knows."""

    def __init__(self, api: Api, name: str, token: str, key: SigningKey, keys: SignedCommandKeys) -> None:
        self.api = api
        self.name = name
        self.token = token
        self.key = key
        self.trusted = trusted_keys(accept_keys("", keys))

    @property
    def id(self) -> str:
        return self.api.services.fleet.get(self.name).id

    def headers(self, **changes: Any) -> dict[str, str]:
        """Return the headers of a connection, as ``changes`` say."""
        at_ms = changes.get("at_ms", self.api.now_ms())
        key, host = changes.get("key", self.key), changes.get("host", self.name)
        return {
            "Authorization": f"Bearer {changes.get('token', self.token)}",
            SIGNED_AT: str(at_ms),
            HEADER: key.sign(signed_link(changes.get("path", PATH), host, at_ms)),
        }

    @asynccontextmanager
    async def connected(
        self,
        *held: CommandStanding,
        is_ready: bool = True,
        actions: Mapping[str, str] | None = None,
        keys_number: int = 0,
    ) -> AsyncIterator["ScriptedAgent"]:
        """Connect, and say what is held."""
        url = self.api.running.url + PATH
        async with self.api.session.ws_connect(url, headers=self.headers(), max_msg_size=0) as socket:
            agent = ScriptedAgent(self, socket)
            if is_ready:
                await agent.say(CommandsReady(COMMANDS_VERSION, list(held), dict(actions or {}), keys_number))
            yield agent

    async def refusal(self, **changes: Any) -> int:
        """Return the status with which a connection is refused."""
        try:
            async with self.api.session.ws_connect(self.api.running.url + PATH, headers=self.headers(**changes)):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


class ScriptedAgent:
    """One connection of it."""

    def __init__(self, host: ScriptedHost, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.host = host
        self.socket = socket

    async def say(self, frame: FromAgent) -> None:
        """Send a frame."""
        await self.socket.send_str(encode_frame(frame).decode())

    async def next(self, kind: type[F]) -> F:
        """Return the next frame of that kind."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, message
                frame: ToAgent = decode_to_agent(message.data)
                if isinstance(frame, kind):
                    return frame

    async def closed(self) -> str:
        """Return the reason once the server closes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message = await self.socket.receive()
                if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                    return str(message.extra or "")

    async def dispatched(self) -> CommandEnvelope:
        """Return the next command that goes out, its signature checked as a host does."""
        dispatch = await self.next(Dispatch)
        check_signature(dispatch, self.host.trusted)
        return read_envelope(dispatch.envelope)

    async def heard(self) -> None:
        """Return when the server has taken what the agent said first."""
        commands = self.host.api.services.commands
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not commands.agents.is_reachable(self.host.id):
                await self.host.api.call("GET", "/health", token=None)

    async def begin(self, envelope: CommandEnvelope) -> None:
        """Say that it was taken and began."""
        await self.say(Receipt(envelope.id, is_accepted=True))
        started_ms = self.host.api.now_ms()
        await self.say(Started(envelope.id, started_ms, ["/usr/bin/uptime"], "rlimits", ["no-new-privileges"]))

    async def write(self, envelope: CommandEnvelope, data: bytes, offset: int = 0, stream: str = "stdout") -> None:
        """Send output."""
        await self.say(OutputChunk(envelope.id, stream, offset, data))

    async def end(self, envelope: CommandEnvelope, state: CommandState = CommandState.DONE, **changes: Any) -> None:
        """Say how it ended."""
        await self.say(CommandEnded(envelope.id, result_of(state, **changes)))

    async def run(self, state: CommandState = CommandState.DONE) -> CommandEnvelope:
        """Take the next command, and end it so."""
        envelope = await self.dispatched()
        await self.begin(envelope)
        await self.end(envelope, state)
        return envelope


def result_of(state: CommandState = CommandState.DONE, **changes: Any) -> CommandResult:
    """Return a result as a host sends it."""
    values: dict[str, Any] = {
        "reason": Reason.EXIT,
        "exit_code": 0 if state is CommandState.DONE else 1,
        "started_ms": 1_760_000_000_000,
        "ended_ms": 1_760_000_000_500,
        "stdout": StreamKept(b"up 3 days\n", b"", 10, 0),
    }
    return CommandResult(state, **{**values, **changes})


async def scripted_host(api: Api, name: str, *, grants: bool = True, **labels: str) -> ScriptedHost:
    """Register a host with a key, and let it take commands."""
    key = SigningKey.generate()
    token = await api.register(name, machine_id=name, public_key=key.public_key, labels=labels)
    if grants:
        answer = await api.call("POST", f"/api/v1/hosts/{name}/accept", {"capabilities": ["commands"]})
        assert answer.status == 200, answer.raw
    answer = await api.call("GET", "/api/v1/commands/keys", token=token)
    assert answer.status == 200, answer.raw
    return ScriptedHost(api, name, token, key, decode(encode(answer.json), SignedCommandKeys))
