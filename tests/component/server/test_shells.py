"""Shells over HTTP: who may open one, what the server says of the way, and what is on record of each."""

import asyncio
import os

from nagare.client.client import Client
from nagare.client.shells import ShellCalls
from nagare.client.target import Target
from nagare.config.terminal import SshSettings
from nagare.errors import ConnectFailedError, StorageError
from nagare.lib.clock import ManualClock
from nagare.model.deed import Outcome
from nagare.ssh.session import Session
from nagare.ssh.shell import Ending
from nagare.wire.shells import ShellView
from tests.component.server.conftest import Api
from tests.support.ssh_server import PASSWORD as SSH_PASSWORD
from tests.support.ssh_server import Doors, SshServer, ssh_server

PASSWORD = "correct horse battery"
SHELLS = "/api/v1/shells"


class Person:
    async def trusts(self, key: object) -> bool:
        return True

    async def answers(self, challenge: object) -> list[str]:
        return [SSH_PASSWORD]


async def _login(api: Api, name: str, role: str, groups: list[str] | None = None) -> tuple[str, str]:
    grants = [{"role": role, "groups": groups}]
    await api.call("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": grants})
    login = await api.call("POST", "/api/v1/auth/login", {"user": name, "password": PASSWORD}, token=None)
    return str(login.json["access_token"]), str(login.json["refresh_token"])


async def _records(api: Api, action: str) -> list[dict]:
    return list((await api.call("GET", f"/api/v1/audit?action={action}")).json["entries"])


async def test_begin_and_end_are_on_record(api: Api) -> None:
    await api.register("web1", labels={"ssh_address": "192.0.2.66", "ssh_user": "mallory"})
    labels = {"ssh_address": "192.0.2.1", "ssh_port": "2222", "ssh_jump": "gate"}
    await api.call("PATCH", "/api/v1/hosts/web1", {"labels": labels})
    opened = (await api.call("POST", SHELLS, {"host": "web1"})).json
    shell = opened.pop("id")
    # What only the agent said, the user, leads nobody anywhere.
    assert opened == {
        "host": "web1", "address": "192.0.2.1", "port": 2222, "user": "", "jump": "gate", "is_recorded": False,
        "again_seconds": 15.0, "may_tunnel": True,
    }  # fmt: skip
    assert (await api.call("GET", f"{SHELLS}/{shell}")).status == 200
    end = {"status": 3, "recording_sha256": "ab" * 32, "recording_bytes": 9, "why": "bye\x1b[2J"}
    assert (await api.call("POST", f"{SHELLS}/{shell}/end", end)).status == 204
    assert (await api.call("POST", f"{SHELLS}/{shell}/end", end)).status == 404
    [begun] = [entry for entry in await _records(api, "shells.open") if entry["outcome"] == "done"]
    [ended] = [entry for entry in await _records(api, "shells.end") if entry["outcome"] == "done"]
    assert (begun["target"], begun["after"]["id"]) == ("web1", shell)
    assert ended["after"] == {
        "id": shell, "seconds": 0, "status": 3, "signal": "", "recording_sha256": "ab" * 32, "recording_bytes": 9,
    }  # fmt: skip
    assert "\x1b" not in ended["detail"]


async def test_who_may_not_is_refused_and_a_group_bounds_who_may(api: Api) -> None:
    for name, group in (("db1", "db"), ("web1", "web")):
        await api.register(name, machine_id=name, labels={"group": group})
    viewer, _ = await _login(api, "bob", "viewer")
    dora, refresh = await _login(api, "dora", "operator", ["db"])
    assert (await api.call("POST", SHELLS, {"host": "db1"}, token=viewer)).status == 403
    assert (await api.call("POST", SHELLS, {"host": "web1"}, token=dora)).status == 404
    opened = (await api.call("POST", SHELLS, {"host": "db1"}, token=dora)).json
    # It is nobody else's, not even an admin's.
    assert (await api.call("GET", f"{SHELLS}/{opened['id']}")).status == 404
    assert (await api.call("POST", "/api/v1/auth/logout", {"refresh_token": refresh}, token=dora)).status == 204
    assert (await api.call("GET", f"{SHELLS}/{opened['id']}", token=dora)).status == 401


async def test_one_that_tells_nothing_any_more_is_put_on_record(api: Api) -> None:
    await api.register("web1")
    opened = (await api.call("POST", SHELLS, {"host": "web1"})).json
    shells = api.services.shells
    shells._open[opened["id"]].seen -= 100
    await shells.end_silent()
    assert shells.count == 1
    shells._open[opened["id"]].seen -= 30
    await shells.end_silent()
    assert shells.count == 0
    [lost] = [entry for entry in await _records(api, "shells.end") if entry["outcome"] == Outcome.UNKNOWN]
    assert (lost["target"], lost["detail"]) == ("web1", "no sign of life any more")


