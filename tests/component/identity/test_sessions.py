"""Sessions: opened by a password, kept alive by tokens that work once, ended at once."""

from pathlib import Path

import pytest
from sqlalchemy import text

from nagare.config.settings import RecordsSettings
from nagare.errors import NotFoundError, PermissionDeniedError, RateLimitedError, UnauthenticatedError
from nagare.identity.sessions.session import GRACE_SECONDS, EndedBy, Opened
from nagare.identity.users.roles import Grant
from nagare.model.principal import Permission, PrincipalKind
from tests.component.identity.conftest import HOME, PASSWORD, ROOT, World


async def _open(world: World, name: str = "ada") -> Opened:
    if await world.identity.users.find(name) is None:
        await world.add(name, Grant("viewer"))
    return await world.identity.by_password.login(name, PASSWORD, address=HOME, agent="test/1")


async def _is_refused(world: World, secret: str) -> bool:
    try:
        await world.identity.authenticate(secret)
    except UnauthenticatedError:
        return True
    return False


async def _refreshes(world: World, secret: str) -> bool:
    try:
        await world.identity.sessions.refresh(secret, address=HOME)
    except UnauthenticatedError:
        return False
    return True


async def test_a_login_makes_a_principal_of_its_user(world: World) -> None:
    opened = await _open(world)
    principal = await world.identity.authenticate(opened.access)
    assert (principal.name, principal.kind, principal.id) == ("ada", PrincipalKind.USER, opened.session.id)
    assert principal.may(Permission.METRICS_READ)
    assert principal.may(Permission.ACCOUNT_WRITE)
    assert not principal.may(Permission.HOSTS_WRITE)
    assert opened.access_expires_ms == world.clock.now_ms() + 900_000
    assert (await world.login("  ADA ")).name == "ada"


def _all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


@pytest.mark.parametrize("migrated", [RecordsSettings()], ids=["sqlite"])
async def test_no_secret_is_on_disk(world: World, tmp_path: Path) -> None:
    opened = await _open(world)
    found = _all_bytes(tmp_path)
    assert not any(secret.encode() in found for secret in (opened.access, opened.refresh, PASSWORD))
    assert b"$argon2id$" in found


