"""Redis that is away, stands still or wants another password: limits go on in memory, and are said once."""

import asyncio
import logging
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from nagare.config.settings import LimitsSettings
from nagare.errors import ConfigError, UnavailableError
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.server.rates.enduring import EnduringLimiter
from nagare.server.rates.limiter import Ask
from nagare.server.rates.memory import MemoryLimiter
from nagare.server.rates.shared import RedisLimiter
from tests.component.server.conftest import Serve
from tests.support.frozen import freeze
from tests.support.redis_server import redis_server

PASSWORD = "a-secret-of-redis"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="redis-") as made:
        yield Path(made)


async def test_it_goes_on_in_memory_and_comes_back(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nagare.server.rates")
    clock, counters = ManualClock(), Counters()
    with redis_server(folder) as redis:
        shared = RedisLimiter(LimitsSettings(redis_url=redis.url, redis_timeout_seconds=10.0))
        limiter = EnduringLimiter(shared, MemoryLimiter(clock, counters), clock, counters)
        assert await limiter.take([Ask("a", 1)]) is None
        redis.stop()
        # In memory it is the first one.
        assert await limiter.take([Ask("a", 1)]) is None
        assert await limiter.take([Ask("a", 1)]) is not None
        assert limiter.fault
        await clock.advance(6)
        assert await limiter.take([Ask("a", 1)]) is not None
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert counters.get("redis_failures") == 2
        redis.start()
        await clock.advance(6)
        assert await limiter.take([Ask("a", 1)]) is None
        assert not limiter.fault
        assert await limiter.take([Ask("a", 1)]) is not None
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
        await limiter.close()


async def test_one_that_stands_still_is_given_up_after_the_deadline(folder: Path) -> None:
    with redis_server(folder) as redis:
        limiter = RedisLimiter(LimitsSettings(redis_url=redis.url, redis_timeout_seconds=0.05))
        assert redis.process is not None
        freeze(redis.process.pid)
        with pytest.raises(UnavailableError):
            await limiter.take([Ask("a", 1)])
        # What it answers late belongs to nobody who asks later.
        redis.process.send_signal(signal.SIGCONT)
        for key in ("b", "c"):
            assert await limiter.take([Ask(key, 1)]) is None
            full = await limiter.take([Ask("free", 9), Ask(key, 1)])
            assert full is not None
            assert full.index == 1
        await limiter.close()


async def test_no_request_waits_for_one_that_stands_still(serve: Serve, folder: Path) -> None:
    with redis_server(folder) as redis:
        limits = LimitsSettings(redis_url=redis.url, redis_timeout_seconds=0.2)
        async with serve(sections={"limits": limits}) as api:
            assert (await api.call("GET", "/health", token=None)).json["status"] == "ok"
            assert redis.process is not None
            freeze(redis.process.pid)
            async with asyncio.timeout(5):
                many = await asyncio.gather(*(api.call("GET", "/health", token=None) for _ in range(40)))
                later = [await api.call("GET", "/health", token=None) for _ in range(40)]
            assert {answer.status for answer in (*many, *later)} == {200}
            assert later[-1].json["status"] == "degraded"
            # Those that were on their way waited, and no more than one that tried again.
            assert api.services.rates.counters.get("redis_failures") <= 42
            redis.process.send_signal(signal.SIGCONT)


async def test_a_password_that_is_no_text_is_as_one_that_is_wrong(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xff\xfe\n")
    with redis_server(folder, PASSWORD) as redis:
        limiter = RedisLimiter(
            LimitsSettings(redis_url=redis.url, redis_password_file=file, redis_timeout_seconds=10.0)
        )
        with pytest.raises(UnavailableError):
            await limiter.take([Ask("a", 1)])
        await limiter.close()


async def test_the_password_comes_from_a_file_and_stays_there(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("wrong-one\n")
    with redis_server(folder, PASSWORD) as redis:
        settings = LimitsSettings(redis_url=redis.url, redis_password_file=file, redis_timeout_seconds=10.0)
        limiter = RedisLimiter(settings)
        with pytest.raises(UnavailableError) as refused:
            await limiter.take([Ask("a", 1)])
        assert "wrong-one" not in str(refused.value)
        # Read again at the next connect.
        file.write_text(PASSWORD + "\n")
        assert await limiter.take([Ask("a", 1)]) is None
        file.unlink()
        await limiter.close()
        with pytest.raises(UnavailableError):
            await limiter.take([Ask("a", 1)])
        await limiter.close()


async def test_a_user_of_redis_has_its_password_in_the_file_too(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("of-the-user\n")
    with redis_server(folder, PASSWORD) as redis:
        admin = Redis.from_url(redis.url, password=PASSWORD)
        # What docs/how-to/limit-requests.md says that it needs, and no more.
        rights = ["+select", "+evalsha", "+script|load", "+time", "+hgetall", "+hdel", "+hincrby", "+pexpire"]
        await admin.acl_setuser(
            "nagare", enabled=True, passwords=["+of-the-user"], keys=["nagare:limits:*"], commands=rights
        )
        await admin.aclose()
        url = redis.url.replace("unix://", "unix://nagare@") + "?db=2"
        limiter = RedisLimiter(LimitsSettings(redis_url=url, redis_password_file=file, redis_timeout_seconds=10.0))
        assert await limiter.take([Ask("a", 1)]) is None
        assert await limiter.take([Ask("a", 1)]) is not None
        await limiter.close()


def test_without_the_package_a_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigError) as refused:
        RedisLimiter(LimitsSettings(redis_url="redis://127.0.0.1/0"))
    assert "nagare[redis]" in refused.value.hint


async def test_health_and_metrics_tell_that_it_is_away(serve: Serve, folder: Path) -> None:
    with redis_server(folder) as redis:
        limits = LimitsSettings(redis_url=redis.url, user_requests_per_minute=5, redis_timeout_seconds=10.0)
        async with serve(sections={"limits": limits}) as api:
            token = await api.register()
            assert (await api.call("GET", "/api/v1/agent/standing", token=token)).status != 429
            assert (await api.call("GET", "/api/v1/health")).json["checks"]["limits"] == "redis"
            redis.stop()
            statuses = [(await api.call("GET", "/api/v1/sql", token=token)).status for _ in range(7)]
            assert statuses[5:] == [429, 429]
            health = (await api.call("GET", "/api/v1/health")).json
            assert health["status"] == "degraded"
            assert health["checks"]["limits"].startswith("memory alone: Redis")
            assert "nagare_limits_redis_away 1" in (await api.call("GET", "/metrics")).raw.decode()


async def test_batches_of_hosts_ask_redis_nothing(serve: Serve, folder: Path) -> None:
    with redis_server(folder) as redis:
        limits = LimitsSettings(redis_url=redis.url, redis_timeout_seconds=10.0)
        async with serve(sections={"limits": limits}) as api:
            host = await api.register()
            await api.call("GET", "/health", token=None)
            assert redis.process is not None
            freeze(redis.process.pid)
            async with asyncio.timeout(9):
                for number in range(1, 11):
                    # A request id of its own takes it the long way, which the first ones of a sender go too.
                    headers = {"X-Request-Id": f"batch-{number:04}"} if number > 5 else {}
                    batch = api.batch(seq=number)
                    sent = await api.call("POST", "/api/v1/metrics/batch", batch, token=host, headers=headers)
                    assert sent.status == 200
            assert api.services.rates.counters.get("redis_failures") == 0
            redis.process.send_signal(signal.SIGCONT)
