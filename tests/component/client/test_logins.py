"""A login of the client against the real server: kept for the user alone, renewed by itself, shared by programs."""

import asyncio
import dataclasses
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import keyring
import pytest
from aiohttp import web
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring

from nagare.client.accounts import Accounts
from nagare.client.client import Client
from nagare.client.login_keeper import LoginKeeper, tokens_of
from nagare.client.logins import Login, Logins, with_tokens
from nagare.client.target import Target, find_target, logins_of
from nagare.config.settings import ClientSettings, IdentitySettings, ServerSettings, Settings
from nagare.errors import ConfigError, ConnectFailedError, PermissionDeniedError, UnauthenticatedError
from nagare.lib.clock import ManualClock, SystemClock
from nagare.server.lifecycle import Running, serving
from nagare.tui.source import Connected, Found, ServerSource
from nagare.wire.users import GrantView
from tests.component.net.local_server import serving as serving_locally
from tests.component.server.conftest import WITHOUT_SHIPPED

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def no_keyring() -> Any:
    """No test touches the desktop's own keyring."""
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


class InMemory(KeyringBackend):
    """A keyring for one test."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[(service, username)] = password

    def delete_password(self, service: str, username: str) -> None:
        self.kept.pop((service, username), None)


class World:
    """A server, and the settings of somebody elsewhere who may log in to it."""

    def __init__(self, folder: Path, running: Running, own: Settings) -> None:
        self.running = running
        self.own = own
        client = ClientSettings(server=running.url, logins=folder / "logins")
        self.there = Settings(data=folder / "none", client=client)
        self.logins = logins_of(self.there)

    async def add(self, name: str = "ada", role: str = "viewer") -> None:
        async with Client(find_target(self.own)) as client:
            await Accounts(client).add_user(name, PASSWORD, [GrantView(role)])

    async def login(self, *, renew_ms: int | None = None) -> Login:
        async with Client(Target(self.running.url, "")) as client:
            reply = await Accounts(client).login("ada", PASSWORD)
            login = with_tokens(
                Login(self.running.url, reply.user, reply.session, "", 0, ""), tokens_of(reply, client.clock)
            )
        if renew_ms is not None:
            login = dataclasses.replace(login, renew_ms=renew_ms)
        self.logins.save(login)
        return login

    async def sessions(self) -> int:
        return len(await self.running.services.identity.sessions.live(None))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    own = Settings(
        data=tmp_path / "data",
        server=ServerSettings(listen="127.0.0.1:0", stop_seconds=5.0),
        identity=IdentitySettings(access_seconds=60.0),
        alerts=WITHOUT_SHIPPED,
    )
    async with serving(own) as running:
        made = World(tmp_path, running, own)
        await made.add()
        yield made


async def _name(settings: Settings) -> str:
    async with Client(find_target(settings)) as client:
        return (await Accounts(client).me()).name


async def test_a_login_is_used_where_no_local_token_fits(world: World) -> None:
    with pytest.raises(UnauthenticatedError):
        await _name(world.there)
    await world.login()
    assert await _name(world.there) == "ada"
    assert await _name(world.own) == "local"
    unnamed = dataclasses.replace(world.there, client=dataclasses.replace(world.there.client, server=""))
    assert await _name(unnamed) == "ada"
    other = dataclasses.replace(
        world.there, client=dataclasses.replace(world.there.client, server="http://127.0.0.1:1")
    )
    assert find_target(other).token == ""


async def test_with_an_installation_of_ones_own_no_other_server_is_asked_unnamed(world: World, tmp_path: Path) -> None:
    await world.login()
    (tmp_path / "mine").mkdir()
    client = dataclasses.replace(world.there.client, server="")
    with pytest.raises(ConnectFailedError):
        find_target(Settings(data=tmp_path / "mine", client=client))


async def test_only_its_user_can_read_a_login(world: World) -> None:
    login = await world.login()
    (file,) = world.logins._folder.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert login.refresh not in repr(login)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="others may read it"):
        find_target(world.there)
    file.chmod(0o600)
    for content in (b"", b"[]", b"{}", b'{"url": 1, "x": 2}', b"\xff"):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match="cannot use login"):
            find_target(world.there)


async def test_a_token_is_renewed_before_it_ends(world: World) -> None:
    before = await world.login(renew_ms=0)
    assert await _name(world.there) == "ada"
    after = world.logins.find(before.url)
    assert after is not None
    assert after.access != before.access
    assert after.refresh != before.refresh
    assert after.renew_ms > before.renew_ms
    assert await _name(world.there) == "ada"
    assert world.logins.find(before.url) == after


async def test_a_token_that_the_server_refuses_is_renewed_once(world: World) -> None:
    before = await world.login()
    world.logins.save(dataclasses.replace(before, access="a.b.c"))
    assert await _name(world.there) == "ada"
    async with Client(find_target(world.there)) as client:
        await world.running.services.identity.sessions.end_of_user((await Accounts(client).me()).user_id)
        with pytest.raises(UnauthenticatedError, match="its session has ended") as refused:
            await Accounts(client).me()
        assert "nagare login" in refused.value.hint


async def test_a_live_connection_renews_too(world: World) -> None:
    before = await world.login()
    world.logins.save(dataclasses.replace(before, access="a.b.c"))
    async with Client(find_target(world.there)) as client:
        socket = await client.connect_live("/ws/dashboard")
        assert "hello" in await socket.receive()
        await socket.close()


async def test_the_dashboard_uses_it(world: World) -> None:
    await world.login(renew_ms=0)
    async with aclosing(ServerSource(world.there, SystemClock()).follow()) as events:
        async with asyncio.timeout(10):
            kinds = [type(await anext(events)) for _ in range(2)]
    assert kinds == [Found, Connected]


async def test_programs_that_renew_at_one_time_share_what_one_gets(world: World) -> None:
    await world.login(renew_ms=0)
    targets = [find_target(world.there) for _ in range(4)]

    async def ask(target: Target) -> str:
        async with Client(target) as client:
            first, _ = await asyncio.gather(Accounts(client).me(), Accounts(client).me())
            return first.session

    sessions = await asyncio.gather(*map(ask, targets))
    assert len(set(sessions)) == 1
    assert len({target.login.access for target in targets if target.login is not None}) == 1
    assert world.running.services.identity.counters.get("refresh_replays") == 0
    assert await world.sessions() == 1


async def test_a_program_that_was_killed_before_it_kept_the_answer_harms_nobody(world: World) -> None:
    login = await world.login(renew_ms=0)
    async with Client(Target(world.running.url, "")) as client:

        async def lost(path: str, body: bytes) -> Any:
            raise asyncio.CancelledError(await client._request("POST", path, body=body))

        with pytest.raises(asyncio.CancelledError):
            await LoginKeeper(world.logins, login).renew(lost, client.clock)
    assert world.logins.find(login.url) == login
    assert await _name(world.there) == "ada"
    assert await world.sessions() == 1


HOLDER = """
import asyncio, sys
from pathlib import Path
from nagare.client.logins import Logins
async def main():
    async with Logins(Path(sys.argv[1])).locked(sys.argv[2]):
        print("held", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_killed_program_lets_its_lock_go(world: World) -> None:
    login = await world.login(renew_ms=0)
    argv = [sys.executable, "-c", HOLDER, str(world.logins._folder), login.url]
    holder = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(_name(world.there))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        os.kill(holder.pid, signal.SIGKILL)
    await holder.wait()
    assert waiting.result() == "ada"


async def test_secrets_go_into_the_keyring_where_there_is_one(world: World) -> None:
    memory = InMemory()
    keyring.set_keyring(memory)
    login = await world.login(renew_ms=0)
    (file,) = world.logins._folder.glob("*.json")
    kept = file.read_text()
    assert login.access not in kept
    assert login.refresh not in kept
    assert await _name(world.there) == "ada"
    assert login.refresh not in str(memory.kept)
    memory.kept.clear()
    with pytest.raises(ConfigError, match="keyring"):
        find_target(world.there)
    world.logins.remove(login.url)
    assert world.logins.urls() == []


async def test_without_wanting_it_the_keyring_is_left_alone(world: World) -> None:
    memory = InMemory()
    keyring.set_keyring(memory)
    logins = Logins(world.logins._folder, wants_keyring=False)
    assert not logins.save(await world.login())
    assert logins.find(world.running.url) is not None


async def test_renewing_waits_for_most_of_a_life(world: World) -> None:
    login = await world.login()
    clock = ManualClock(login.renew_ms - 1)
    keeper = LoginKeeper(world.logins, login)
    assert not keeper.is_due(clock)
    await clock.advance(0.001)
    assert keeper.is_due(clock)


async def test_accounts_through_the_client(world: World) -> None:
    async with Client(find_target(world.own)) as client:
        accounts = Accounts(client)
        await accounts.put_role("dba", ["metrics.read"], "looks after databases")
        user = await accounts.add_user("bob", None, [GrantView("dba", ["db"])])
        assert (user.name, user.grants, user.has_password) == ("bob", [GrantView("dba", ["db"])], False)
        assert [role.name for role in (await accounts.roles()).roles] == ["viewer", "operator", "admin", "dba"]
        assert (await accounts.grant("bob", "viewer", None)).grants[1] == GrantView("viewer")
        assert (await accounts.take("bob", "dba")).grants == [GrantView("viewer")]
        await accounts.set_password("bob", PASSWORD)
        await accounts.remove_role("dba")
        assert {one.name for one in await accounts.users()} == {"ada", "bob"}
        with pytest.raises(PermissionDeniedError):
            await accounts.set_own_password("x" * 20, "y")
        await accounts.remove_user("bob")
        await world.login()
        assert (await accounts.end_sessions("ada")).ended == 1
        assert (await accounts.sessions("*"), await accounts.keys("*")) == ([], [])
        assert len((await accounts.rotate_keys()).kid) == 43


KILLED = """
import asyncio, sys
from pathlib import Path
from nagare.client.accounts import Accounts
from nagare.client.client import Client
from nagare.client.target import find_target
from nagare.config.settings import ClientSettings, Settings
there = ClientSettings(server=sys.argv[1], logins=Path(sys.argv[2]), keyring=False)
async def main():
    async with Client(find_target(Settings(data=Path("/nowhere"), client=there))) as client:
        print((await Accounts(client).me()).name)
asyncio.run(main())
"""


class Between:
    """Stands between a client and the server, and kills the client when the server has answered its first refresh."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.victim = 0

    async def forward(self, request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, self.url + request.path, data=await request.read(), headers=headers
            ) as reply,
        ):
            body = await reply.read()
        if self.victim and request.path.endswith("/refresh"):
            assert reply.status == 200
            os.kill(self.victim, signal.SIGKILL)
            self.victim = 0
        return web.Response(status=reply.status, body=body, content_type=reply.content_type)


async def test_a_client_killed_between_refresh_and_answer_goes_on(world: World) -> None:
    between = Between(world.running.url)
    async with serving_locally(web.route("*", "/{path:.*}", between.forward)) as url:
        login = dataclasses.replace(await world.login(), url=url, renew_ms=0)
        world.logins.save(login)

        async def run(*, is_killed: bool) -> tuple[int, bytes]:
            argv = [sys.executable, "-c", KILLED, url, str(world.logins._folder)]
            process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
            between.victim = process.pid if is_killed else 0
            said, _ = await process.communicate()
            assert process.returncode is not None
            return process.returncode, said

        assert await run(is_killed=True) == (-signal.SIGKILL, b"")
        assert world.logins.find(url) == login
        assert await run(is_killed=False) == (0, b"ada\n")
        after = world.logins.find(url)
        assert after is not None
        assert after.refresh != login.refresh
        assert await run(is_killed=False) == (0, b"ada\n")
    assert world.running.services.identity.counters.get("refresh_replays") == 0