def _session(api: Api, client: Client, server: SshServer, clock: ManualClock | None = None) -> Session:
    folder = api.services.settings.data
    settings = SshSettings(
        user="ops", config_file=folder / "ssh_config", known_hosts_file=folder / "known", agent=False, record=True
    )
    (folder / "ssh_config").write_text(f"Host web1\n  HostName 127.0.0.1\n  Port {server.port}\n")
    return Session(settings, folder / "recordings", ShellCalls(client), Person(), clock or ManualClock())


async def test_a_shell_from_its_begin_to_its_end(api: Api) -> None:
    await api.register("web1")
    async with ssh_server(Doors(password=True)) as server, Client(Target(api.running.url, api.admin)) as client:
        session = _session(api, client, server)
        await session.open("web1", 80, 24)
        assert (await session.read()).startswith(b"ready 80x24")
        session.shell.write(b"quit 4\r")
        while await session.read():
            pass
        assert await session.close() == Ending(4)
        recording = session.recording
        assert recording is not None
        assert "ready 80x24" in recording.path.read_text()
    [ended] = [entry for entry in await _records(api, "shells.end") if entry["outcome"] == "done"]
    assert ended["after"]["status"] == 4
    assert len(ended["after"]["recording_sha256"]) == 64


async def test_a_shell_that_does_not_come_to_be_is_on_record_too(api: Api) -> None:
    await api.register("web1")
    async with ssh_server(Doors(password=True)) as server, Client(Target(api.running.url, api.admin)) as client:
        session = _session(api, client, server)
        server.acceptor.close()
        await server.acceptor.wait_closed()
        try:
            await session.open("web1", 80, 24)
            raise AssertionError("a server that is gone let somebody in")
        except ConnectFailedError as error:
            told = error.message
    [ended] = [entry for entry in await _records(api, "shells.end") if entry["outcome"] == "done"]
    assert ended["detail"] == told


class _Troubled(ShellCalls):
    """The server's book, where every second sign of life meets a server in trouble."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.touched = 0

    async def touch(self, shell_id: str) -> ShellView:
        self.touched += 1
        if self.touched == 1:
            raise StorageError("cannot note it: disk full")
        return await super().touch(shell_id)


async def test_a_server_in_trouble_ends_no_shell(api: Api) -> None:
    await api.register("web1")
    token, refresh = await _login(api, "dora", "operator")
    async with ssh_server(Doors(password=True)) as server, Client(Target(api.running.url, token)) as client:
        clock = ManualClock()
        session = _session(api, client, server, clock)
        session._book = book = _Troubled(client)
        await session.open("web1", 80, 24)
        async with asyncio.TaskGroup() as group:
            told = group.create_task(session.keep_told())
            await clock.advance(0)
            await clock.advance(15)
            assert not told.done()
            assert book.touched == 1
            await api.call("POST", "/api/v1/auth/logout", {"refresh_token": refresh}, token=token)
            await clock.advance(15)
            await told
        assert session.why
        await session.close()


async def test_a_full_disk_leaves_no_end_untold(api: Api) -> None:
    await api.register("web1")
    async with ssh_server(Doors(password=True)) as server, Client(Target(api.running.url, api.admin)) as client:
        session = _session(api, client, server)
        await session.open("web1", 80, 24)
        await session.read()
        assert session.recording is not None
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, session.recording._file)
        os.close(full)
        await session.close()
        [note] = session.notes
        assert "cannot record the shell" in note
    [ended] = [entry for entry in await _records(api, "shells.end") if entry["outcome"] == "done"]
    assert "cannot record the shell" in ended["detail"]


async def test_an_agent_that_repeats_what_an_operator_said_does_not_unsay_it(api: Api) -> None:
    await api.register("web1", labels={"ssh_jump": "elsewhere"})
    await api.call("PATCH", "/api/v1/hosts/web1", {"labels": {"ssh_jump": "gate", "ssh_user": "ops"}})
    for jump in ("gate", "gate", "elsewhere", "gate"):
        await api.register("web1", labels={"ssh_jump": jump, "ssh_user": "ops", "ssh_address": "192.0.2.66"})
        opened = (await api.call("POST", SHELLS, {"host": "web1"})).json
        assert (opened["jump"], opened["user"], opened["address"]) == ("gate", "ops", "")


async def test_a_logout_closes_the_shell(api: Api) -> None:
    await api.register("web1")
    token, refresh = await _login(api, "dora", "operator")
    async with ssh_server(Doors(password=True)) as server, Client(Target(api.running.url, token)) as client:
        clock = ManualClock()
        session = _session(api, client, server, clock)
        await session.open("web1", 80, 24)
        async with asyncio.TaskGroup() as group:
            told = group.create_task(session.keep_told())
            await api.call("POST", "/api/v1/auth/logout", {"refresh_token": refresh}, token=token)
            await clock.advance(15)
            await told
        assert "cannot" in session.why
        while await session.read():
            pass
        await session.close()
