"""What becomes of attempts, as a table; and rights that only ever shrink."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.automation.tasks.kinds import Kind
from nagare.automation.tasks.rights import may_see_what, meet, owner_of, principal_for
from nagare.automation.tasks.rules import Ending, decide
from nagare.errors import PermissionDeniedError
from nagare.model.principal import HOST_BOUND, Permission, Principal, PrincipalKind, Rights
from nagare.model.task import ENDED, NEXT, Owner, Task, TaskReason, TaskState
from nagare.wire.tasks import VerifyArguments

AGAIN = Kind("k", "", VerifyArguments, attempts=3, deadline_seconds=1, is_repeatable=True)
ONCE = replace(AGAIN, is_repeatable=False)
RUNNING = Task("t", "k", {}, Owner("u", "alice"), 0, 0, 0, state=TaskState.RUNNING, attempt=1)
S, R = TaskState, TaskReason


@pytest.mark.parametrize(
    ("kind", "attempt", "ending", "state"),
    [
        (AGAIN, 1, Ending(result={"n": 1}), S.DONE),
        (AGAIN, 1, Ending(R.ERROR, "wrong"), S.FAILED),
        (AGAIN, 1, Ending(R.ERROR, "away", may_retry=True), S.QUEUED),
        (AGAIN, 3, Ending(R.ERROR, "away", may_retry=True), S.FAILED),
        (ONCE, 1, Ending(R.ERROR, "away", may_retry=True), S.QUEUED),
        (AGAIN, 1, Ending(R.WORKER_DIED), S.QUEUED),
        (AGAIN, 3, Ending(R.WORKER_DIED), S.FAILED),
        (ONCE, 1, Ending(R.WORKER_DIED), S.LOST),
        (ONCE, 3, Ending(R.SERVER_DIED), S.LOST),
        (None, 1, Ending(R.SERVER_DIED), S.LOST),
        (AGAIN, 3, Ending(R.SERVER_STOPPED), S.QUEUED),
        (ONCE, 1, Ending(R.SERVER_STOPPED), S.LOST),
        (AGAIN, 1, Ending(R.CANCELLED), S.CANCELLED),
        (ONCE, 1, Ending(R.CANCELLED), S.CANCELLED),
        (AGAIN, 1, Ending(R.DEADLINE), S.FAILED),
        (AGAIN, 1, Ending(R.MEMORY), S.FAILED),
        (AGAIN, 1, Ending(R.NOT_ALLOWED), S.FAILED),
    ],
)
def test_what_becomes_of_an_attempt(kind: Kind | None, attempt: int, ending: Ending, state: TaskState) -> None:
    verdict = decide(kind, replace(RUNNING, attempt=attempt), ending, 1_000)
    assert verdict.state is state
    assert verdict.state in NEXT[TaskState.RUNNING]
    assert (verdict.due_ms is not None) == (state is S.QUEUED)


def test_who_asked_for_the_end_of_what_died_gets_it() -> None:
    asked = replace(RUNNING, cancelled_by="bob")
    endings = (Ending(R.SERVER_DIED), Ending(R.SERVER_STOPPED), Ending(R.ERROR, "away", may_retry=True))
    for kind, ending in ((kind, ending) for kind in (AGAIN, ONCE) for ending in endings):
        verdict = decide(kind, asked, ending, 0)
        assert (verdict.state, verdict.text) == (S.CANCELLED, "cancelled by bob")
    # What was done before anybody could end it is done.
    assert decide(AGAIN, asked, Ending(result={}), 0).state is S.DONE


@given(st.integers(1, 50))
def test_delays_grow_to_a_bound(attempt: int) -> None:
    kind = replace(AGAIN, attempts=100)
    verdict = decide(kind, replace(RUNNING, attempt=attempt), Ending(R.ERROR, may_retry=True), 1_000)
    assert verdict.due_ms is not None
    assert 1_000 < verdict.due_ms <= 1_000 + min(300_000, 2_000 * 2 ** (attempt - 1)) + 100


def test_states_that_ended_have_no_successor() -> None:
    assert {S.DONE, S.FAILED, S.CANCELLED, S.LOST} == ENDED


_GROUPS = st.frozensets(st.sampled_from(["web", "db", "lab"]), min_size=1)


@st.composite
def _rights(draw: st.DrawFn) -> Rights:
    permissions = draw(st.frozensets(st.sampled_from(list(Permission))))
    limited = [permission for permission in sorted(permissions & HOST_BOUND) if draw(st.booleans())]
    return Rights(permissions, {permission: draw(_GROUPS) for permission in limited})


@given(_rights(), _rights())
def test_a_task_may_what_its_owner_could_then_and_may_now(then: Rights, now: Rights) -> None:
    asked = Principal("s", "alice", then.permissions, kind=PrincipalKind.KEY, user_id="u1", scopes=then.scopes)
    acting = principal_for(owner_of(asked), now)
    held = Rights(acting.permissions, acting.scopes)
    assert then.covers(held)
    assert now.covers(held)
    assert held.permissions == then.permissions & now.permissions
    assert meet(now, then) == meet(then, now)
    assert (acting.user_id, acting.name) == ("u1", "alice")


def test_a_permission_of_another_version_allows_nothing() -> None:
    owner = Owner("u1", "alice", {"permissions": ["tasks.read", "moon.land"], "scopes": {"moon.land": ["web"]}})
    everything = Rights(frozenset(Permission), {})
    assert principal_for(owner, everything).permissions == {Permission.TASKS_READ}
    assert principal_for(Owner("u1", "alice", {}), everything).permissions == frozenset()


def test_a_host_asks_for_no_task() -> None:
    with pytest.raises(PermissionDeniedError, match="only people do"):
        owner_of(Principal("h", "web1", host="web1", kind=PrincipalKind.HOST))


@given(_rights(), _rights(), st.frozensets(st.sampled_from(list(Permission)), max_size=2))
def test_who_sees_an_export_may_see_all_that_it_can_hold(
    then: Rights, now: Rights, needed: frozenset[Permission]
) -> None:
    owner = owner_of(
        Principal("s", "alice", then.permissions, kind=PrincipalKind.USER, user_id="u1", scopes=then.scopes)
    )
    caller = Principal("k", "alice", now.permissions, kind=PrincipalKind.KEY, user_id="u1", scopes=now.scopes)
    assert may_see_what(owner, replace(caller, permissions=then.permissions, scopes=then.scopes), needed)
    assert not may_see_what(owner, replace(caller, user_id="u2"), needed)
    if may_see_what(owner, caller, needed):
        for permission in then.permissions:
            if permission in needed or permission.value.endswith(".read"):
                assert now.covers(then.only(frozenset({permission})))
