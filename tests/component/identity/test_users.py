"""Users, roles and keys: who changes them never gives, or acts on, more than it has itself."""

import pytest

from nagare.errors import ConflictError, InputError, LimitExceededError, NotFoundError, PermissionDeniedError
from nagare.identity.users.roles import BUILT_IN, Grant, make_role, permissions_of
from nagare.model.principal import ADMIN_PERMISSIONS, Permission, Principal, PrincipalKind
from tests.component.identity.conftest import PASSWORD, ROOT, World

DESK = frozenset({Permission.USERS_READ, Permission.USERS_WRITE, Permission.METRICS_READ, Permission.ROLES_WRITE})


@pytest.fixture
async def desk(world: World) -> Principal:
    """Somebody who manages users and may little else."""
    await world.identity.users.save_role(ROOT, make_role("desk", sorted(DESK), "adds people"))
    await world.add("dora", Grant("desk"))
    return await world.login("dora")


async def test_nobody_gives_more_than_it_has(world: World, desk: Principal) -> None:
    users = world.identity.users
    with pytest.raises(PermissionDeniedError, match="grant admin"):
        await users.add(desk, "eve", PASSWORD, [Grant("admin")])
    await users.add(desk, "eve", PASSWORD, [])
    eve = await users.get("eve")
    for role in ("admin", "viewer"):
        with pytest.raises(PermissionDeniedError):
            await users.grant(desk, eve, Grant(role))
    with pytest.raises(PermissionDeniedError):
        await users.grant(desk, await users.get("dora"), Grant("admin"))
    with pytest.raises(PermissionDeniedError):
        await users.save_role(desk, make_role("desk", ["hosts.write"], ""))
    with pytest.raises(PermissionDeniedError):
        await users.grant(desk, eve, Grant("operator", frozenset({"db"})))
    assert (await users.grant(desk, eve, Grant("desk"))).rights.permissions >= DESK


async def test_nobody_acts_on_who_may_more(world: World, desk: Principal) -> None:
    await world.add("boss", Grant("admin"))
    users, boss = world.identity.users, await world.identity.users.get("boss")
    for attempt in (
        users.disable(desk, boss),
        users.enable(desk, boss),
        users.remove(desk, boss),
        users.rename(desk, boss, "ex"),
        users.set_password(desk, boss, "a better password", None),
        users.take(desk, boss, "admin"),
        users.grant(desk, boss, Grant("desk")),
    ):
        with pytest.raises(PermissionDeniedError):
            await attempt
    with pytest.raises(PermissionDeniedError):
        users.check_over(desk, boss, "end a session of")


async def test_a_limited_grant_gives_nothing_that_concerns_the_whole(world: World) -> None:
    await world.add("ada", Grant("admin", frozenset({"db"})))
    ada = await world.login("ada")
    assert ada.scope_of(Permission.METRICS_READ) == frozenset({"db"})
    for permission in (Permission.USERS_WRITE, Permission.SYSTEM_READ, Permission.METRICS_WRITE, Permission.AUDIT_READ):
        assert not ada.may(permission)


async def test_names_are_one_whatever_their_case(world: World) -> None:
    await world.add("Ada@Example.org")
    with pytest.raises(ConflictError):
        await world.add("ada@example.ORG")
    for name in ("", "local", "a b", "-a", "x" * 65, "añ", "../etc", "a/b"):
        with pytest.raises(InputError):
            await world.add(name)
    await world.add("bob")
    with pytest.raises(ConflictError):
        await world.identity.users.rename(ROOT, await world.identity.users.get("bob"), "ADA@example.org")


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaaaaaa", "lovelace lovelace", "x1y2" * 100])
async def test_weak_passwords_are_refused_and_not_told(world: World, password: str) -> None:
    with pytest.raises(InputError) as refused:
        await world.add("lovelace", password=password)
    assert not password or password not in refused.value.message


async def test_a_renamed_user_goes_on(world: World) -> None:
    await world.add("ada", Grant("viewer"))
    opened = await world.identity.by_password.login("ada", PASSWORD, address="")
    await world.identity.users.rename(ROOT, await world.identity.users.get("ada"), "countess")
    assert (await world.identity.authenticate(opened.access)).name == "countess"


