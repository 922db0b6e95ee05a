"""Days of blocks."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.metrics.blocks.files import DAY_MS, day_of, day_start_ms


@given(st.integers(0, 4_000_000_000_000))
def test_a_day_begins_at_midnight_utc(ts_ms: int) -> None:
    start = day_start_ms(ts_ms)
    assert start <= ts_ms < start + DAY_MS
    assert day_of(start) == day_of(ts_ms) == day_of(start + DAY_MS - 1)


def test_days_are_named_as_people_write_them() -> None:
    assert day_of(1_760_000_000_000) == "2025-10-09"
