"""Tunnels: a real SSH server behind a real server of ours; who is carried where, what is checked on which end, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import asyncssh
import pytest

from nagare.client.client import Client
from nagare.client.shells import ShellCalls
from nagare.client.target import Target
from nagare.config.terminal import SshSettings
from nagare.errors import (
    ConnectFailedError,
    HostKeyError,
    LimitExceededError,
    NotFoundError,
    PermissionDeniedError,
)
from nagare.lib.clock import ManualClock
from nagare.server.tunnels.way import place_of
from nagare.ssh.session import Session
from nagare.ssh.shell import Ending
from tests.component.server.conftest import Api, Serve
from tests.support.ssh_server import PASSWORD as SSH_PASSWORD
from tests.support.ssh_server import Doors, ssh_server, write_key

PASSWORD = "correct horse battery"
PATIENCE_S = 60


class Person:
    def __init__(self, *, trusts: bool = True) -> None:
        self._trusts = trusts
        self.keys: list[str] = []

    async def trusts(self, key: Any) -> bool:
        self.keys.append(key.host)
        return self._trusts

    async def answers(self, challenge: object) -> Sequence[str]:
        return [SSH_PASSWORD]


async def _login(api: Api, name: str, role: str, groups: list[str] | None = None) -> tuple[str, str]:
    grants = [{"role": role, "groups": groups}]
    await api.call("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": grants})
    login = await api.call("POST", "/api/v1/auth/login", {"user": name, "password": PASSWORD}, token=None)
    return str(login.json["access_token"]), str(login.json["refresh_token"])


async def _records(api: Api, action: str) -> list[dict[str, Any]]:
    return list((await api.call("GET", f"/api/v1/audit?action={action}")).json["entries"])


async def _place(api: Api, host: str, port: int, address: str = "127.0.0.1", **labels: str) -> None:
    await api.register(host, machine_id=host)
    labels = {"ssh_address": address, "ssh_port": str(port), **labels}
    assert (await api.call("PATCH", f"/api/v1/hosts/{host}", {"labels": labels})).status == 200


def _settings(folder: Path, **more: Any) -> SshSettings:
    # What this machine's own configuration says of the way leads nowhere: only the server reaches the host.
    config = folder / "ssh_config"
    config.write_text("Host web1\n  HostName 192.0.2.1\n  ProxyJump nowhere.invalid\n  HostKeyAlias web1\n  User ops\n")
    made = SshSettings(config_file=config, known_hosts_file=folder / "known", agent=False, via_server=True)
    return replace(made, **more)


def _session(api: Api, client: Client, person: Person | None = None, **more: Any) -> Session:
    folder = api.services.settings.data
    settings = _settings(folder, **more)
    return Session(settings, folder / "recordings", ShellCalls(client), person or Person(), ManualClock())


@asynccontextmanager
async def _client(api: Api, token: str = "") -> AsyncIterator[Client]:
    async with Client(Target(api.running.url, token or api.admin)) as client:
        yield client


@asynccontextmanager
async def _silent_door(greeting: bytes) -> AsyncIterator[int]:
    """Listen as something that is no SSH; yield its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        heard = await reader.read(100)
        assert heard == b"", heard
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _raw(api: Api, host: str, token: str = "", **headers: str) -> aiohttp.ClientWebSocketResponse:
    url = f"{api.running.url}/ws/ssh/{host}"
    told: Mapping[str, str] = {"Authorization": f"Bearer {token or api.admin}", **headers}
    return await api.session.ws_connect(url, headers=told)


async def _until_none(api: Api) -> None:
    """Wait until every tunnel is over and on record."""
    async with asyncio.timeout(PATIENCE_S):
        await api.services.tunnels.quiet.wait()


