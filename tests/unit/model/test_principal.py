from hypothesis import given
from hypothesis import strategies as st

from nagare.model.principal import (
    ADMIN_PERMISSIONS,
    HOST_BOUND,
    HOST_PERMISSIONS,
    TEXTS,
    Allowance,
    Permission,
    Principal,
    Rights,
    combined,
    rights_of,
)

_GROUPS = st.frozensets(st.sampled_from(["db", "web", "lab"]), min_size=1)
_ALLOWANCES = st.lists(
    st.builds(Allowance, st.frozensets(st.sampled_from(list(Permission))), st.none() | _GROUPS), max_size=4
)


def test_a_caller_may_what_was_given_and_nothing_else() -> None:
    host = Principal("h1", "web1", HOST_PERMISSIONS, host="web1")
    allowed = {permission for permission in Permission if host.may(permission)}
    assert allowed == {
        Permission.METRICS_WRITE,
        Permission.EVENTS_WRITE,
        Permission.HOSTS_STANDING,
        Permission.UPDATES_FETCH,
        Permission.COMMANDS_TAKE,
    }
    assert not any(Principal("x", "nobody").may(permission) for permission in Permission)


def test_the_admin_may_everything() -> None:
    assert frozenset(Permission) == ADMIN_PERMISSIONS


def test_a_permission_reads_room_and_verb_and_has_its_sentence() -> None:
    assert all(len(permission.split(".")) == 2 for permission in Permission)
    assert set(TEXTS) == set(Permission)


def _may(rights: Rights, permission: Permission, group: str | None) -> bool:
    """Tell whether ``rights`` allow it for a host of ``group``, or (None) for what is of no host."""
    if permission not in rights.permissions:
        return False
    scope = rights.scopes.get(permission)
    return scope is None or (group is not None and group in scope)


@given(_ALLOWANCES)
def test_grants_together_allow_what_any_of_them_does(given_: list[Allowance]) -> None:
    rights = combined(given_)
    for permission in Permission:
        for group in ("db", "web", "lab", "other", None):
            alone = [
                permission in one.permissions
                and (one.scope is None or (permission in HOST_BOUND and group is not None and group in one.scope))
                for one in given_
            ]
            assert _may(rights, permission, group) == any(alone)


@given(_ALLOWANCES, _ALLOWANCES)
def test_who_covers_another_may_all_that_it_may(first: list[Allowance], second: list[Allowance]) -> None:
    own, other = combined(first), combined(second)
    everything = all(
        _may(own, permission, group) or not _may(other, permission, group)
        for permission in Permission
        for group in ("db", "web", "lab", "other", None)
    )
    assert own.covers(other) == everything
    assert own.covers(own)
    assert combined([*first, *second]).covers(own)
    assert own.covers(own.only(frozenset({Permission.METRICS_READ, Permission.AUDIT_READ})))


def test_the_rights_of_a_principal() -> None:
    rights = combined([Allowance(frozenset({Permission.HOSTS_READ}), frozenset({"db"}))])
    principal = Principal("s", "ada", rights.permissions, scopes=rights.scopes)
    assert rights_of(principal) == rights
    assert principal.scope_of(Permission.HOSTS_READ) == frozenset({"db"})