@pytest.mark.parametrize(
    ("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("ada", ""), ("", ""), ("no", "\ud800")]
)
async def test_a_wrong_login_says_the_same_whatever_was_wrong(world: World, name: str, password: str) -> None:
    await world.add("ada")
    await world.add("no", password=None)
    with pytest.raises(UnauthenticatedError, match="wrong user or password, or the user is disabled"):
        await world.identity.by_password.login(name, password, address=HOME)


async def test_guessing_is_slowed_down_for_right_passwords_too(world: World) -> None:
    await world.add("ada")
    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            await world.login("ada", "wrong")
    with pytest.raises(RateLimitedError) as refused:
        await world.login("ada")
    await world.clock.advance(refused.value.retry_after_seconds)
    assert (await world.login("ada")).name == "ada"
    assert (await world.login("ada")).name == "ada"


async def test_an_access_token_ends_by_itself(world: World) -> None:
    opened = await _open(world)
    await world.identity.authenticate(opened.access)
    await world.clock.advance(900 + 6)
    assert await _is_refused(world, opened.access)
    assert await _refreshes(world, opened.refresh)


async def test_a_session_outlives_the_server(world: World) -> None:
    opened = await _open(world)
    world.restarted()
    assert not await _is_refused(world, opened.access)
    assert await _refreshes(world, opened.refresh)


async def test_a_refresh_token_works_once_but_for_a_lost_answer(world: World) -> None:
    first = await _open(world)
    second = await world.identity.sessions.refresh(first.refresh)
    await world.clock.advance(GRACE_SECONDS)
    again = await world.identity.sessions.refresh(first.refresh)
    assert again.refresh == second.refresh != first.refresh
    assert again.session.id == first.session.id
    assert world.heard.deeds == []


async def test_a_replay_ends_the_session_and_is_recorded(world: World) -> None:
    stolen = await _open(world)
    other = await _open(world)
    newer = await world.identity.sessions.refresh(stolen.refresh)
    await world.identity.authenticate(newer.access)
    await world.clock.advance(GRACE_SECONDS + 1)
    assert not await _refreshes(world, stolen.refresh)
    assert not await _refreshes(world, newer.refresh)
    assert await _is_refused(world, newer.access)
    assert world.revoked == {stolen.session.id}
    assert [(deed.action, deed.actor, deed.target) for deed in world.heard.deeds] == [
        ("sessions.replay", "ada", stolen.session.id)
    ]
    assert await _refreshes(world, other.refresh)


async def test_a_session_that_is_not_used_ends(world: World) -> None:
    idle, used = await _open(world), await _open(world)
    for _ in range(3):
        await world.clock.advance(7 * 86_400)
        used = await world.identity.sessions.refresh(used.refresh)
    assert not await _refreshes(world, idle.refresh)
    for _ in range(11):
        await world.clock.advance(7 * 86_400)
        if not await _refreshes(world, used.refresh):
            break
        used = await world.identity.sessions.refresh(used.refresh)
    assert not await _refreshes(world, used.refresh)
    await world.identity.sessions.tidy()
    assert world.revoked == {idle.session.id, used.session.id}
    told = {(deed.action, deed.actor, deed.target) for deed in world.heard.deeds}
    assert told == {("sessions.expire", "server", each.session.id) for each in (idle, used)}


async def test_sessions_that_end_together_are_told_in_bounds(world: World) -> None:
    for _ in range(30):
        await _open(world)
    await world.clock.advance(91 * 86_400)
    await world.identity.sessions.tidy()
    assert [deed.count for deed in world.heard.deeds] == [1] * 20 + [10]


@pytest.mark.parametrize("secret", ["", "ngf_", "ngf_" + "a" * 43, "ngf_" + "a" * 5000, "ngf_\ud800", "x"])
async def test_other_refresh_tokens_are_worth_nothing(world: World, secret: str) -> None:
    await _open(world)
    assert not await _refreshes(world, secret)
    await world.identity.sessions.end_by_refresh(secret)
    assert len(await world.identity.sessions.live(None)) == 1


async def test_ending_a_session_works_at_once(world: World) -> None:
    opened, other = await _open(world), await _open(world)
    await world.identity.authenticate(opened.access)
    generation = world.identity.generation
    await world.identity.sessions.end(opened.session.id, EndedBy.REVOKED)
    assert world.identity.generation > generation
    assert await _is_refused(world, opened.access)
    assert not await _refreshes(world, opened.refresh)
    assert not await _is_refused(world, other.access)
    assert [session.id for session, _ in await world.identity.sessions.live(None)] == [other.session.id]
    with pytest.raises(NotFoundError):
        await world.identity.sessions.end(opened.session.id, EndedBy.REVOKED)


async def test_a_disabled_user_is_out_at_once(world: World) -> None:
    opened = await _open(world)
    principal = await world.identity.authenticate(opened.access)
    key, secret = await world.identity.api_keys.make(principal, "k", frozenset({Permission.METRICS_READ}), 60)
    account = await world.identity.users.get("ada")
    assert not await _is_refused(world, secret)
    await world.identity.users.disable(ROOT, account)
    assert await _is_refused(world, opened.access)
    assert await _is_refused(world, secret)
    assert not await _refreshes(world, opened.refresh)
    with pytest.raises(UnauthenticatedError):
        await world.login("ada")
    await world.identity.users.enable(ROOT, await world.identity.users.get("ada"))
    assert not await _is_refused(world, secret)
    assert world.revoked == {opened.session.id, key.id}
    assert (await world.login("ada")).name == "ada"


async def test_a_new_password_ends_the_other_sessions(world: World) -> None:
    mine, other = await _open(world), await _open(world)
    principal = await world.identity.authenticate(mine.access)
    account = await world.identity.users.get("ada")
    with pytest.raises(PermissionDeniedError, match="current one is wrong"):
        await world.identity.users.set_password(principal, account, "another good word", "wrong")
    await world.identity.users.set_password(principal, account, "another good word", PASSWORD)
    assert not await _is_refused(world, mine.access)
    assert await _is_refused(world, other.access)
    assert (await world.login("ada", "another good word")).name == "ada"


async def test_what_a_user_may_changes_at_once(world: World) -> None:
    opened = await _open(world)
    assert not (await world.identity.authenticate(opened.access)).may(Permission.HOSTS_WRITE)
    account = await world.identity.users.get("ada")
    await world.identity.users.grant(ROOT, account, Grant("operator", frozenset({"db"})))
    principal = await world.identity.authenticate(opened.access)
    assert principal.scope_of(Permission.HOSTS_WRITE) == frozenset({"db"})
    assert principal.scope_of(Permission.HOSTS_READ) is None
    await world.identity.users.take(ROOT, account, "viewer")
    principal = await world.identity.authenticate(opened.access)
    assert principal.scope_of(Permission.HOSTS_READ) == frozenset({"db"})
    assert not principal.may(Permission.SYSTEM_READ)
    await world.identity.users.remove(ROOT, account)
    assert await _is_refused(world, opened.access)


async def test_hashes_are_made_anew_when_the_parameters_change(world: World) -> None:
    await world.add("ada")

    async def kept() -> str:
        query = text("select password from users")
        return str(await world.records.read(lambda connection: connection.execute(query).scalar_one()))

    assert "m=64,t=1,p=1" in await kept()
    world.identity._passwords._passes = 2
    assert (await world.login("ada")).name == "ada"
    assert "m=64,t=2,p=1" in await kept()
    assert (await world.login("ada")).name == "ada"


async def test_more_sessions_than_the_limit_end_the_one_used_least_recently(world: World) -> None:
    first = await _open(world)
    for _ in range(100):
        await world.clock.advance(1)
        await _open(world)
    assert await _is_refused(world, first.access)
    assert len(await world.identity.sessions.live(None)) == 100
