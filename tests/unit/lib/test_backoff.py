import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.backoff import RETRY_AFTER_LIMIT_SECONDS, Backoff


@given(
    base=st.floats(0.01, 100),
    cap=st.floats(1, 1000),
    attempts=st.integers(1, 200),
    seed=st.integers(),
)
def test_delays_stay_between_floor_and_cap(base: float, cap: float, attempts: int, seed: int) -> None:
    backoff = Backoff(base, cap, floor_seconds=0.1, random=random.Random(seed))
    delays = [backoff.next_seconds() for _ in range(attempts)]
    assert all(0.1 <= delay <= max(0.1, cap) for delay in delays)


@given(st.floats(0, RETRY_AFTER_LIMIT_SECONDS), st.integers())
def test_retry_after_is_a_lower_bound(told: float, seed: int) -> None:
    backoff = Backoff(random=random.Random(seed))
    assert told <= backoff.next_seconds(told) <= told + max(0.1, told + 1)


@pytest.mark.parametrize("told", [math.nan, math.inf, -1.0, -math.inf])
def test_a_senseless_retry_after_is_ignored(told: float) -> None:
    assert 0.1 <= Backoff(cap_seconds=60).next_seconds(told) <= 60


def test_a_hostile_retry_after_silences_nobody_for_days() -> None:
    assert Backoff().next_seconds(1e12) <= RETRY_AFTER_LIMIT_SECONDS + 60


def test_the_ceiling_doubles_and_reset_begins_again() -> None:
    class Upper(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    backoff = Backoff(1.0, 10.0, random=Upper())
    assert [backoff.next_seconds() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next_seconds() == 1