async def _next(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Return the next words of the server, past all bytes."""
    async with asyncio.timeout(PATIENCE_S):
        while (message := await socket.receive()).type is aiohttp.WSMsgType.BINARY:
            pass
    assert message.type is aiohttp.WSMsgType.TEXT, message
    found: dict[str, Any] = message.json()
    return found


async def test_a_shell_by_the_server_from_its_begin_to_its_end(api: Api) -> None:
    async with ssh_server(Doors(password=True)) as server, _client(api) as client:
        await _place(api, "web1", server.port)
        person = Person()
        session = _session(api, client, person, record=True)
        await session.open("web1", 80, 24)
        assert person.keys == ["web1"]
        assert (await session.read()).startswith(b"ready 80x24")
        session.shell.write(b"quit 4\r")
        await _drained(session)
        assert await session.close() == Ending(4)
        assert session.recording is not None
        assert session.recording.size_bytes
        # The second time the host is known, by the name that it has on the direct way too.
        again = _session(api, client, Person(trusts=False))
        await again.open("web1", 80, 24)
        await again.close()
    await _until_none(api)
    begun = await _records(api, "tunnels.open")
    ended = await _records(api, "tunnels.end")
    # A key that is asked about needs a second connection.
    assert len(begun) == len(ended) == 3
    assert {entry["target"] for entry in begun} == {"web1"}
    assert {entry["after"]["place"] for entry in begun} == {f"127.0.0.1:{server.port}"}
    assert all(entry["after"]["received_bytes"] > 500 for entry in ended)
    assert all(entry["after"]["sent_bytes"] > 500 for entry in ended)
    assert SSH_PASSWORD not in str(await _records(api, ""))
    told = (await api.call("GET", "/metrics")).raw.decode()
    assert "nagare_tunnels 0" in told
    assert "nagare_tunnels_opened_total 3" in told


async def test_keys_work_by_the_server(api: Api, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    path = write_key(tmp_path, key)
    async with ssh_server(Doors(keys=[key.convert_to_public()])) as server, _client(api) as client:
        await _place(api, "web1", server.port)
        session = _session(api, client)
        config = api.services.settings.data / "ssh_config"
        config.write_text(f"{config.read_text()}  IdentityFile {path}\n")
        await session.open("web1", 80, 24)
        assert (await session.read()).startswith(b"ready")
        await session.close()


async def test_a_changed_key_is_refused_on_this_end(api: Api) -> None:
    async with ssh_server(Doors(password=True)) as server, _client(api) as client:
        await _place(api, "web1", server.port)
        other = asyncssh.generate_private_key("ssh-ed25519")
        folder = api.services.settings.data
        (folder / "known").write_text(f"[web1]:{server.port} {other.export_public_key().decode()}")
        with pytest.raises(HostKeyError, match="its key changed"):
            await _session(api, client).open("web1", 80, 24)
        assert server.doors.tried == []


async def test_who_may_not_and_pages_of_others_are_refused(api: Api) -> None:
    async with ssh_server(Doors(password=True)) as server:
        await _place(api, "db1", server.port, group="db")
        await _place(api, "web1", server.port, group="web")
        viewer, _ = await _login(api, "bob", "viewer")
        dora, _ = await _login(api, "dora", "operator", ["db"])
        for host, token, headers, status in (
            ("db1", viewer, {}, 403),
            ("web1", dora, {}, 404),
            ("nothing", "", {}, 404),
            ("db1", "none-of-mine", {}, 401),
            ("db1", dora, {"Origin": "https://evil.example"}, 403),
            ("db1", dora, {"Origin": "null"}, 403),
            ("db1", dora, {"Origin": api.running.url.replace("127.0.0.1", "localhost")}, 403),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await _raw(api, host, token, **headers)
            assert refused.value.status == status, (host, headers)
        assert (await api.call("GET", "/ws/ssh/db1", token=dora)).status == 400
        for origin in ({}, {"Origin": api.running.url}):
            socket = await _raw(api, "db1", dora, **origin)
            assert await _next(socket) == {"op": "opened"}
            await socket.close()
    assert await _records(api, "tunnels.open") == [
        entry for entry in await _records(api, "tunnels.open") if entry["target"] == "db1"
    ]
    refusals = [entry for entry in await _records(api, "shells.open") if entry["outcome"] == "refused"]
    assert {entry["target"] for entry in refusals} == {"/ws/ssh/db1"}


async def test_a_cookie_opens_one_from_our_own_pages_alone(api: Api) -> None:
    async with ssh_server(Doors(password=True)) as server:
        await _place(api, "web1", server.port)
        token, _ = await _login(api, "dora", "operator")
        url = f"{api.running.url}/ws/ssh/web1"
        cookie = {"Cookie": f"nagare_access={token}"}
        for headers in (cookie, {**cookie, "Origin": "https://evil.example"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await api.session.ws_connect(url, headers=headers)
            assert refused.value.status == 403
        async with api.session.ws_connect(url, headers={**cookie, "Origin": api.running.url}) as socket:
            assert await _next(socket) == {"op": "opened"}


async def test_an_allowed_origin_opens_none(serve: Serve) -> None:
    async with serve(allowed_origins=("https://pages.example",)) as api:
        await _place(api, "web1", 22)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await _raw(api, "web1", Origin="https://pages.example")
        assert refused.value.status == 403


async def test_it_leads_to_ssh_alone_and_where_the_fleet_says(api: Api) -> None:
    async with _silent_door(b"220 mail.example ESMTP\r\n") as port:
        await _place(api, "web1", port)
        socket = await _raw(api, "web1")
        await socket.send_bytes(b"SSH-2.0-client\r\n")
        told = await _next(socket)
        assert told["code"] == "connect-failed"
        assert "what answers there is not SSH" in told["why"]
        assert "mail.example" not in str(told)
        assert (await socket.receive()).data == aiohttp.WSCloseCode.TRY_AGAIN_LATER
    async with _client(api) as client:
        with pytest.raises(ConnectFailedError, match=f"the server cannot reach 127.0.0.1:{port}: connection refused"):
            await _session(api, client).open("web1", 80, 24)
        with pytest.raises(NotFoundError):
            await ShellCalls(client).reach("nothing")
    # What only an agent says of its host leads nowhere, and a host that waits has no way.
    await api.register("web2", machine_id="web2", labels={"ssh_address": "192.0.2.66"})
    assert place_of(api.services.fleet.get("web2")) == ("web2", 22)


async def test_it_goes_by_an_address_of_ipv6(api: Api) -> None:
    async with ssh_server(Doors(password=True), host="::1") as server, _client(api) as client:
        await _place(api, "web1", server.port, "::1")
        session = _session(api, client)
        await session.open("web1", 80, 24)
        assert (await session.read()).startswith(b"ready")
        await session.close()
    await _until_none(api)
    assert {entry["after"]["place"] for entry in await _records(api, "tunnels.open")} == {f"[::1]:{server.port}"}


async def test_they_can_be_switched_off(serve: Serve) -> None:
    async with serve(sections={"ssh": SshSettings(tunnels=False)}) as api, _client(api) as client:
        await _place(api, "web1", 22)
        with pytest.raises(PermissionDeniedError, match="it carries no connections"):
            await _session(api, client).open("web1", 80, 24)
        with pytest.raises(PermissionDeniedError):
            await ShellCalls(client).reach("web1")


async def _drained(session: Session) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await session.read():
            pass


async def _lost(session: Session) -> str:
    """Return why the shell was lost."""
    with pytest.raises(ConnectFailedError) as lost:
        await _drained(session)
    await session.close()
    return lost.value.message


async def test_a_logout_other_roles_and_a_removed_host_close_them_at_once(api: Api) -> None:
    async with ssh_server(Doors(password=True)) as server:
        await _place(api, "db1", server.port, group="db")
        token, refresh = await _login(api, "dora", "operator", ["db"])

        async def opened(client: Client) -> Session:
            session = _session(api, client, user="ops")
            await session.open("db1", 80, 24)
            await session.read()
            return session

        async with _client(api, token) as client:
            session = await opened(client)
            await api.call("POST", "/api/v1/auth/logout", {"refresh_token": refresh}, token=token)
            assert "your login ended, or what you may has changed" in await _lost(session)
        again = await api.call("POST", "/api/v1/auth/login", {"user": "dora", "password": PASSWORD}, token=None)
        async with _client(api, again.json["access_token"]) as client:
            session = await opened(client)
            await api.call("PATCH", "/api/v1/hosts/db1", {"labels": {"group": "web"}})
            await api.services.tunnels.look()
            assert "what you may has changed" in await _lost(session)
        await _place(api, "db1", server.port, group="db")
        async with _client(api) as client:
            session = await opened(client)
            assert (await api.call("DELETE", "/api/v1/hosts/db1")).status == 204
            await api.services.tunnels.look()
            assert "what you may has changed" in await _lost(session)
    await _until_none(api)
    assert "your login ended" in str(await _records(api, "tunnels.end"))


async def test_a_server_that_stops_tells_so(serve: Serve) -> None:
    served = serve()
    api = await served.__aenter__()
    async with ssh_server(Doors(password=True)) as server, _client(api) as client:
        await _place(api, "web1", server.port)
        session = _session(api, client)
        await session.open("web1", 80, 24)
        await session.read()
        losing = asyncio.ensure_future(_lost(session))
        await served.__aexit__()
        assert "the server stops" in await losing


async def test_caps_of_one_user_and_of_all(serve: Serve) -> None:
    settings = SshSettings(user_tunnel_limit=1, tunnel_limit=2)
    async with serve(sections={"ssh": settings}) as api, ssh_server(Doors(password=True)) as server:
        await _place(api, "web1", server.port)
        token, _ = await _login(api, "dora", "operator")
        other, _ = await _login(api, "bob", "operator")
        kept = []
        for holder in (token, other):
            kept.append(await _raw(api, "web1", holder))
            assert (await _next(kept[-1]))["op"] == "opened"
            told = await _next(await _raw(api, "web1", holder))
            assert (told["code"], "1 of yours" in told["why"]) == ("limit-exceeded", True)
        async with _client(api) as client:
            with pytest.raises(LimitExceededError, match="0 of yours and 2 of all"):
                await ShellCalls(client).reach("web1")


async def test_one_in_which_nothing_moves_ends(api: Api) -> None:
    async with ssh_server(Doors(password=True)) as server:
        await _place(api, "web1", server.port)
        socket = await _raw(api, "web1")
        assert (await _next(socket))["op"] == "opened"
        [tunnel] = api.services.tunnels.tunnels
        await api.services.tunnels.look()
        assert not tunnel.over.is_set()
        tunnel.moved -= 901
        await api.services.tunnels.look()
        told = await _next(socket)
        assert told == {"op": "ended", "why": "nothing moved for 900 seconds", "code": "limit-exceeded", "hint": ""}


_MUCH_BYTES, _BLOCK = 64 * 2**20, b"x" * 65536
# What two connections on loopback and the buffers between hold at most; the system's are most of it.
_HELD_BYTES = 24 * 2**20


async def _run_on() -> None:
    """Let all that can go on do so, many times over."""
    for _ in range(4000):
        await asyncio.sleep(0)


class _Flood:
    """Greets as SSH, writes much, and reads when it is let."""

    def __init__(self) -> None:
        self.written = self.taken = 0
        self.may_read = asyncio.Event()

    async def write(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-flood\r\n")
        while self.written < _MUCH_BYTES:
            writer.write(_BLOCK)
            await writer.drain()
            self.written += len(_BLOCK)
        writer.close()

    async def read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-flood\r\n")
        await self.may_read.wait()
        while self.taken < _MUCH_BYTES:
            self.taken += len(await reader.read(2**18))
        writer.close()


async def test_a_slow_reader_slows_the_host_and_loses_nothing(api: Api) -> None:
    flood = _Flood()
    server = await asyncio.start_server(flood.write, "127.0.0.1", 0)
    async with server:
        await _place(api, "web1", server.sockets[0].getsockname()[1])
        socket = await _raw(api, "web1")
        await _run_on()
        assert flood.written < _HELD_BYTES
        came = 0
        async with asyncio.timeout(PATIENCE_S):
            while (message := await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
                came += len(message.data) if message.type is aiohttp.WSMsgType.BINARY else 0
        assert came == _MUCH_BYTES + len(b"SSH-2.0-flood\r\n")
        assert message.data == aiohttp.WSCloseCode.OK
    await _until_none(api)
    [ended] = await _records(api, "tunnels.end")
    assert (ended["after"]["received_bytes"], ended["detail"]) == (came, "the host closed it")


async def test_a_host_that_takes_nothing_slows_who_sends(api: Api) -> None:
    flood = _Flood()
    server = await asyncio.start_server(flood.read, "127.0.0.1", 0)
    async with server:
        await _place(api, "web1", server.sockets[0].getsockname()[1])
        socket = await _raw(api, "web1")
        assert (await _next(socket))["op"] == "opened"
        sent = 0

        async def send() -> None:
            nonlocal sent
            while sent < _MUCH_BYTES:
                await socket.send_bytes(_BLOCK[: 2**15])
                sent += 2**15

        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(send())
            await _run_on()
            assert sent < _HELD_BYTES
            flood.may_read.set()
        assert (await _next(socket))["why"] == "the host closed it"
    assert flood.taken == _MUCH_BYTES
