"""Guessing is slowed down: for a user, from an address, and within bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import RateLimitedError
from nagare.identity.passwords.throttle import OF_ADDRESS, OF_USER, Throttle
from nagare.lib.clock import ManualClock


def _wait(throttle: Throttle, user: str, address: str) -> float:
    """Attempt, and return the seconds to wait; 0 when it was let through."""
    try:
        throttle.attempt(user, address)
    except RateLimitedError as refused:
        return refused.retry_after_seconds
    return 0.0


async def test_each_failure_beyond_the_free_ones_doubles_the_wait() -> None:
    clock = ManualClock()
    throttle = Throttle(clock)
    for _ in range(OF_USER.free):
        assert _wait(throttle, "ada", "192.0.2.1") == 0
    waits = []
    for _ in range(8):
        waits.append(_wait(throttle, "ada", "192.0.2.1"))
        await clock.advance(waits[-1])
        assert _wait(throttle, "ada", "192.0.2.1") == 0
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_attempts_at_one_time_all_count() -> None:
    throttle = Throttle(ManualClock())
    assert sum(_wait(throttle, "ada", "192.0.2.1") == 0 for _ in range(1000)) == OF_USER.free


async def test_many_users_from_one_address_are_slowed_down_too() -> None:
    throttle = Throttle(ManualClock())
    let_through = sum(_wait(throttle, f"user{number}", "192.0.2.1") == 0 for number in range(100))
    assert let_through == OF_ADDRESS.free
    assert _wait(throttle, "user100", "192.0.2.2") == 0


async def test_a_success_forgives_the_user_and_one_attempt_of_the_address() -> None:
    throttle = Throttle(ManualClock())
    for _ in range(100):
        throttle.attempt("ada", "192.0.2.1")
        throttle.succeed("ada", "192.0.2.1")
    for number in range(OF_ADDRESS.free - 1):
        throttle.attempt(f"user{number}", "192.0.2.1")
    throttle.attempt("ada", "192.0.2.1")
    throttle.succeed("ada", "192.0.2.1")
    throttle.attempt("last", "192.0.2.1")
    assert _wait(throttle, "ada", "192.0.2.1") > 0


async def test_failures_are_forgotten_after_a_while() -> None:
    clock = ManualClock()
    throttle = Throttle(clock)
    for _ in range(OF_USER.free):
        throttle.attempt("ada", "192.0.2.1")
    await clock.advance(1801)
    for _ in range(OF_USER.free):
        assert _wait(throttle, "ada", "192.0.2.1") == 0


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
        ("unix socket", "unix socket", True),
    ],
)
async def test_a_network_of_ipv6_counts_as_one_address(first: str, second: str, is_same: bool) -> None:
    throttle = Throttle(ManualClock())
    for number in range(OF_ADDRESS.free):
        throttle.attempt(f"user{number}", first)
    assert (_wait(throttle, "another", second) > 0) == is_same


async def test_memory_is_bounded() -> None:
    throttle = Throttle(ManualClock(), keys_limit=50)
    for number in range(500):
        _wait(throttle, f"user{number}", f"192.0.2.{number % 250}")
    assert len(throttle._users) <= 50
    assert len(throttle._addresses) <= 50
    assert throttle.counters.get("throttle_dropped") > 0


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=8)), max_size=40))
def test_no_name_or_address_breaks_it(attempts: list[tuple[str, str]]) -> None:
    throttle = Throttle(ManualClock())
    for user, address in attempts:
        assert 0 <= _wait(throttle, user, address) <= OF_ADDRESS.cap_seconds
