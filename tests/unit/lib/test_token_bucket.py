import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.token_bucket import TokenBucket


def test_a_full_bucket_lets_anything_pass_and_is_paid_off() -> None:
    bucket = TokenBucket(rate=10, burst=100, now=0.0)
    assert bucket.wait_seconds(0.0) == 0
    bucket.take(300, 0.0)
    wait = bucket.wait_seconds(0.0)
    assert wait == pytest.approx(20.1)
    assert bucket.wait_seconds(wait) == 0


def test_a_pause_fills_it_no_further_than_its_burst() -> None:
    bucket = TokenBucket(rate=10, burst=100, now=0.0)
    bucket.take(100, 1e9)
    assert bucket.wait_seconds(1e9) > 0


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(rate=10, burst=1, now=5.0)
    bucket.take(11, 5.0)
    assert bucket.wait_seconds(5.0) == bucket.wait_seconds(4.0) > 0


@given(
    rate=st.floats(0.1, 1e6), burst=st.integers(1, 10**6),
    asked=st.lists(st.tuples(st.floats(0, 100), st.integers(1, 10**6)), max_size=40),
)  # fmt: skip
def test_no_more_passes_than_rate_burst_and_one_request(
    rate: float, burst: int, asked: list[tuple[float, int]]
) -> None:
    bucket = TokenBucket(rate, burst, 0.0)
    now, passed, largest = 0.0, 0, 0
    for pause, count in asked:
        now += pause
        if bucket.wait_seconds(now) == 0:
            bucket.take(count, now)
            passed += count
            largest = max(largest, count)
    assert passed <= (burst + rate * now + largest) * (1 + 1e-9)


@given(rate=st.floats(0.1, 1e6), count=st.integers(1, 10**7))
def test_after_the_wait_it_is_open(rate: float, count: int) -> None:
    bucket = TokenBucket(rate, 1, 0.0)
    bucket.take(count, 0.0)
    if wait := bucket.wait_seconds(0.0):
        assert bucket.wait_seconds(wait * (1 + 1e-9)) == 0
