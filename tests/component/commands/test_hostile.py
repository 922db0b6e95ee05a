"""Hosts, and who has copied something of one, that say what they must not."""

import contextlib
import uuid
from pathlib import Path

import pytest

from nagare.config.settings import CommandSettings
from nagare.keys.command_keys import secret_digest
from nagare.keys.signing import SigningKey
from nagare.model.command.result import KEPT_BYTES, Reason, StreamKept
from nagare.model.command.states import CommandState
from nagare.wire.commands import (
    FRAME_LIMIT_BYTES,
    INITIAL_CREDIT_BYTES,
    CommandEnded,
    CommandsReady,
    CommandStanding,
    Credit,
    Dispatch,
    OutputChunk,
    Receipt,
    ResultAck,
    Started,
)
from tests.component.commands.conftest import JOBS, Asker
from tests.component.server.conftest import Api, Serve
from tests.support.command_agent import PATH, result_of, scripted_host

S = CommandState


async def test_who_is_let_in(api: Api) -> None:
    host = await scripted_host(api, "web1")
    other = await scripted_host(api, "web2")
    closed = await scripted_host(api, "web3", grants=False)
    signed_ms = api.now_ms()
    assert await host.refusal(at_ms=signed_ms) == 101
    # A copy of what was signed opens nothing, and neither does an older one.
    assert await host.refusal(at_ms=signed_ms) == 409
    assert await host.refusal(at_ms=signed_ms - 1) == 409
    assert await host.refusal(key=other.key) == 401
    assert await host.refusal(key=SigningKey.generate()) == 401
    assert await host.refusal(host="web2") == 401
    assert await host.refusal(path="/ws/other") == 401
    assert await host.refusal(at_ms=api.now_ms() - 120_000) == 409
    assert await host.refusal(at_ms=api.now_ms() + 120_000) == 409
    assert await host.refusal(token=other.token) == 401
    assert await host.refusal(token="x") == 401
    assert await host.refusal(token=api.admin) == 403
    assert await closed.refusal() == 403
    async with api.session.get(api.running.url + PATH, headers={"Upgrade": "websocket"}) as answer:
        assert answer.status == 401, "no ticket opens it"
    assert (await api.call("GET", f"{JOBS}/keys")).status == 403


async def test_a_host_speaks_for_itself_alone(api: Api, asker: Asker) -> None:
    victim, thief = await scripted_host(api, "web1"), await scripted_host(api, "web2")
    async with victim.connected() as good, thief.connected() as bad:
        made = await asker.ask("host.uptime", "web1")
        envelope = await good.dispatched()
        await bad.say(CommandsReady(1, [CommandStanding(envelope.id, S.STARTED)]))
        await bad.say(Receipt(envelope.id, is_accepted=False, reason=Reason.BUSY))
        await bad.say(Started(envelope.id, 0, ["x"]))
        await bad.say(OutputChunk(envelope.id, "stdout", 0, b"forged"))
        await bad.say(CommandEnded(envelope.id, result_of(stdout=StreamKept(b"forged"))))
        await bad.say(CommandEnded(str(uuid.uuid4()), result_of()))
        await bad.say(Receipt("../../etc/passwd" + "x" * 200, is_accepted=True))
        # Its own still works, which proves that all before was heard.
        own = await asker.ask("host.uptime", "web2")
        assert (await bad.run()).id == own["commands"][0]["id"]
        assert (await bad.next(ResultAck)).id == own["commands"][0]["id"], "nothing else was acknowledged"
        assert (await asker.get(made["id"]))["counts"] == {"sent": 1}
        assert api.services.commands.counters.get("frames_foreign") == 7
        await good.begin(envelope)
        await good.end(envelope)
        lines = await asker.lines(made["id"])
    assert "forged" not in str(lines)
    assert (await asker.get(made["id"]))["commands"][0]["stdout"]["text"] == "up 3 days"


