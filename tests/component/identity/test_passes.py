"""Passes: what a program of the server may in somebody's name, never more than that somebody, and no longer."""

import pytest

from nagare.errors import UnauthenticatedError
from nagare.identity.sessions.session import EndedBy
from nagare.identity.users.roles import Grant
from nagare.model.principal import Permission, PrincipalKind
from tests.component.identity.conftest import HOME, PASSWORD, ROOT, World

WANTED = frozenset({Permission.HOSTS_READ, Permission.HOSTS_WRITE, Permission.ALERTS_READ})


async def _pass(world: World, *grants: Grant) -> tuple[str, str]:
    """Return a pass, and the session that it belongs to."""
    await world.add("ada", *grants)
    opened = await world.identity.by_password.login("ada", PASSWORD, address=HOME)
    return world.identity.passes.issue(opened.session.id, WANTED, "192.0.2.9"), opened.session.id


async def test_a_pass_allows_what_its_user_may_and_no_more_than_was_said(world: World) -> None:
    secret, session = await _pass(world, Grant("viewer"), Grant("operator", frozenset({"db"})))
    found = await world.identity.authenticate(secret)
    assert (found.name, found.kind, found.session_id, found.address) == (
        "ada", PrincipalKind.BROWSER, session, "192.0.2.9",
    )  # fmt: skip
    assert found.permissions == WANTED
    # The groups of the user's grants hold here too.
    assert found.scope_of(Permission.HOSTS_WRITE) == frozenset({"db"})
    assert found.scope_of(Permission.HOSTS_READ) is None


async def test_a_pass_follows_the_rights_of_its_user(world: World) -> None:
    secret, _ = await _pass(world, Grant("operator"))
    assert (await world.identity.authenticate(secret)).may(Permission.HOSTS_WRITE)
    users = world.identity.users
    await users.take(ROOT, await users.get("ada"), "operator")
    assert (await world.identity.authenticate(secret)).permissions == frozenset()


async def test_a_pass_that_ends_is_worth_nothing_at_once_and_the_login_lives_on(world: World) -> None:
    secret, session = await _pass(world, Grant("viewer"))
    await world.identity.authenticate(secret)
    world.identity.passes.end(secret)
    with pytest.raises(UnauthenticatedError):
        await world.identity.authenticate(secret)
    assert await world.identity.sessions.find(session) is not None


async def test_a_pass_ends_with_its_login(world: World) -> None:
    secret, session = await _pass(world, Grant("viewer"))
    await world.identity.authenticate(secret)
    await world.identity.sessions.end(session, EndedBy.REVOKED)
    with pytest.raises(UnauthenticatedError):
        await world.identity.authenticate(secret)


async def test_a_pass_ends_with_a_login_that_grows_old(world: World) -> None:
    secret, session = await _pass(world, Grant("viewer"))
    await world.identity.authenticate(secret)
    found = await world.identity.sessions.find(session)
    assert found is not None
    await world.clock.advance((found[1] - world.clock.now_ms()) / 1000 + 1)
    with pytest.raises(UnauthenticatedError):
        await world.identity.authenticate(secret)


async def test_a_server_that_starts_again_knows_no_pass(world: World) -> None:
    secret, _ = await _pass(world, Grant("viewer"))
    with pytest.raises(UnauthenticatedError):
        await world.restarted().authenticate(secret)
