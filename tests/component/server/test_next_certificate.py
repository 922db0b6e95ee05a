"""A new key of a user's own certificate, told ahead to hosts that keep the pin: they stay, and nobody else can tell them."""

import contextlib
import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nagare.agent.batches import pack_batch
from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.identity import Identity, IdentityFiles
from nagare.agent.link import Link
from nagare.client.client import Client
from nagare.client.target import Target
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.errors import ConnectFailedError
from nagare.keys.own import OwnFiles
from nagare.keys.signing import SigningKey
from nagare.lib.clock import ManualClock, SystemClock
from nagare.server.running.renewal import Renewal
from nagare.wire.hosts import Standing
from nagare.wire.joining import JoinTokenRequest
from tests.component.server.conftest import Api, Serve
from tests.unit.keys.own_authority import TestAuthority, pem, pem_key, write_own

ROOT = TestAuthority()


def _put(files: OwnFiles, key: Any) -> None:
    """Put a certificate of ``key`` in place of the one that stands there."""
    files.certificate.write_bytes(pem(ROOT.issue(key)))
    files.key.write_bytes(pem_key(key))


def _public(*keys: Any) -> bytes:
    return b"".join(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in keys)


def _keys(count: int) -> list[Any]:
    return [ec.generate_private_key(ec.SECP256R1()) for _ in range(count)]


def _settings(files: OwnFiles, after: Path | None = None) -> dict[str, Any]:
    own = {"tls_certificate_file": files.certificate, "tls_key_file": files.key, "tls_ca_file": files.ca}
    return {"tls": "always", **own, "tls_next_file": after}


async def _look(api: Api) -> str:
    """Have the server look at its files once, as it does every ten seconds by itself; return what is wrong with them."""
    services = api.services
    assert services.certificate is not None
    renewal = Renewal(services.settings, services.listen, services.clock, services.certificate)
    with ThreadPoolExecutor(1) as thread:
        await renewal.look(thread)
    return services.certificate.fault


@dataclass
class Host:
    """An agent's side of one host, as it stands on the disk."""

    folder: Path
    key: SigningKey
    version: str = "1"

    def __post_init__(self) -> None:
        """Make its folder."""
        self.places = Places(self.folder)
        self.places.spool.mkdir(parents=True)
        self.files = IdentityFiles(self.places, self.folder)

    @property
    def machine(self) -> Machine:
        """Return what it presents."""
        return Machine("m1", self.key, {"kernel": self.version})

    def start(self) -> Enrolment:
        """Return an agent that has just started."""
        settings = AgentSettings(name="web1", join_token_file=self.folder / "join.token")
        enrolment = Enrolment(settings, self.places, self.files, SystemClock())
        enrolment.find_identity(self.machine)
        return enrolment

    async def join(self, api: Api, name: str) -> Identity:
        """Join by a token for the server's ``name``."""
        url = f"https://{name}:{api.running.port}"
        async with Client(Target(api.running.url, api.admin, pin=_pins(api)[0]), deadline_seconds=10) as client:
            minted = await client.mint_join_token(JoinTokenRequest(url=url, accepts=True))
        token = self.folder / "join.token"
        token.touch(mode=0o600)
        token.write_text(minted.token)
        return await self.start().register(self.machine, deadline_seconds=10)

    async def ask(self, enrolment: Enrolment | None = None) -> Identity:
        """Ask for the standing over a new connection, as an agent does every few minutes, and keep what it learns."""
        enrolment = enrolment or self.start()
        known = self.files.load()
        assert known is not None
        async with Client(enrolment.find_target(known.token), deadline_seconds=10, is_lean=True) as client:
            return enrolment.learn(known, await client.standing())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "agent", SigningKey.generate())


@pytest.fixture
def own(tmp_path: Path) -> OwnFiles:
    (key,) = _keys(1)
    return write_own(tmp_path / "tls", pem(ROOT.issue(key)), pem_key(key), pem(ROOT.certificate))


def _pins(api: Api) -> Sequence[str]:
    assert api.services.certificate is not None
    return [api.services.certificate.current.pin, *api.services.certificate.current.next_pins]


