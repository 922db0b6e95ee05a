"""Whose turn it is: nobody who waits is passed over for ever, and who runs least comes first."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from nagare.automation.tasks.store import Waiting
from nagare.automation.tasks.turns import Turns

OWNERS = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)


@given(OWNERS, st.integers(1, 40))
def test_while_all_wait_each_gets_as_many_turns(owners: list[str], count: int) -> None:
    turns = Turns()
    waiting = [Waiting(owner, place) for place, owner in enumerate(owners)]
    taken = Counter(turns.take(waiting, {}) for _ in range(count))
    assert max(taken.values()) - min(taken[owner] for owner in owners) <= 1


@given(st.lists(st.tuples(OWNERS, st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))), max_size=30))
def test_nobody_gets_a_turn_before_who_runs_less(steps: list[tuple[list[str], dict[str, int]]]) -> None:
    turns = Turns()
    for owners, running in steps:
        owner = turns.take([Waiting(each, 0) for each in owners], running)
        assert running.get(owner, 0) == min(running.get(each, 0) for each in owners)


def test_the_one_who_waits_longest_is_first() -> None:
    assert Turns().take([Waiting("a", 2), Waiting("b", 1)], {}) == "b"
