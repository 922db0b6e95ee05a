"""Who must agree, whose turn it is, when a job stops, and what silence means."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.commands.rules import (
    GRACE_MS,
    LIFE_LIMIT_MS,
    OUT,
    SKEW_MS,
    WAITING,
    approval_of,
    check_second_person,
    deadline_of,
    may_be_sent_again,
    next_turn,
    overdue,
    state_of,
    why_stop,
)
from nagare.errors import ConflictError, InputError, PermissionDeniedError
from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval, why_not_approved
from nagare.model.command.job import Command, Job, Pace
from nagare.model.command.states import ENDED, NEXT, CommandState
from tests.support.command_jobs import NOW_MS, commands_of, job_of

S = CommandState
PLAN = "b" * 64


@pytest.mark.parametrize(
    ("risk", "confirm", "break_glass", "expected"),
    [
        (Risk.NONE, "", "", Approval.NONE),
        (Risk.NONE, PLAN, "", Approval.NONE),
        (Risk.NONE, "c" * 64, "", ConflictError),
        (Risk.NONE, "", "fire", InputError),
        (Risk.SELF_CONFIRM, "", "", InputError),
        (Risk.SELF_CONFIRM, PLAN, "", Approval.SELF_CONFIRM),
        (Risk.SELF_CONFIRM, "c" * 64, "", ConflictError),
        (Risk.SELF_CONFIRM, PLAN, "fire", InputError),
        (Risk.SECOND_PERSON, "", "", None),
        (Risk.SECOND_PERSON, PLAN, "", None),
        (Risk.SECOND_PERSON, "", "fire", Approval.BREAK_GLASS),
        (Risk.SECOND_PERSON, "ü", "", ConflictError),
    ],
)
def test_what_a_request_approves_by_itself(risk: Risk, confirm: str, break_glass: str, expected: object) -> None:
    if isinstance(expected, type):
        with pytest.raises(expected):
            approval_of(risk, PLAN, confirm, break_glass)
    else:
        found = approval_of(risk, PLAN, confirm, break_glass)
        assert found is expected
        if found is not None:
            # A host holds a command to the same rule.
            assert why_not_approved(risk, found, "u-ann", "u-ann") is None


def test_the_second_person_is_another_one_and_read_the_plan() -> None:
    job = job_of(risk=Risk.SECOND_PERSON, approval=None)
    check_second_person(job, "u-ben", PLAN)
    for approver in ("u-ann", ""):
        with pytest.raises(PermissionDeniedError):
            check_second_person(job, approver, PLAN)
    with pytest.raises(ConflictError):
        check_second_person(job, "u-ben", "c" * 64)
    for late in (replace(job, approval=Approval.SECOND_PERSON), replace(job, stopped="rejected")):
        with pytest.raises(ConflictError):
            check_second_person(late, "u-ben", PLAN)


def _turn(job: Job, commands: list[Command], *away: str) -> tuple[list[str], list[str]]:
    turn = next_turn(job, commands, lambda host_id: host_id not in away)
    return [command.host for command in turn.send], [command.host for command in turn.queue]


def test_whose_turn_it_is() -> None:
    job = job_of(pace=Pace(canary=1, concurrency=2))
    waiting = commands_of(job, *[S.APPROVED] * 4)
    assert _turn(job, waiting) == (["h0"], [])
    assert _turn(job, waiting, "id0") == ([], ["h0"])
    out = [replace(waiting[0], state=S.STARTED), *waiting[1:]]
    assert _turn(job, out) == ([], [])
    done = [replace(waiting[0], state=S.DONE), *waiting[1:]]
    assert _turn(job, done) == (["h1", "h2"], [])
    # One that is away keeps no place, and is signed while there is room.
    assert _turn(job, done, "id1") == (["h2", "h3"], ["h1"])
    for halted in (replace(job, stopped="x"), replace(job, cancelled_by="ann"), replace(job, approval=None)):
        assert _turn(halted, done) == ([], [])


def test_when_a_job_stops() -> None:
    job = job_of(pace=Pace(canary=1, stop_after=2))
    assert why_stop(job, commands_of(job, S.DONE, S.FAILED, S.APPROVED)) == ""
    assert "2 of 4" in why_stop(job, commands_of(job, S.DONE, S.FAILED, S.LOST, S.QUEUED))
    assert why_stop(job, commands_of(job, S.EXPIRED, S.APPROVED)) == "canary h0 ended as expired"
    assert why_stop(job, commands_of(job, S.DONE, S.FAILED, S.LOST)) == "", "nothing is left to stop"
    assert why_stop(replace(job, stopped="x"), commands_of(job, S.FAILED, S.APPROVED)) == ""
    never = job_of(pace=Pace(stop_after=0))
    assert why_stop(never, commands_of(never, S.FAILED, S.LOST, S.APPROVED)) == ""


@pytest.mark.parametrize("state", list(S))
def test_what_silence_means(state: CommandState) -> None:
    job = job_of()
    command = replace(commands_of(job, state)[0], deadline_ms=NOW_MS + 360_000)
    assert overdue(job, command, job.expires_ms) is None
    much_later = NOW_MS + 360_000 + GRACE_MS + 1
    found = overdue(job, command, much_later)
    expected = S.EXPIRED if state in WAITING else S.LOST if state in OUT else None
    assert found is expected
    if found is not None:
        assert found in NEXT[state]
    is_unheld = overdue(job, command, job.expires_ms + 2 * SKEW_MS + 1, is_unheld=True)
    assert is_unheld is (S.EXPIRED if state in WAITING | {S.SENT} else None)


def test_what_was_lost_on_its_way_ends_with_the_wish_for_it() -> None:
    for unwanted in (job_of(cancelled_by="ann"), job_of(stopped="too many failed")):
        sent, started = commands_of(unwanted, S.SENT, S.STARTED)
        assert overdue(unwanted, sent, NOW_MS, is_unheld=True) is S.CANCELLED
        assert overdue(unwanted, sent, NOW_MS) is None, "its host may have it"
        assert overdue(unwanted, started, NOW_MS, is_unheld=True) is None
    assert overdue(job_of(), commands_of(job_of(), S.SENT)[0], NOW_MS, is_unheld=True) is None


def test_a_command_that_began_is_over_when_its_own_time_is() -> None:
    job = job_of(timeout_seconds=10)
    started = replace(commands_of(job, S.STARTED)[0], deadline_ms=NOW_MS + 310_000, heard_start_ms=NOW_MS)
    assert overdue(job, started, NOW_MS + 10_000 + GRACE_MS) is None
    assert overdue(job, started, NOW_MS + 10_001 + GRACE_MS) is S.LOST


def test_what_is_sent_again() -> None:
    job = job_of()
    for state in S:
        command = commands_of(job, state)[0]
        assert may_be_sent_again(job, command, NOW_MS) is (state is S.SENT)
        assert not may_be_sent_again(job, command, job.expires_ms + 1)
        assert not may_be_sent_again(replace(job, cancelled_by="ann"), command, NOW_MS)


def test_nothing_is_signed_for_longer_than_a_host_takes() -> None:
    job = job_of(expires_ms=NOW_MS + 7 * 86_400_000, timeout_seconds=2 * 86_400)
    assert deadline_of(job, NOW_MS) == NOW_MS + LIFE_LIMIT_MS
    assert deadline_of(job_of(), NOW_MS) == NOW_MS + 360_000


def test_the_word_for_a_job() -> None:
    job = job_of(approval=None)
    assert state_of(job, [S.PENDING, S.PENDING]) == "pending"
    assert state_of(job_of(), [S.APPROVED, S.DONE]) == "running"
    assert state_of(job_of(), [S.DONE, S.LOST]) == "ended"
    assert state_of(job_of(), [S.DONE, S.DONE]) == "done"


@given(
    hosts=st.integers(1, 12),
    canary=st.integers(0, 4),
    concurrency=st.integers(1, 5),
    stop_after=st.integers(0, 4),
    choices=st.lists(st.tuples(st.integers(0, 11), st.sampled_from(sorted(S)), st.booleans()), max_size=120),
)
def test_a_job_keeps_its_pace(
    hosts: int, canary: int, concurrency: int, stop_after: int, choices: list[tuple[int, CommandState, bool]]
) -> None:
    """Whatever hosts do and whoever is away: the bounds hold at each moment, and each host is sent to once."""
    job = job_of(pace=Pace(canary, concurrency, stop_after))
    commands = commands_of(job, *[S.APPROVED] * hosts)
    away: set[str] = set()
    sent: list[int] = []
    for position, state, comes_back in choices:
        command = commands[position % hosts]
        (away.discard if comes_back else away.add)(command.host_id)
        if command.state in OUT and state in NEXT[command.state]:
            commands[command.position] = replace(command, state=state)
        why = why_stop(job, commands)
        if why:
            job = replace(job, stopped=why)
            commands = [replace(one, state=S.CANCELLED) if one.state in WAITING else one for one in commands]
        turn = next_turn(job, commands, lambda host_id: host_id not in away)
        assert not (turn.send and job.stopped)
        for one in turn.send:
            assert one.host_id not in away
            sent.append(one.position)
            commands[one.position] = replace(one, state=S.SENT)
        for one in turn.queue:
            commands[one.position] = replace(one, state=S.QUEUED)
        assert sum(one.state in OUT for one in commands) <= concurrency
        bad = [one for one in commands if one.state in ENDED - {S.DONE, S.CANCELLED}]
        assert not stop_after or len(bad) < stop_after + concurrency
        if any(position >= canary for position in sent):
            # They were done then, and what is done stays so.
            assert all(one.state is S.DONE for one in commands[:canary])
    assert len(sent) == len(set(sent))
