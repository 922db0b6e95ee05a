"""The agent's connection for commands against a real WebSocket server: what is sent runs, and its result arrives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from nagare.agent.command_link import _REFUSED_SECONDS, CommandLink, Registered
from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.identity import Identity, IdentityFiles
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.keys.command_keys import first_keys, sign_envelope
from nagare.keys.command_lists import keyring_of
from nagare.keys.files import make_private_directory
from nagare.keys.signing import SigningKey
from nagare.lib.clock import SystemClock
from nagare.model.command.result import Reason
from nagare.model.command.states import CommandState
from nagare.wire.commands import (
    CommandEnded,
    CommandsReady,
    FromAgent,
    KeysOffered,
    Receipt,
    ResultAck,
    Started,
    ToAgent,
    decode_from_agent,
    encode_frame,
    read_envelope,
)
from tests.component.net.local_server import serving
from tests.support.command_box import CommandBox
from tests.support.commands import HOST, id_of


class _Server:
    """Speaks ``/ws/agent``: keeps frames, sends what it is given, and can drop or refuse its host."""

    def __init__(self) -> None:
        self.frames: list[FromAgent] = []
        self.tokens: list[str] = []
        self.status = 101
        self._socket: web.WebSocketResponse | None = None
        self._news = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers.get("Authorization", ""))
        self._news.set()
        if self.status != 101:
            return web.Response(status=self.status)
        self._socket = socket = web.WebSocketResponse(max_msg_size=2**24)
        await socket.prepare(request)
        async for message in socket:
            assert message.type is WSMsgType.TEXT
            self.frames.append(decode_from_agent(message.data))
            self._news.set()
        return socket

    async def send(self, frame: ToAgent) -> None:
        assert self._socket is not None
        await self._socket.send_str(encode_frame(frame).decode())

    async def drop(self) -> None:
        assert self._socket is not None
        await self._socket.close()

    def of(self, kind: type[FromAgent]) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def until(self, condition: Callable[[], Any]) -> Any:
        async with asyncio.timeout(60):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
        return value


@pytest.fixture
def host(tmp_path: Path) -> CommandBox:
    return CommandBox(tmp_path)


@asynccontextmanager
async def _linked(
    host: CommandBox, places: Places, *, capabilities: tuple[str, ...] = ("commands", "metrics"), status: int = 101
) -> AsyncIterator[tuple[_Server, IdentityFiles, Identity]]:
    server = _Server()
    server.status = status
    make_private_directory(places.spool)
    files = IdentityFiles(places, places.data)
    async with serving(web.get("/ws/agent", server.handle)) as url:
        keys = first_keys(host.key).text
        identity = Identity(
            url, "m1", "web1", HOST, "web1", "host-token", capabilities=list(capabilities), command_keys=keys
        )
        files.save(identity)
        enrolment = Enrolment(AgentSettings(name="web1", server=url), places, files, SystemClock())
        registered = Registered(enrolment, Machine("m1", host.key, {}))
        async with CommandLink(host.settings, places, files, registered, host.box, SystemClock()):
            yield server, files, identity


async def test_a_command_comes_and_its_result_goes(host: CommandBox, places: Places) -> None:
    dispatch = host.dispatch(host.script("test.hello", "echo hello"))
    async with _linked(host, places) as (server, _, _):
        await server.until(lambda: server.of(CommandsReady))
        assert server.tokens == ["Bearer host-token"]
        await server.send(dispatch)
        ended = (await server.until(lambda: server.of(CommandEnded)))[0]
        assert ended.id == id_of(dispatch)
        assert (ended.result.state, ended.result.stdout.head) == (CommandState.DONE, b"hello\n")
        assert server.of(Receipt)[0].is_accepted
        assert server.of(Started)[0].argv[0] == "/bin/sh"
        await server.send(ResultAck(ended.id))


async def test_a_lost_connection_is_made_again_and_the_result_told(host: CommandBox, places: Places) -> None:
    gate = host.folder / "gate"
    script = f"while ! test -e {gate}; do :; done; echo late"
    dispatch = host.dispatch(host.script("test.late", script))
    async with _linked(host, places) as (server, _, _):
        await server.until(lambda: server.of(CommandsReady))
        await server.send(dispatch)
        await server.until(lambda: server.of(Started))
        await server.drop()
        ready = (await server.until(lambda: server.of(CommandsReady)[1:]))[0]
        assert [(one.id, one.state) for one in ready.commands] == [(id_of(dispatch), CommandState.STARTED)]
        gate.write_text("")
        ended = (await server.until(lambda: server.of(CommandEnded)))[0]
    assert ended.result.stdout.head == b"late\n"


async def test_a_host_that_may_not_does_not_connect_until_it_may(
    host: CommandBox, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nagare.agent.command_link._UNWANTED_SECONDS", 0.01)
    async with _linked(host, places, capabilities=("metrics",)) as (server, files, identity):
        await asyncio.to_thread(files.load)
        assert server.tokens == []
        assert not places.agent_commands.exists()
        files.save(replace(identity, capabilities=["commands", "metrics"]))
        await server.until(lambda: server.of(CommandsReady))


async def test_a_grant_that_is_withdrawn_holds_for_a_connection_that_stands(host: CommandBox, places: Places) -> None:
    async with _linked(host, places) as (server, files, identity):
        await server.until(lambda: server.of(CommandsReady))
        files.save(replace(identity, capabilities=["metrics"]))
        await server.send(host.dispatch(host.script("test.late", "true")))
        receipt = (await server.until(lambda: server.of(Receipt)))[0]
    assert (receipt.is_accepted, receipt.reason) == (False, Reason.NOT_GRANTED)


async def test_results_are_told_though_the_grant_is_gone(host: CommandBox, places: Places) -> None:
    dispatch = host.dispatch(host.script("test.kept", "echo kept"))
    async with _linked(host, places) as (server, _, _):
        await server.until(lambda: server.of(CommandsReady))
        await server.send(dispatch)
        await server.until(lambda: server.of(CommandEnded))
    async with _linked(host, places, capabilities=("metrics",)) as (server, _, _):
        ended = (await server.until(lambda: server.of(CommandEnded)))[0]
    assert ended.result.stdout.head == b"kept\n"


@pytest.mark.parametrize("status", [404, 401, 503])
async def test_a_server_that_speaks_no_commands_is_asked_seldom(host: CommandBox, places: Places, status: int) -> None:
    async with _linked(host, places, status=status) as (server, _, _):
        await server.until(lambda: server.tokens)
    # What comes after an answer like this waits a minute.
    assert len(server.tokens) == 1
    assert _REFUSED_SECONDS >= 60


async def test_a_frame_that_does_not_read_ends_the_connection_and_nothing_else(
    host: CommandBox, places: Places
) -> None:
    async with _linked(host, places) as (server, _, _):
        await server.until(lambda: server.of(CommandsReady))
        assert server._socket is not None
        await server._socket.send_str('{"op":"run","argv":["reboot"]}')
        await server.until(lambda: len(server.of(CommandsReady)) == 2)


async def test_a_key_that_its_own_key_signed_is_taken_on_the_connection_and_another_is_not(
    host: CommandBox, places: Places
) -> None:
    first = keyring_of(host.key)
    following = first.rotated(0, at_once=True)
    foreign = keyring_of(SigningKey.generate()).rotated(0, at_once=True)
    async with _linked(host, places) as (server, _, _):
        ready = (await server.until(lambda: server.of(CommandsReady)))[0]
        assert ready.keys_number == 1
        await server.send(KeysOffered(foreign.offered))
        await server.send(KeysOffered(following.offered))
        old = host.dispatch(host.script("test.old", "echo old"))
        envelope = read_envelope(host.dispatch(host.script("test.new", "echo new")).envelope)
        await server.send(old)
        await server.send(sign_envelope(envelope, following.signing))
        refused = (await server.until(lambda: server.of(Receipt)))[0]
        assert (refused.is_accepted, refused.reason) == (False, Reason.UNKNOWN_KEY)
        assert (await server.until(lambda: server.of(CommandEnded)))[0].result.stdout.head == b"new\n"
        await server.drop()
        assert (await server.until(lambda: server.of(CommandsReady)[1:]))[0].keys_number == 2
