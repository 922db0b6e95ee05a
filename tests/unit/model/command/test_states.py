import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import ConflictError
from nagare.model.command.states import ENDED, NEXT, CommandState, check_transition, is_final, steps_to

S = CommandState
STATES = st.sampled_from(list(CommandState))


def test_the_way_of_a_command() -> None:
    way = [S.PENDING, S.APPROVED, S.QUEUED, S.SENT, S.STARTED, S.DONE]
    for state, following in itertools.pairwise(way):
        assert check_transition(state, following) is following


@pytest.mark.parametrize(
    ("state", "following"),
    [
        (S.PENDING, S.QUEUED),  # nothing runs unapproved
        (S.PENDING, S.SENT),
        (S.APPROVED, S.STARTED),
        (S.STARTED, S.QUEUED),  # nothing runs twice
        (S.STARTED, S.SENT),
        (S.LOST, S.QUEUED),
        (S.LOST, S.STARTED),
        (S.STARTED, S.EXPIRED),  # what began did not expire
        (S.DONE, S.FAILED),
        (S.CANCELLED, S.APPROVED),
    ],
)
def test_another_step_is_refused(state: CommandState, following: CommandState) -> None:
    with pytest.raises(ConflictError, match=f"it is {state}"):
        check_transition(state, following)


@given(st.lists(STATES, max_size=30))
def test_no_way_leads_back_to_running(asked: list[CommandState]) -> None:
    state, seen = S.PENDING, [S.PENDING]
    for following in asked:
        try:
            state = check_transition(state, following)
        except ConflictError:
            continue
        seen.append(state)
    assert len(set(seen)) == len(seen)  # a state is never entered twice
    if S.STARTED in seen:
        assert {S.APPROVED, S.SENT} <= set(seen)
        assert S.EXPIRED not in seen or S.LOST in seen


@given(STATES, STATES)
def test_a_report_leads_where_it_says_or_is_refused(state: CommandState, reported: CommandState) -> None:
    try:
        steps = steps_to(state, reported)
    except ConflictError:
        return
    for following in steps:
        state = check_transition(state, following)
    assert state is reported


def test_every_state_is_told_where_it_leads() -> None:
    assert set(NEXT) == set(CommandState)
    assert {state for state in CommandState if is_final(state)} == ENDED - {S.LOST}
