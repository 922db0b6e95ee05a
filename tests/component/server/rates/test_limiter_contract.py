"""One contract for every limiter: in memory, and in a real Redis."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from nagare.config.settings import LimitsSettings
from nagare.lib.clock import SystemClock
from nagare.lib.counters import Counters
from nagare.lib.sliding_window import SLOTS
from nagare.server.rates.limiter import Ask, Limiter
from nagare.server.rates.memory import MemoryLimiter
from nagare.server.rates.shared import RedisLimiter
from tests.support.redis_server import RedisServer, redis_server

LONG, SHORT = 3600.0, 0.6
Make = Callable[[float], AbstractAsyncContextManager[Limiter]]


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    # The path of a socket is at most 107 bytes: a folder of pytest may be longer.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder, redis_server(Path(folder)) as server:
        yield server


@asynccontextmanager
async def _made(kind: str, url: str, prefix: str, window: float) -> AsyncIterator[Limiter]:
    settings = LimitsSettings(redis_url=url, redis_prefix=prefix, redis_timeout_seconds=10.0)
    limiter: Limiter = (
        RedisLimiter(settings, window_seconds=window)
        if kind == "redis"
        else MemoryLimiter(SystemClock(), Counters(), window_seconds=window)
    )
    try:
        yield limiter
    finally:
        await limiter.close()


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest, redis: RedisServer) -> Make:
    prefix = f"t{time.monotonic_ns()}"
    return lambda window: _made(request.param, redis.url, prefix, window)


async def test_so_many_get_in_and_then_none(make: Make) -> None:
    async with make(LONG) as limiter:
        assert [await limiter.take([Ask("a", 5)]) for _ in range(5)] == [None] * 5
        full = await limiter.take([Ask("a", 5)])
        assert full is not None
        assert full.index == 0
        assert LONG - LONG / SLOTS <= full.wait_seconds <= LONG + LONG / SLOTS
        # Another key is another's.
        assert await limiter.take([Ask("b", 5)]) is None


async def test_all_counts_are_taken_or_none(make: Make) -> None:
    async with make(LONG) as limiter:
        assert await limiter.take([Ask("small", 1)]) is None
        for _ in range(3):
            full = await limiter.take([Ask("wide", 2), Ask("small", 1)])
            assert full is not None
            assert full.index == 1
        # The refused ones left the other count alone.
        assert [await limiter.take([Ask("wide", 2)]) for _ in range(2)] == [None, None]


async def test_many_at_one_time_are_counted_one_by_one(make: Make) -> None:
    async with make(LONG) as limiter:
        taken = await asyncio.gather(*(limiter.take([Ask("a", 20)]) for _ in range(60)))
        assert taken.count(None) == 20


async def test_over_any_window_no_more_get_in_and_later_ones_do(make: Make) -> None:
    limit, clock = 3, SystemClock()
    passed: list[tuple[float, float]] = []
    async with make(SHORT) as limiter:
        while len(passed) < 3 * limit:
            before = clock.monotonic()
            full = await limiter.take([Ask("a", limit)])
            if full is None:
                passed.append((before, clock.monotonic()))
            else:
                assert 0 < full.wait_seconds <= SHORT + 2 * SHORT / SLOTS
                await clock.sleep(full.wait_seconds)
    spans = [last[1] - first[0] for first, last in zip(passed, passed[limit:], strict=False)]
    # Redis reads another clock of the machine, in milliseconds.
    assert min(spans) >= SHORT * 0.99


async def test_servers_with_one_redis_count_together_and_installations_do_not(redis: RedisServer) -> None:
    async with (
        _made("redis", redis.url, "one", LONG) as first,
        _made("redis", redis.url, "one", LONG) as second,
        _made("redis", redis.url, "other", LONG) as other,
    ):
        assert [await server.take([Ask("a", 2)]) for server in (first, second)] == [None, None]
        assert await first.take([Ask("a", 2)]) is not None
        assert await other.take([Ask("a", 2)]) is None
