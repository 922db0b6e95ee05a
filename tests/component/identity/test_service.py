"""Tokens over a real records database: told once, kept as digests, revoked at once."""

import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from nagare.config.settings import RecordsSettings
from nagare.errors import UnauthenticatedError
from nagare.identity.service import Identity
from nagare.lib.clock import ManualClock
from nagare.model.principal import ADMIN_PERMISSIONS, HOST_PERMISSIONS, Permission
from nagare.records.engine import Records


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def records(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Records]:
    async with Records(tmp_path / "records.db", migrated) as opened:
        yield opened


@pytest.fixture
def identity(records: Records, clock: ManualClock, tmp_path: Path) -> Identity:
    return Identity(records, clock, tmp_path / "keys")


async def _is_refused(identity: Identity, secret: str) -> bool:
    try:
        await identity.authenticate(secret)
    except UnauthenticatedError:
        return True
    return False


async def test_a_host_token_speaks_as_its_host(identity: Identity) -> None:
    secret = await identity.issue_host_token("id1", "web1")
    principal = await identity.authenticate(secret)
    assert (principal.host, principal.permissions) == ("web1", HOST_PERMISSIONS)
    assert not principal.may(Permission.METRICS_READ)
    assert secret.startswith("ngr_")
    assert len(secret) >= 47


def _all_bytes(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in directory.iterdir())


async def test_only_the_digest_is_on_disk(identity: Identity, tmp_path: Path) -> None:
    secret = await identity.issue_host_token("id1", "web1")
    await identity.authenticate(secret)
    assert secret.encode() not in _all_bytes(tmp_path)


@pytest.mark.parametrize(
    "secret", ["", "ngr_", "x" * 47, "ngr_" + "a" * 43, "ngr_" + "a" * 10_000, "ngr_\ud800", "ngr_\x00"]
)
async def test_strangers_are_refused(identity: Identity, secret: str) -> None:
    await identity.issue_host_token("id1", "web1")
    assert await _is_refused(identity, secret)


async def test_a_new_token_ends_the_old_one_of_that_host_only(identity: Identity) -> None:
    revoked: list[set[str]] = []
    identity.known.on_revoke = revoked.append
    old = await identity.issue_host_token("id1", "web1")
    other = await identity.issue_host_token("id2", "web2")
    old_id = (await identity.authenticate(old)).id
    new = await identity.issue_host_token("id1", "web1")
    assert await _is_refused(identity, old)
    assert not await _is_refused(identity, new)
    assert not await _is_refused(identity, other)
    assert revoked == [{old_id}]


async def test_revoking_works_at_once_and_for_ever(
    identity: Identity, records: Records, clock: ManualClock, tmp_path: Path
) -> None:
    secret = await identity.issue_host_token("id1", "web1")
    await identity.authenticate(secret)
    await identity.revoke_host_tokens("id1")
    assert await _is_refused(identity, secret)
    assert await _is_refused(Identity(records, clock, tmp_path / "keys"), secret)


async def test_tokens_outlive_the_service(
    identity: Identity, records: Records, clock: ManualClock, tmp_path: Path
) -> None:
    secret = await identity.issue_host_token("id1", "web1")
    assert (await Identity(records, clock, tmp_path / "keys").authenticate(secret)).host == "web1"


async def test_the_local_token(identity: Identity, records: Records, clock: ManualClock, tmp_path: Path) -> None:
    file = tmp_path / "token"
    await identity.ensure_local_token(file)
    first = file.read_text().strip()
    principal = await identity.authenticate(first)
    assert (principal.host, principal.permissions) == (None, ADMIN_PERMISSIONS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    file.chmod(0o644)
    await Identity(records, clock, tmp_path / "keys").ensure_local_token(file)
    assert file.read_text().strip() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    host_token = await identity.issue_host_token("id1", "web1")
    for content in (b"", b"\xff\xfe", host_token.encode(), b"ngr_unknown"):
        file.write_bytes(content)
        await identity.ensure_local_token(file)
        assert (await identity.authenticate(file.read_text().strip())).host is None
    assert await _is_refused(identity, first)
    assert not await _is_refused(identity, host_token)


async def test_last_use_is_kept_coarsely(identity: Identity, clock: ManualClock, records: Records) -> None:
    secret = await identity.issue_host_token("id1", "web1")

    async def last_used() -> int | None:
        query = text("select last_used_ms from tokens")
        used: int | None = await records.read(lambda connection: connection.execute(query).scalar_one())
        return used

    await identity.authenticate(secret)
    first = clock.now_ms()
    assert await last_used() is None
    await identity.flush()
    assert await last_used() == first
    await clock.advance(1)
    await identity.authenticate(secret)
    await identity.flush()
    assert await last_used() == first
    await clock.advance(60)
    await identity.authenticate(secret)
    async with identity:
        pass
    assert await last_used() == clock.now_ms()


@pytest.mark.parametrize("migrated", [RecordsSettings()], ids=["sqlite"])
async def test_a_disk_that_takes_nothing_does_not_spoil_a_clean_stop(identity: Identity, tmp_path: Path) -> None:
    secret = await identity.issue_host_token("id1", "web1")
    await identity.authenticate(secret)
    with closing(sqlite3.connect(tmp_path / "records.db")) as connection, connection:
        connection.execute("create trigger full before update on tokens begin select raise(abort, 'disk is full'); end")
    async with identity:
        pass
    with closing(sqlite3.connect(tmp_path / "records.db")) as connection, connection:
        connection.execute("drop trigger full")
    await identity.flush()
    with closing(sqlite3.connect(tmp_path / "records.db")) as connection, connection:
        assert connection.execute("select last_used_ms from tokens").fetchone()[0] is not None
    connection.close()


async def test_tickets_work_once_and_not_for_long(identity: Identity, clock: ManualClock) -> None:
    principal = await identity.authenticate(await identity.issue_host_token("id1", "web1"))
    tickets = identity.tickets
    ticket = tickets.issue(principal)
    assert tickets.redeem(ticket) == principal
    for spent in (ticket, "", "never given"):
        with pytest.raises(UnauthenticatedError):
            tickets.redeem(spent)
    late = tickets.issue(principal)
    await clock.advance(30.1)
    with pytest.raises(UnauthenticatedError):
        tickets.redeem(late)


async def test_revoking_voids_tickets(identity: Identity) -> None:
    principal = await identity.authenticate(await identity.issue_host_token("id1", "web1"))
    ticket = identity.tickets.issue(principal)
    await identity.revoke_host_tokens("id1")
    with pytest.raises(UnauthenticatedError):
        identity.tickets.redeem(ticket)


async def test_open_tickets_are_bounded(identity: Identity) -> None:
    principal = await identity.authenticate(await identity.issue_host_token("id1", "web1"))
    tickets = [identity.tickets.issue(principal) for _ in range(1030)]
    with pytest.raises(UnauthenticatedError):
        identity.tickets.redeem(tickets[0])
    assert identity.tickets.redeem(tickets[-1]) == principal
    assert identity.tickets.counters.get("tickets_dropped") == 6