async def test_who_guesses_ids_is_cut_off(api: Api) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        for _ in range(101):
            await agent.say(Receipt(str(uuid.uuid4()), is_accepted=True))
        assert "not its own" in await agent.closed()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot read JSON"),
        ("[]", "got `array`"),
        ('{"op":"dispatch"}', "`$.op`"),
        ('{"op":"ended","id":"x","result":{}}', "`$.id`"),
        ("{" * 100_000, "cannot read JSON"),
        ('{"op":"commands_ready","v":9}', "version 9"),
    ],
)
async def test_what_is_no_frame_ends_the_connection(api: Api, content: str, reason: str) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        await agent.socket.send_str(content)
        assert reason in await agent.closed()
    async with host.connected():
        pass


async def test_frames_have_a_bound(api: Api) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        # The server need not read to its end what it will not take.
        with contextlib.suppress(ConnectionError):
            await agent.socket.send_str(" " * (FRAME_LIMIT_BYTES + 1))
        await agent.closed()
    async with host.connected() as agent:
        await agent.socket.send_bytes(b"{}")
        assert "JSON" in await agent.closed()


async def test_an_end_that_is_none_changes_nothing(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1")
        envelope = await agent.dispatched()
        for state in (S.PENDING, S.APPROVED, S.QUEUED, S.SENT, S.STARTED):
            await agent.end(envelope, state)
        await agent.begin(envelope)
        await asker.until(made["id"], started=1)
        # It began, so that it cannot have expired before: what is true is that nobody knows.
        await agent.end(envelope, S.EXPIRED)
        await agent.next(ResultAck)
        # A start that comes after it moves nothing back.
        await agent.begin(envelope)
        await agent.end(envelope, S.LOST)
        await agent.next(ResultAck)
    assert (await asker.get(made["id"]))["counts"] == {"lost": 1}


async def test_what_a_host_says_is_bounded_and_plain(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    huge = StreamKept(b"\x1b]0;x\x07" + b"a" * KEPT_BYTES, b"b" * (KEPT_BYTES + 10), -5, 2**62)
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1")
        envelope = await agent.dispatched()
        await agent.end(
            envelope, text="\x1b[2J" + "x" * 5000, stdout=huge, started_ms=2**63 - 1, ended_ms=-1,
            max_rss_bytes=2**63, holds=tuple("\x07hold" for _ in range(1000)), confinement="\u202eevil",
        )  # fmt: skip
        await agent.next(ResultAck)
    command = (await asker.get(made["id"]))["commands"][0]
    assert (len(command["text"]), len(command["holds"]), command["started_at"]) == (1000, 64, None)
    assert not {"\x1b", "\x07", "\u202e"} & set(str(command))
    assert len(command["stdout"]["text"]) < 2 * KEPT_BYTES + 100
    assert len(await api.sql("SELECT * FROM commands")) == 1


async def test_a_newer_connection_takes_the_place(api: Api, asker: Asker) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as old:
        made = await asker.ask("host.uptime", "web1")
        envelope = await old.dispatched()
        async with host.connected(CommandStanding(envelope.id, S.SENT)) as new:
            assert "took its place" in await old.closed()
            await new.begin(envelope)
            await new.end(envelope)
            await new.next(ResultAck)
    assert (await asker.get(made["id"]))["state"] == "done"


@pytest.mark.parametrize("path", ["revoke", "accept", ""])
async def test_a_grant_that_ends_ends_the_connection(api: Api, asker: Asker, path: str) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        method = "POST" if path else "DELETE"
        one = f"/api/v1/hosts/web1/{path}" if path else "/api/v1/hosts/web1"
        answer = await api.call(method, one, {"capabilities": ["metrics"]} if path == "accept" else None)
        assert answer.status in (200, 204)
        assert await agent.closed() == "what this host may has changed"
    assert await host.refusal() in (401, 403, 404)


ACTION = """name = "site.login"
version = 1
title = "Log in"
risk = "none"
run = [["true"]]
[parameters.password]
type = "secret"
into = "stdin"
"""


async def test_a_secret_stands_nowhere_and_dies_with_the_server(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "actions"
    folder.mkdir()
    (folder / "site.login.toml").write_text(ACTION)
    sections = {"commands": CommandSettings(actions=folder)}
    async with serve(sections=sections) as api:
        asker = Asker(api)
        host, away = await scripted_host(api, "web1"), await scripted_host(api, "web2")
        async with host.connected() as agent:
            made = await asker.ask("site.login", "web1", "web2", secrets={"password": "geheim-123"})
            dispatch = await agent.next(Dispatch)
            assert dispatch.secrets["password"].value == "geheim-123"
            assert secret_digest(dispatch.secrets["password"]) in dispatch.envelope
            assert "geheim" not in dispatch.envelope
        async with host.connected() as agent:
            assert await agent.next(Dispatch) == dispatch, "the same salt for the same envelope"
            assert "geheim" not in str(await asker.get(made["id"]))
        audit = (await api.call("GET", "/api/v1/audit?action=commands.run")).raw
        assert b"geheim" not in audit
        assert b'"password"' in audit
    files = [path for path in serve.data.rglob("*") if path.is_file()]
    assert [path for path in files if b"geheim" in path.read_bytes()] == []
    async with serve(sections=sections) as api:
        asker = Asker(api)
        job = await asker.until(made["id"], sent=1, cancelled=1)
        assert {command["host"]: command["reason"] for command in job["commands"]}[away.name] == "secrets-gone"
        assert "restarted" in job["stopped"]


async def test_who_may_no_more_tells_how_it_ended_and_nothing_else(api: Api, asker: Asker) -> None:
    host, other = await scripted_host(api, "web1"), await scripted_host(api, "web2")
    async with host.connected() as agent:
        made = await asker.ask("host.uptime", "web1")
        envelope = await agent.dispatched()
        await agent.begin(envelope)
        await asker.until(made["id"], started=1)
        lost = await asker.ask("host.uptime", "web1")
        await agent.dispatched()
        waiting = await asker.ask("host.uptime", "web2")
        for name in ("web1", "web2"):
            narrowed = {"capabilities": ["metrics"]}
            assert (await api.call("POST", f"/api/v1/hosts/{name}/accept", narrowed)).status == 200
        assert await agent.closed() == "what this host may has changed"
    assert await other.refusal() == 403, "it was sent nothing, so there is nothing to tell"
    async with host.connected(CommandStanding(envelope.id, S.STARTED)) as agent:
        # Nothing goes out to it: not again, not for the first time. Its program does not stand still all the same.
        more = b"more" * 8192
        pieces = INITIAL_CREDIT_BYTES // 4 // len(more)
        for piece in range(pieces):
            await agent.write(envelope, more, piece * len(more))
        assert await agent.next(Credit) == Credit(envelope.id, pieces * len(more))
        await agent.end(envelope)
        assert (await agent.next(ResultAck)).id == envelope.id
        await agent.say(CommandEnded(waiting["commands"][0]["id"], result_of()))
        await asker.act("cancel", lost["id"])
        await asker.until(lost["id"], cancelled=1)
    assert (await asker.get(made["id"]))["counts"] == {"done": 1}
    assert (await asker.get(waiting["id"]))["counts"] == {"queued": 1}
    lines = await asker.lines(made["id"])
    assert "more" not in str(lines)
    assert "--allow commands" in (await asker.try_to_ask("host.uptime", "web1")).json["detail"]


@pytest.mark.parametrize("capabilities", [["metrics", "commands"], []])
async def test_a_grant_that_changes_while_a_host_is_let_in_counts(
    api: Api, asker: Asker, monkeypatch: pytest.MonkeyPatch, capabilities: list[str]
) -> None:
    host = await scripted_host(api, "web1")
    async with host.connected() as agent:
        await asker.ask("host.uptime", "web1")
        envelope = await agent.dispatched()
        narrowed = {"capabilities": ["metrics"]}
        assert (await api.call("POST", "/api/v1/hosts/web1/accept", narrowed)).status == 200
        await agent.closed()
    commands = api.services.commands
    read = commands.may_owe_results

    async def read_slowly(host_id: str) -> bool:
        owes = await read(host_id)
        path, values = ("accept", {"capabilities": capabilities}) if capabilities else ("revoke", None)
        assert (await api.call("POST", f"/api/v1/hosts/web1/{path}", values)).status == 200
        return owes

    monkeypatch.setattr(commands, "may_owe_results", read_slowly)
    if not capabilities:
        assert await host.refusal() == 403
        return
    async with host.connected(CommandStanding(envelope.id, S.SENT)) as agent:
        await agent.heard()
        made = await asker.ask("host.uptime", "web1")
        assert (await agent.dispatched()).id == made["commands"][0]["id"]