async def test_roles_of_ones_own(world: World) -> None:
    users = world.identity.users
    await users.save_role(ROOT, make_role("dba", ["metrics.read", "hosts.write"], "looks after databases"))
    await world.add("ada", Grant("dba"))
    ada = await world.login("ada")
    assert ada.may(Permission.HOSTS_WRITE)
    await users.save_role(ROOT, make_role("dba", ["metrics.read"], ""))
    assert ada.id in world.revoked
    with pytest.raises(ConflictError, match="ada still has it"):
        await users.remove_role(ROOT, "dba")
    await users.take(ROOT, await users.get("ada"), "dba")
    await users.remove_role(ROOT, "dba")
    assert [role.name for role in await users.roles()] == list(BUILT_IN)
    with pytest.raises(NotFoundError):
        await users.remove_role(ROOT, "dba")
    with pytest.raises(InputError):
        await users.remove_role(ROOT, "admin")
    with pytest.raises(ConflictError):
        make_role("viewer", [], "")
    with pytest.raises(InputError):
        permissions_of(["hosts.explode"])


async def test_a_key_allows_what_it_was_given_and_its_owner_still_may(world: World) -> None:
    await world.add("ada", Grant("operator", frozenset({"db"})), Grant("viewer"))
    ada, keys = await world.login("ada"), world.identity.api_keys
    wanted = frozenset({Permission.HOSTS_WRITE, Permission.METRICS_READ})
    key, secret = await keys.make(ada, "deploy", wanted, 3600)
    assert secret.startswith("ngk_")
    bearer = await world.identity.authenticate(secret)
    assert (bearer.kind, bearer.name, bearer.user_id) == (PrincipalKind.KEY, "ada", ada.user_id)
    assert bearer.permissions == wanted | {Permission.ACCOUNT_READ}
    assert bearer.scope_of(Permission.HOSTS_WRITE) == frozenset({"db"})
    account = await world.identity.users.get("ada")
    await world.identity.users.take(ROOT, account, "operator")
    assert not (await world.identity.authenticate(secret)).may(Permission.HOSTS_WRITE)
    await keys.remove(key)
    with pytest.raises(NotFoundError):
        await keys.get(key.id)


async def test_a_key_makes_no_keys_and_gives_nothing_more(world: World) -> None:
    await world.add("ada", Grant("viewer"))
    ada, keys = await world.login("ada"), world.identity.api_keys
    with pytest.raises(PermissionDeniedError, match=r"hosts\.write"):
        await keys.make(ada, "k", frozenset({Permission.HOSTS_WRITE}), 60)
    with pytest.raises(InputError):
        await keys.make(ada, "k", frozenset({Permission.ACCOUNT_WRITE}), 60)
    for name, seconds in (("", 60), ("a\x1b[31m", 60), ("k", 0), ("k", -1), ("k", 10**9), ("k", float("nan"))):
        with pytest.raises(InputError):
            await keys.make(ada, name, frozenset(), seconds)
    _, secret = await keys.make(ada, "k", frozenset({Permission.METRICS_READ}), 60)
    bearer = await world.identity.authenticate(secret)
    with pytest.raises(PermissionDeniedError):
        await keys.make(bearer, "k2", frozenset(), 60)
    with pytest.raises(PermissionDeniedError):
        await keys.make(ROOT, "k2", frozenset(), 60)
    with pytest.raises(ConflictError):
        await keys.make(ada, "k", frozenset(), 60)
    for number in range(99):
        await keys.make(ada, f"n{number}", frozenset(), 60)
    with pytest.raises(LimitExceededError):
        await keys.make(ada, "one more", frozenset(), 60)


async def test_a_key_ends_and_its_use_is_kept(world: World) -> None:
    await world.add("ada", Grant("viewer"))
    keys = world.identity.api_keys
    _, secret = await keys.make(await world.login("ada"), "k", frozenset(), 60)
    await world.identity.authenticate(secret)
    await world.identity.flush()
    ((key, owner),) = await keys.keys(None)
    assert (owner, key.last_used_ms) == ("ada", world.clock.now_ms())
    await world.clock.advance(61)
    with pytest.raises(Exception, match="cannot accept key"):
        await world.identity.authenticate(secret)


def test_the_built_in_roles_grow_from_one_to_the_next() -> None:
    viewer, operator, admin = (BUILT_IN[name].permissions for name in ("viewer", "operator", "admin"))
    assert viewer < operator < admin == ADMIN_PERMISSIONS
