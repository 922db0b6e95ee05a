"""Never more than a limit in any window, and a whole limit after quiet."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.lib.sliding_window import SLOTS
from nagare.server.rates.limiter import WINDOW_SECONDS, Ask
from nagare.server.rates.memory import MemoryLimiter

STEPS = st.lists(st.floats(0, 2 * WINDOW_SECONDS, allow_nan=False), max_size=200)


@given(STEPS, st.integers(1, 9))
def test_no_window_has_more_than_the_limit_and_a_told_wait_is_enough(steps: list[float], limit: int) -> None:
    async def run() -> None:
        clock = ManualClock()
        limiter = MemoryLimiter(clock, Counters())
        passed: list[float] = []
        for step in steps:
            await clock.advance(step)
            full = await limiter.take([Ask("a", limit)])
            if full is not None:
                assert 0 < full.wait_seconds <= WINDOW_SECONDS * (1 + 1 / SLOTS)
                await clock.advance(full.wait_seconds + 1e-6)
                assert await limiter.take([Ask("a", limit)]) is None
            passed.append(clock.monotonic())
        spans = [last - first for first, last in zip(passed, passed[limit:], strict=False)]
        assert all(span >= WINDOW_SECONDS for span in spans)

    asyncio.run(run())


@given(STEPS, st.integers(1, 9))
def test_a_whole_limit_gets_in_after_quiet(steps: list[float], limit: int) -> None:
    async def run() -> None:
        clock = ManualClock()
        limiter = MemoryLimiter(clock, Counters())
        for step in steps:
            await clock.advance(step)
            await limiter.take([Ask("a", limit)])
        await clock.advance(WINDOW_SECONDS * (1 + 1 / SLOTS))
        taken = [await limiter.take([Ask("a", limit)]) for _ in range(limit + 1)]
        assert taken[:-1] == [None] * limit
        assert taken[-1] is not None

    asyncio.run(run())


async def test_keys_are_bounded_and_the_one_not_seen_for_longest_goes() -> None:
    counters = Counters()
    limiter = MemoryLimiter(ManualClock(), counters, keys_limit=3)
    for key in ("a", "b", "c", "a", "d"):
        await limiter.take([Ask(key, 2)])
    assert len(limiter) == 3
    assert counters.get("keys_forgotten") == 1
    assert await limiter.take([Ask("a", 2)]) is not None
    assert await limiter.take([Ask("b", 1)]) is None