async def _standing(api: Api, token: str, method: str = "GET", **more: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{api.running.url}/api/v1/standing"
    async with api.session.request(method, url, headers=headers, ssl=False, **more) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_host_with_the_pin_stays_when_the_key_changes_as_told(
    serve: Serve, own: OwnFiles, host: Host, tmp_path: Path
) -> None:
    after, (second, third) = tmp_path / "next.pem", _keys(2)
    after.write_bytes(own.certificate.read_bytes())
    async with serve(**_settings(own, after)) as api:
        first = await host.join(api, "127.0.0.1")
        assert [first.pin, *first.next_pins] == _pins(api)
        assert first.next_pins == []
        running = host.start()
        assert await host.ask(running) == first
        # It is told while the server runs, and to an agent that runs.
        after.write_bytes(_public(second))
        assert await _look(api) == ""
        told = await host.ask(running)
        assert (told.pin, len(told.next_pins)) == (first.pin, 1)
        assert host.files.load() == told
        _put(own, second)
        assert await _look(api) == ""
        changed = await host.ask(running)
        assert (changed.pin, changed.next_pins) == (told.next_pins[0], [])
        assert changed.joined_pin == first.pin
        # Once more, the agent away from its start to its first question: what it believes stands on the disk.
        after.write_bytes(_public(third))
        await _look(api)
        await host.ask()
        _put(own, third)
        await _look(api)
        assert (await host.ask()).pin == _pins(api)[0]
        # What is out is out.
        _put(own, second)
        await _look(api)
        with pytest.raises(ConnectFailedError, match="does not match the pin"):
            await host.ask()


async def test_an_agent_that_runs_goes_on_under_the_new_key(
    serve: Serve, own: OwnFiles, host: Host, tmp_path: Path
) -> None:
    after, (second,) = tmp_path / "next.pem", _keys(1)
    after.write_bytes(own.certificate.read_bytes())
    clock, seq = ManualClock(), itertools.count(1)

    async def send(link: Link, api: Api) -> None:
        cpu: dict[str, list[Any]] = {"ts": [api.now_ms()], "core": ["all"], "user_ratio": [0.1]}
        await link.send(pack_batch("web1", "boot-1", next(seq), {"cpu": cpu}))

    async with serve(**_settings(own, after)) as api:
        port = api.running.port
        await host.join(api, "127.0.0.1")
        link = Link(host.start(), host.machine, clock)
        await send(link, api)
        after.write_bytes(_public(second))
        await _look(api)
        await clock.advance(301)
        await send(link, api)
    _put(own, second)
    async with serve(**_settings(own, after), listen=f"127.0.0.1:{port}") as api:
        # Its connection was made before it was told; the next one believes what it learned.
        with contextlib.suppress(ConnectFailedError):
            await send(link, api)
        await send(link, api)
        await link.close()
        known = host.files.load()
        assert known is not None
        assert [known.pin, *known.next_pins] == _pins(api)


async def test_it_registers_anew_by_what_it_learned_and_not_by_the_old_token(
    serve: Serve, own: OwnFiles, host: Host, tmp_path: Path
) -> None:
    after, (second, third) = tmp_path / "next.pem", _keys(2)
    after.write_bytes(_public(second))
    async with serve(**_settings(own, after)) as api:
        first = await host.join(api, "127.0.0.1")
        await host.ask()
        _put(own, second)
        await _look(api)
        # A new kernel is told by registering; the file of the token still has the pin of then.
        host.version = "2"
        link = Link(host.start(), host.machine, SystemClock())
        cpu: dict[str, list[Any]] = {"ts": [api.now_ms()], "core": ["all"], "user_ratio": [0.1]}
        await link.send(pack_batch("web1", "boot-1", 1, {"cpu": cpu}))
        await link.close()
        known = host.files.load()
        assert known is not None
        assert (known.pin, known.joined_pin, known.host_id) == (_pins(api)[0], first.pin, first.host_id)
        old_certificate, old_key = _at_rest(own)
        after.write_bytes(_public(third))
        await _look(api)
        await host.ask()
        _put(own, third)
        await _look(api)
        await host.ask()
        # Whoever holds a key that was replaced cannot have the token of the file sent to it.
        own.certificate.write_bytes(old_certificate)
        own.key.write_bytes(old_key)
        await _look(api)
        with pytest.raises(ConnectFailedError, match="does not match the pin"):
            await host.start().register(host.machine, deadline_seconds=10)
        # A new token is an operator's word: what was learned before it does not count.
        await host.join(api, "127.0.0.1")
        assert (await host.ask()).pin == _pins(api)[0]


def _at_rest(files: OwnFiles) -> tuple[bytes, bytes]:
    return files.certificate.read_bytes(), files.key.read_bytes()


async def test_a_change_that_was_not_told_needs_a_new_token(serve: Serve, own: OwnFiles, host: Host) -> None:
    async with serve(**_settings(own)) as api:
        await host.join(api, "127.0.0.1")
        _put(own, _keys(1)[0])
        await _look(api)
        with pytest.raises(ConnectFailedError, match="does not match the pin"):
            await host.ask()


async def test_a_host_that_trusts_the_authority_registers_anew_under_another_key(
    serve: Serve, own: OwnFiles, host: Host
) -> None:
    async with serve(**_settings(own)) as api:
        assert (await host.join(api, "localhost")).pin == ""
        _put(own, _keys(1)[0])
        await _look(api)
        host.version = "2"
        again = await host.start().register(host.machine, deadline_seconds=10)
        assert (again.pin, host.files.authority.read_bytes()) == ("", pem(ROOT.certificate))
        assert (await host.ask()).pin == ""


async def test_a_host_that_trusts_an_authority_takes_no_pins(serve: Serve, own: OwnFiles, host: Host) -> None:
    async with serve(**_settings(own)) as api:
        joined = await host.join(api, "localhost")
        assert await host.ask() == joined
        told = Standing("web1", "active", ["metrics"], 300.0, pins=["aa" * 32])
        assert host.start().learn(joined, told).pin == ""
        assert host.files.load() == joined


@pytest.mark.parametrize("pins", [["x"], ["aa" * 32, "nonsense"], [""], ["aa" * 31]])
async def test_pins_that_do_not_read_change_nothing(serve: Serve, own: OwnFiles, host: Host, pins: list[str]) -> None:
    async with serve(**_settings(own)) as api:
        joined = await host.join(api, "127.0.0.1")
        assert host.start().learn(joined, Standing("web1", "active", ["metrics"], 300.0, pins=pins)) == joined
        many = Standing("web1", "active", ["metrics"], 300.0, pins=["aa" * 32] * 1000)
        assert len(host.start().learn(joined, many).next_pins) < 10


async def test_an_identity_of_an_older_agent_learns_too(
    serve: Serve, own: OwnFiles, host: Host, tmp_path: Path
) -> None:
    after, (second,) = tmp_path / "next.pem", _keys(1)
    after.write_bytes(_public(second))
    async with serve(**_settings(own, after)) as api:
        joined = await host.join(api, "127.0.0.1")
        host.files.save(replace(joined, joined_pin=""))
        assert (await host.ask()).joined_pin == joined.pin
        _put(own, second)
        await _look(api)
        await host.ask()
        host.version = "2"
        assert (await host.start().register(host.machine, deadline_seconds=10)).pin == _pins(api)[0]


async def test_only_hosts_are_told_and_nobody_tells_the_server(
    serve: Serve, own: OwnFiles, host: Host, tmp_path: Path
) -> None:
    after = tmp_path / "next.pem"
    after.write_bytes(_public(*_keys(2)))
    async with serve(**_settings(own, after)) as api:
        identity = await host.join(api, "127.0.0.1")
        status, standing = await _standing(api, identity.token)
        assert (status, standing["pins"]) == (200, _pins(api))
        assert len(standing["pins"]) == 3
        assert (await _standing(api, api.admin))[0] == 403
        assert (await _standing(api, ""))[0] == 401
        told = {"version": "1", "pins": ["aa" * 32]}
        for token in (identity.token, api.admin):
            for method in ("POST", "PATCH", "DELETE"):
                assert (await _standing(api, token, method, json=told))[0] == 405
            # What a host says of itself has no pins, and is signed.
            assert (await _standing(api, token, "PUT", json=told))[0] in (401, 403)
        assert (await _standing(api, identity.token))[1]["pins"] == _pins(api)


async def test_a_private_certificate_is_kept_and_tells_nothing(serve: Serve, host: Host) -> None:
    async with serve(tls="always") as api:
        identity = await host.join(api, "127.0.0.1")
        assert (await _standing(api, identity.token))[1]["pins"] == []


async def test_a_file_of_successors_that_does_not_read_keeps_what_is_told(
    serve: Serve, own: OwnFiles, tmp_path: Path
) -> None:
    after = tmp_path / "next.pem"
    after.write_bytes(_public(*_keys(1)))
    async with serve(**_settings(own, after)) as api:
        pins = _pins(api)
        after.write_text("nonsense")
        assert "it holds no public keys" in await _look(api)
        assert _pins(api) == pins
        after.unlink()
        assert "no such file" in await _look(api)
        assert _pins(api) == pins
